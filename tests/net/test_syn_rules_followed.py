# SPDX-License-Identifier: GPL-2.0-only
"""What the daemon does about firewall rules that judge SYNs.

Theory of operation: it says so in its log, in `service list` and in its health
while the rule is there; a service whose SYNs a rule refuses is left to the
kernel until a flood; what TPROXY leads elsewhere passes.
"""
import socket

from namespace import wait_for
from nettest import net_test
from rulesets import SYN, chain, check, nft
from session_stats import service, wait_armed


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
