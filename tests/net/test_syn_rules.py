# SPDX-License-Identifier: GPL-2.0-only
"""What `check` says of firewall rules that refuse SYNs.

Theory of operation: each ruleset is written as an operator would, with nft or
with iptables; `check` must name the rules that refuse the SYN alone, and be
silent about all that treat the ACK of the handshake alike.
"""
from nettest import net_test
from rulesets import INPUT, RAW, SYN, chain, check, iptables, must_find, nft

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
    (["tcp flags & (fin|syn|rst|ack) != syn accept",
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
