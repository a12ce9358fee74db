# SPDX-License-Identifier: GPL-2.0-only
"""Firewall rules that refuse SYNs, which Synkeeper answers before them.

Theory of operation: each ruleset is written as an operator would, with nft or
with iptables; `check` must name the rules that refuse the SYN alone, and be
silent about all that treat the ACK of the handshake alike. The daemon says it
in its log, in `service list` and in its health, while the rule is there.
"""
import ctypes
import json
import os
import platform
import shutil
import socket
import struct

from namespace import wait_for
from nettest import net_test, skip
from session_stats import service, wait_armed

SYN = "tcp flags & (fin|syn|rst|ack) == syn"
INPUT = "type filter hook input priority 0"
RAW = "type filter hook prerouting priority raw"


def nft(env, text):
    """Replaces the ruleset."""
    env.server.run(["nft", "-f", "-"], input="flush ruleset\n" + text + "\n")


def chain(*rules, hook=INPUT, policy="accept", family="inet", more=""):
    lines = "\n\t\t".join(rules)
    return f"table {family} f {{\n{more}\n\tchain c {{\n\t\t{hook}; policy " \
        f"{policy};\n\t\t{lines}\n\t}}\n}}"


def iptables(env, text):
    """Replaces the ruleset; each line is the arguments of iptables."""
    if not shutil.which("iptables-nft"):
        skip("no iptables-nft")
    nft(env, "")
    for line in text.strip().splitlines():
        p = env.server.run(["iptables-nft", *line.split()], check=False)
        if p.returncode:
            skip(f"iptables-nft {line}: {p.stderr}")


def check(env, iface="server0"):
    """The findings about SYN rules that are not ok, and the exit code."""
    p = env.server.run([*env.synkeeper_command(), "-j", "check", iface],
                       check=False)
    found = json.loads(p.stdout)["findings"]
    return [f for f in found if f["what"] == "SYN rules" and
            f["state"] != "ok"], p.returncode


def must_find(env, what, *words):
    found, code = check(env)
    text = " ".join(f["found"] for f in found)
    assert code == 1 and [f["state"] for f in found] == ["fail"], \
        f"{what}: expected a failure, got exit code {code}, {found}"
    for word in words:
        assert word in text, f"{what}: expected {word!r} in {text}"
    assert all(f["fix"] for f in found), found


# rules of one chain on the way in: what must be named
BYPASSED = (
    ([f"tcp dport 80 {SYN} drop"], ("inet f c handle", "port 80", "syn",
                                    "drop")),
    ([f"tcp dport 80 ip saddr 192.0.2.0/24 {SYN} reject with tcp reset"],
     ("ip saddr 192.0.2", "reject")),
    (["tcp flags syn tcp option maxseg size 1-500 drop"],
     ("tcp option maxseg size",)),
    (["tcp option maxseg size 1-500 drop"], ("tcp option maxseg size",)),
    ([f"tcp dport 80 {SYN} ct count over 2 reject with tcp reset"],
     ("ct count",)),
    ([f"tcp dport 80 {SYN} limit rate over 2/minute burst 2 packets drop"],
     ("limit",)),
    ([f"tcp dport 80 {SYN} tcp option timestamp exists drop"],
     ("timestamp exists",)),
    (["tcp dport { 80, 443 } tcp flags syn / fin,syn,rst,ack "
      "osf name \"Linux\" drop"], ("osf",)),
    (["osf name \"Linux\" drop"], ("osf",)),
    # the limit of a SYN that is accepted, and what is above it
    (["tcp flags syn limit rate 100/second accept",
      f"{SYN} drop", "ct state new tcp dport 80 accept"], ("drop",)),
    # a stateless firewall: whatever is not a SYN passes
    ([f"tcp flags & (fin|syn|rst|ack) != syn accept",
      "tcp dport 80 ip saddr 192.0.2.0/24 accept", "tcp dport 80 drop"],
     ("tcp dport 80 drop",)),
    # in a chain of its own, by a map
    (["tcp flags vmap { syn : goto sub }"], ("inet f sub handle", "drop")),
    (["tcp dport vmap { 22 : accept, 80-90 : jump sub }", "accept"], None),
    (["tcp dport vmap { 22 : accept, 80-90 : jump sub2 }", "accept"],
     ("inet f sub2 handle", "syn")),
)

SUBS = "chain sub {\n limit rate 5/second return\n drop\n}\n" \
    f"chain sub2 {{\n {SYN} ip saddr @bad drop\n}}\n" \
    "set bad {\n type ipv4_addr\n}\n"


@net_test
def test_rules_that_refuse_the_syn_alone(env):
    env.nginx()
    env.synkeeperd()
    for rules, words in BYPASSED:
        nft(env, chain(*rules, more=SUBS))
        if words is None:  # the ACK meets the same limit
            found, _ = check(env)
            assert not found, f"{rules}: {found}"
        else:
            must_find(env, rules, *words)
    nft(env, "")
    found, _ = check(env)
    assert not found, f"without rules: {found}"


@net_test
def test_hooks_on_the_way_in(env):
    """Any hook above the driver, and none elsewhere."""
    env.nginx()
    env.synkeeperd()
    rule = f"tcp dport 80 {SYN} drop"
    ingress = "type filter hook ingress device {} priority 0"
    for hook, family, seen in (
            (RAW, "ip", True), (RAW, "inet", True),
            ("type filter hook prerouting priority mangle", "ip6", True),
            (INPUT, "ip", True), (ingress.format("server0"), "netdev", True),
            (ingress.format("server0"), "inet", True),
            (ingress.format("lo"), "netdev", False),
            ("type filter hook forward priority 0", "inet", False),
            ("type filter hook output priority 0", "inet", False)):
        nft(env, chain(rule, hook=hook, family=family))
        if seen:
            must_find(env, f"{family}: {hook}", f"{family} f c handle")
        else:
            found, _ = check(env)
            assert not found, f"{family}: {hook}: {found}"


@net_test
def test_rules_of_iptables_that_refuse_the_syn(env):
    env.nginx()
    env.synkeeperd()
    for rules, words in (
            ("-A INPUT -p tcp --syn --dport 80 -m connlimit "
             "--connlimit-above 20 -j REJECT --reject-with tcp-reset",
             ("ip filter INPUT handle", "connlimit", "reject")),
            ("-A INPUT -p tcp --syn -m hashlimit --hashlimit-name a "
             "--hashlimit-above 9/s -j DROP", ("hashlimit", "drop")),
            ("-A INPUT -p tcp -m tcpmss --mss 1:500 -j DROP",
             ("tcpmss",)),
            ("-t raw -A PREROUTING -p tcp --syn -m osf --genre Linux -j DROP",
             ("ip raw PREROUTING handle", "osf")),
            # csf's and others' flood limits
            ("-N SYNFLOOD\n-A INPUT -p tcp --syn -j SYNFLOOD\n"
             "-A SYNFLOOD -m limit --limit 100/s --limit-burst 150 -j RETURN\n"
             "-A SYNFLOOD -j LOG\n-A SYNFLOOD -j DROP",
             ("ip filter SYNFLOOD handle", "drop")),
            ("-P INPUT DROP\n-A INPUT -p tcp ! --syn -j ACCEPT\n"
             "-A INPUT -s 192.0.2.0/24 -p tcp --dport 80 -j ACCEPT",
             ("ip filter INPUT: policy drop",))):
        iptables(env, rules)
        must_find(env, rules, *words)
        env.server.run(["iptables-nft", "-P", "INPUT", "ACCEPT"])


FIREWALLD = """
table inet firewalld {
	chain mangle_PREROUTING {
		type filter hook prerouting priority mangle + 10; policy accept;
		jump mangle_PRE_public
	}
	chain mangle_PRE_public { return
	}
	chain filter_PREROUTING {
		type filter hook prerouting priority filter + 10; policy accept;
		icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
		meta nfproto ipv6 fib saddr . mark . iif oif missing drop
	}
	chain filter_INPUT {
		type filter hook input priority filter + 10; policy accept;
		ct state { established, related } accept
		ct status dnat accept
		iifname "lo" accept
		iifname "server0" goto filter_IN_public
		goto filter_IN_public
		ct state invalid drop
		reject with icmpx admin-prohibited
	}
	chain filter_IN_public {
		jump filter_IN_public_deny
		jump filter_IN_public_allow
		meta l4proto { icmp, ipv6-icmp } accept
		reject with icmpx admin-prohibited
	}
	chain filter_IN_public_deny {
		ip saddr 198.51.100.0/24 drop
	}
	chain filter_IN_public_allow {
		tcp dport 22 accept
		tcp dport { 80, 443 } accept
	}
}
"""

WORKSTATION = """
table inet filter {
	set blocked { type ipv4_addr
		flags timeout
	}
	chain input {
		type filter hook input priority 0; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iif lo accept
		ip saddr @blocked drop
		tcp flags & (fin|syn) == (fin|syn) drop
		tcp flags & (syn|rst) == (syn|rst) drop
		tcp flags & (fin|syn|rst|psh|ack|urg) == 0 drop
		tcp flags & (fin|syn|rst|psh|ack|urg) == (fin|syn|rst|psh|ack|urg) drop
		ip frag-off & 0x1fff != 0 drop
		meta l4proto { icmp, ipv6-icmp } accept
		tcp dport { 80, 443 } ct state new accept
		tcp dport 22 ct state new limit rate 10/minute accept
		log prefix "dropped " counter
	}
}
"""

FAIL2BAN = """
table inet f2b-table {
	set addr-set-nginx { type ipv4_addr
	}
	chain f2b-chain {
		type filter hook input priority filter - 1; policy accept;
		tcp dport { 80, 443 } ip saddr @addr-set-nginx reject with icmp port-unreachable
	}
}
"""

METER = """
table ip limits {
	set flood { type ipv4_addr
		flags dynamic,timeout
		timeout 1m
	}
	chain input {
		type filter hook input priority 0; policy accept;
		tcp dport 80 ct state new add @flood { ip saddr limit rate over 10/second } drop
		tcp dport 80 ct state new ct count over 1000 drop
	}
}
"""

MANGLE = """
table inet mangle {
	chain forward {
		type filter hook forward priority mangle; policy accept;
		tcp flags syn tcp option maxseg size set rt mtu
	}
	chain prerouting {
		type filter hook prerouting priority mangle; policy accept;
		tcp flags syn tcp option maxseg size set 1400
		tcp flags syn counter meta mark set 7
		ct state new log
	}
}
"""

GUESTS = """
table inet libvirt {
	chain input {
		type filter hook input priority 0; policy accept;
		iifname "virbr0" udp dport { 53, 67 } accept
		iifname "lo" tcp flags syn drop
		tcp dport 22 tcp flags syn limit rate over 3/minute drop
		udp dport 80 drop
	}
	chain forward {
		type filter hook forward priority 0; policy drop;
		tcp flags syn limit rate 3/minute accept
	}
}
"""

CLOSED = """
table inet f {
	chain input {
		type filter hook input priority 0; policy drop;
		ct state established,related accept
		ip saddr 192.0.2.0/24 tcp dport 22 accept
		tcp flags syn / fin,syn,rst,ack log drop
	}
}
"""

NFT_ORDINARY = {"firewalld": FIREWALLD, "a workstation": WORKSTATION,
                "fail2ban": FAIL2BAN, "meters on ct state new": METER,
                "MSS clamping": MANGLE, "guests and other ports": GUESTS,
                "a closed port": CLOSED}

IPT_ORDINARY = {
    "a plain one": """
-P INPUT DROP
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -j LOG
-A INPUT -j REJECT --reject-with icmp-host-prohibited""",
    "ufw": """
-N ufw-before-input
-N ufw-user-input
-N ufw-user-limit
-N ufw-not-local
-N ufw-logging-deny
-P INPUT DROP
-A INPUT -j ufw-before-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j ufw-logging-deny
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -j ufw-not-local
-A ufw-before-input -j ufw-user-input
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j ufw-logging-deny
-A ufw-not-local -j DROP
-A ufw-logging-deny -m conntrack --ctstate INVALID -m limit --limit 3/min -j RETURN
-A ufw-logging-deny -m limit --limit 3/min --limit-burst 10 -j LOG
-A ufw-user-input -p tcp --dport 80 -m conntrack --ctstate NEW -m recent --set
-A ufw-user-input -p tcp --dport 80 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j ufw-user-limit
-A ufw-user-input -p tcp --dport 80 -j ACCEPT
-A ufw-user-limit -m limit --limit 3/min -j LOG
-A ufw-user-limit -j REJECT""",
    "Docker": """
-N DOCKER-USER
-N DOCKER
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A DOCKER-USER -j RETURN
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp --dport 80 -j ACCEPT
-t raw -A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP""",
    "kube-proxy": """
-N KUBE-FIREWALL
-N KUBE-NODEPORTS
-N KUBE-EXTERNAL-SERVICES
-A INPUT -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-NODEPORTS
-A INPUT -j KUBE-FIREWALL
-A KUBE-EXTERNAL-SERVICES -p tcp -m addrtype --dst-type LOCAL --dport 30080 -j REJECT
-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP""",
    "fail2ban": """
-N f2b-nginx
-A INPUT -p tcp -m multiport --dports http,https -j f2b-nginx
-A f2b-nginx -s 192.0.2.7/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-nginx -j RETURN""",
    "scans": """
-N scans
-A INPUT -p tcp -j scans
-A scans -p tcp --tcp-flags ALL NONE -j DROP
-A scans -p tcp --tcp-flags ALL ALL -j DROP
-A scans -p tcp --tcp-flags ALL FIN,URG,PSH -j DROP
-A scans -p tcp --tcp-flags SYN,RST SYN,RST -j DROP
-A scans -p tcp --tcp-flags SYN,FIN SYN,FIN -j DROP
-A scans -p tcp --tcp-flags SYN,ACK SYN,ACK -m conntrack --ctstate NEW -j REJECT --reject-with tcp-reset
-A scans -f -j DROP""",
    "a connection limit for new ones": """
-A INPUT -p tcp --dport 80 -m conntrack --ctstate NEW -m connlimit --connlimit-above 50 -j DROP
-A INPUT -p tcp --dport 80 -m state --state NEW -m hashlimit --hashlimit-name b --hashlimit-above 50/s -j DROP""",
}


@net_test(timeout=200)
def test_ordinary_rulesets_gave_no_alarm(env):
    env.nginx()
    env.synkeeperd()
    for what, text in NFT_ORDINARY.items():
        nft(env, text)
        found, _ = check(env)
        assert not found, f"nft, {what}: a false alarm: {found}"
    for what, text in IPT_ORDINARY.items():
        iptables(env, text)
        found, _ = check(env)
        assert not found, f"iptables, {what}: a false alarm: {found}"


SYNPROXY = f"""
table ip raw {{
	chain p {{
		{RAW};
		tcp dport 80 tcp flags syn notrack
	}}
}}
table ip f {{
	chain c {{
		{INPUT};
		tcp dport 80 ct state invalid,untracked synproxy mss 1460 wscale 7
		ct state invalid drop
	}}
}}
"""


@net_test
def test_another_syn_proxy(env):
    env.nginx()
    env.synkeeperd()
    nft(env, SYNPROXY)
    must_find(env, "synproxy", "ip f c handle", "another SYN proxy")
    iptables(env, "-t raw -A PREROUTING -p tcp --dport 80 --syn -j CT --notrack"
             "\n-A INPUT -p tcp --dport 80 -m conntrack --ctstate "
             "INVALID,UNTRACKED -j SYNPROXY --mss 1460 --wscale 7")
    must_find(env, "SYNPROXY", "ip filter INPUT handle", "another SYN proxy")


@net_test
def test_new_and_not_syn(env):
    """csf's and many a howto's: it refuses every ACK that Synkeeper admits, and
    in words of iptables `check` did not see it."""
    env.nginx()
    env.synkeeperd()
    iptables(env, "-N INVALID\n-A INPUT ! -i lo -p tcp -j INVALID\n"
             "-A INVALID -p tcp ! --syn -m conntrack --ctstate NEW -j DROP")
    must_find(env, "new and not syn", "ip filter INVALID handle", "refused")


@net_test
def test_ports_that_are_no_service_only_warn(env):
    env.nginx()
    env.nginx(port=81)
    env.synkeeperd()
    nft(env, chain(f"tcp dport 81 {SYN} drop"))
    found, code = check(env)
    assert code == 0 and [f["state"] for f in found] == ["warn"] and \
        "port 81" in found[0]["found"], (code, found)


def bypasses(env, at="*:80"):
    return service(env, at)["bypasses"]


@net_test
def test_the_daemon_warns_while_there_is_a_rule(env):
    """At start-up, when a rule comes, and once; the mark goes with the rule."""
    env.nginx()
    nft(env, chain(f"tcp dport 80 {SYN} ip saddr 192.0.2.0/24 drop"))
    daemon = env.synkeeperd()
    first = bypasses(env)
    assert len(first) == 1 and first[0].startswith("inet f c handle"), first
    log = daemon.output()
    assert log.count("rule refuses some of its SYNs: inet f c") == 1, log
    status = env.json("status")
    assert any("so they pass: inet f c" in h for h in status["health"]) \
        and status["protected"], status["health"]
    text = env.synkeeper("service", "list").stdout
    assert "*:80 bypasses: inet f c handle" in text, text

    nft(env, "")
    wait_for(lambda: not bypasses(env), 1, "the mark to go with the rule")
    assert not env.json("status")["health"]
    env.server.run(["nft", "-f", "-"], input=chain(
        "tcp dport 443 tcp flags syn drop", "ct state new accept") + "\n")
    env.server.run(["nft", "add", "rule", "inet", "f", "c", *SYN.split(),
                    "limit", "rate", "over", "5/second", "drop"])
    # behind what accepts before it
    assert not bypasses(env), bypasses(env)
    env.server.run(["nft", "insert", "rule", "inet", "f", "c", *SYN.split(),
                    "limit", "rate", "over", "5/second", "drop"])
    wait_for(lambda: bypasses(env), 1, "a rule that came later to be found")
    log = daemon.output()
    assert log.count("refuses some of its SYNs") == 2, log
    assert "no longer bypassed: inet f c handle" in log, log


def refused(env):
    """Does a client fail to connect within a second?"""
    with env.client.inside():
        s = socket.socket()
    with s:
        s.settimeout(1)
        return s.connect_ex((env.server.ip4, 80)) != 0


@net_test
def test_refused_clients_were_served(env):
    """A rule that refuses SYNs refuses them with policy on, too: the kernel
    answers until a flood begins, and again when it is over."""
    env.nginx(backlog=4096)
    conf = env.configure("[service web]\nlisten = *:80\npolicy = on\n"
                         "[arming]\nsyn-rate = 500\ncalm = 2s\n")
    rule = chain(f"tcp dport 80 {SYN} ip saddr {env.client.ip4} drop")
    nft(env, rule)
    plain = refused(env)
    nft(env, "")
    env.synkeeperd("-c", conf, services=())
    wait_armed(env)
    assert refused(env) is False, "refused without a rule"
    nft(env, rule)
    wait_armed(env, armed=False)
    why = service(env, "*:80")["why"]
    assert "firewall rule" in why, why
    assert plain is True and refused(env) is True, \
        "the kernel refuses the client, Synkeeper serves it"
    flood = env.flood("syn", 10, rate=20000)
    wait_armed(env)
    flood.stop()
    wait_for(lambda: not service(env, "*:80")["armed"], 10, "the kernel's turn again")
    assert refused(env) is True, "served after the flood"
    nft(env, "")
    wait_armed(env)


@net_test
def test_a_rule_for_another_port_or_interface_was_marked(env):
    env.nginx()
    env.synkeeperd()
    for rule in ("tcp dport 81 tcp flags syn drop",
                 'iifname "lo" tcp flags syn drop',
                 'iifname "nowhere0" tcp flags syn drop'):
        nft(env, chain(rule))
        found, _ = check(env)
        assert not [f for f in found if f["state"] == "fail"], (rule, found)
        assert not bypasses(env), (rule, bypasses(env))
    nft(env, chain('iifname "server0" tcp flags syn drop'))
    wait_for(lambda: bypasses(env), 1, "a rule for this interface")


def tproxy(env, rule):
    nft(env, chain(rule, family="ip",
                   hook="type filter hook prerouting priority mangle"))


@net_test
def test_tproxy(env):
    """The proxy's socket replaces the one that tc assigns: SYNs pass. Without
    the proxy, and where the rule is for other ports, they are answered."""
    at = f"{env.server.ip4}:80"
    env.nginx()
    env.synkeeperd(services=(at, "*:80"))
    wait_armed(env, at)
    tproxy(env, "tcp dport 81 tproxy to :80 meta mark set 1 accept")
    env.fetch()
    assert service(env, at)["armed"], service(env, at)
    tproxy(env, "tcp dport 80 tproxy to :80 meta mark set 1 accept")
    wait_armed(env, at, False)
    assert "TPROXY" in service(env, at)["why"], service(env, at)
    assert service(env, "*:80")["armed"], "the rule says nothing of IPv6"
    env.fetch()
    found, code = check(env)
    assert code == 0 and "led to a proxy" in found[0]["found"], (code, found)
    nft(env, "")
    wait_armed(env, at)
    env.fetch()


IP_TRANSPARENT = 19


@net_test
def test_tproxy_for_addresses_of_others(env):
    """A rule for elsewhere: there SYNs pass, as the proxy would hang."""
    elsewhere = "198.51.100.9"
    with env.server.inside():
        s = socket.socket()
    s.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", 80))
    s.listen()
    s.settimeout(10)
    env.server.run(["ip", "rule", "add", "fwmark", "1", "lookup", "100"])
    env.server.run(["ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo",
                    "table", "100"])
    env.client.run(["ip", "route", "add", f"{elsewhere}/32", "via",
                    env.server.ip4])
    tproxy(env, f"ip daddr {elsewhere} tcp dport 80 tproxy to :80 "
           "meta mark set 1 accept")
    env.synkeeperd()
    wait_armed(env)
    for addr in elsewhere, env.server.ip4:
        with env.client.inside():
            c = socket.create_connection((addr, 80), 10)
        a, _ = s.accept()
        c.settimeout(10)
        a.settimeout(10)
        c.sendall(b"x")
        assert a.recv(1) == b"x" and a.getsockname()[0] == addr, addr
        c.close()
        a.close()
    total = env.json("stats")["total"]
    assert total.get("admitted") == 1, \
        f"expected one admitted, for the host's own address: {total}"
    s.close()


def other(env, what):
    """The findings of that name."""
    p = env.server.run([*env.synkeeper_command(), "-j", "check", "server0"],
                       check=False)
    return [f for f in json.loads(p.stdout)["findings"] if f["what"] == what]


@net_test
def test_ipsec_and_reverse_path(env):
    env.nginx()
    assert other(env, "IPsec")[0]["state"] == "ok", other(env, "IPsec")
    for policy, state in (
            (f"dir in src {env.client.ip4}/32 proto tcp dport 80 action block",
             "warn"),
            ("dir in src 192.0.2.0/24 proto tcp dport 81 action block", "ok"),
            ("dir out dst 192.0.2.0/24 proto tcp action block", "ok"),
            ("dir in src 192.0.2.0/24 proto udp action block", "ok"),
            ("dir in src 192.0.2.0/24 tmpl proto esp mode transport",
             "warn")):
        env.server.run(["ip", "xfrm", "policy", "add", *policy.split()])
        found = other(env, "IPsec")
        assert [f["state"] for f in found] == [state], (policy, found)
        env.server.run(["ip", "xfrm", "policy", "flush"])
    env.server.sysctl("net.ipv4.conf.server0.rp_filter", 1)
    assert "strict" in other(env, "rp_filter")[0]["found"]
    env.server.sysctl("net.ipv4.conf.server0.rp_filter", 0)
    env.server.sysctl("net.ipv4.conf.all.rp_filter", 0)
    assert "not strict" in other(env, "rp_filter")[0]["found"]


@net_test
def test_programs_that_choose_listeners(env):
    """An sk_lookup program of the namespace."""
    prog = f"{env.dir}/lookup.o"
    source = """
struct bpf_sk_lookup;
__attribute__((section("sk_lookup"), used))
int pass(struct bpf_sk_lookup *c) { return 1; }
char l[] __attribute__((section("license"), used)) = "GPL";
"""
    if not shutil.which("clang"):
        skip("no clang")
    env.server.run(["clang", "-O2", "-g", "-target", "bpf", "-x", "c", "-c",
                    "-o", prog, "-"], input=source)
    pin = f"/sys/fs/bpf/synkeeper-test-{os.getpid()}-lookup"
    env.server.run(["bpftool", "prog", "load", prog, pin])
    try:
        assert other(env, "socket lookup")[0]["state"] == "ok"
        link = attach_lookup(env, pin)
        found = other(env, "socket lookup")
        assert found[0]["state"] == "warn" and found[0]["fix"], found
        os.close(link)
    finally:
        os.unlink(pin)


BPF_OBJ_GET, BPF_LINK_CREATE, BPF_SK_LOOKUP = 7, 28, 36


def attach_lookup(env, pin):
    """bpf_link of the program at @pin to the server's namespace."""
    name = ctypes.create_string_buffer(pin.encode())
    prog = bpf(BPF_OBJ_GET, struct.pack("=QII", ctypes.addressof(name), 0, 0))
    with env.server.inside():
        ns = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        return bpf(BPF_LINK_CREATE, struct.pack("=IIII", prog, ns,
                                                BPF_SK_LOOKUP, 0))
    finally:
        os.close(ns)
        os.close(prog)


def bpf(command, attr):
    number = {"x86_64": 321, "aarch64": 280}[platform.machine()]
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(attr + bytes(64))
    fd = libc.syscall(number, command, buf, ctypes.c_uint(len(buf) - 1))
    assert fd >= 0, os.strerror(ctypes.get_errno())
    return fd
