# SPDX-License-Identifier: GPL-2.0-only
"""`synkeeper check`: each condition is set up for real, must be found, and must
be gone after the fix that the finding names; without conditions it is silent.
"""
import json
import platform
import re
import socket

from namespace import CommandError, wait_for
from nettest import mode, net_test, skip
from session_stats import protect

IPPROTO_MPTCP = 262
BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}
# The bed's peer is in another namespace, like a container's.
EXPECTED = {"veth peer"}


def check(env, iface="server0", prefix=()):
    """{what: [finding]}, and whether it is ready, which is the exit code."""
    p = env.server.run([*prefix, *env.synkeeper_command(), "-j", "check",
                        iface], check=False)
    got = json.loads(p.stdout)
    fails = [f for f in got["findings"] if f["state"] == "fail"]
    assert got["ready"] == (not fails) and p.returncode == bool(fails), \
        f"exit code {p.returncode}, ready = {got['ready']}, with {fails}"
    found = {}
    for f in got["findings"]:
        found.setdefault(f["what"], []).append(f)
    return found, got["ready"]


def expect(env, what, state, *words, iface="server0", prefix=()):
    """Requires findings of that name, state and words; returns the fix."""
    found, _ = check(env, iface, prefix)
    assert what in found, f"no finding {what} among {list(found)}"
    bad = [f for f in found[what] if f["state"] != "ok"]
    assert (bad or found[what])[0]["state"] == state, \
        f"{what}: expected {state}, got {found[what]}"
    text = " ".join(f["found"] + " " + f["fix"] for f in bad or found[what])
    for word in words:
        assert word in text, f"{what}: expected {word} in: {text}"
    assert state == "ok" or all(f["fix"] for f in bad), bad
    return " ".join(f["fix"] for f in bad)


def cure(env, fix, command):
    """Runs the command at the end of the fix."""
    m = re.search(rf"{command} [^:,]*", fix)
    assert m, f"expected {command} in: {fix}"
    env.server.run(m.group(0).split())


@net_test
def test_clean(env):
    """Without conditions there are no findings, before and with a daemon."""
    env.nginx()
    for _ in "without", "with":
        found, ready = check(env)
        bad = [f for what in found.keys() - EXPECTED for f in found[what]
               if f["state"] != "ok"]
        assert ready and not bad, f"false alarms: {bad}"
        env.synkeeperd()


@net_test
def test_sysctls(env):
    for key, bad, state in (("net.ipv4.tcp_timestamps", 0, "warn"),
                            ("net.ipv4.tcp_window_scaling", 0, "warn"),
                            ("net.ipv4.tcp_sack", 0, "warn"),
                            ("net.core.somaxconn", 16, "warn")):
        what = key.rsplit(".", 1)[1]
        expect(env, what, "ok")
        env.server.sysctl(key, bad)
        cure(env, expect(env, what, state), "sysctl -w")
        expect(env, what, "ok")


@net_test
def test_syncookies(env):
    """Without it the kernel would drop the ACK of a cookie: the daemon sets it,
    even if somebody turns it off while a service is armed."""
    env.nginx()
    env.server.sysctl("net.ipv4.tcp_syncookies", 0)
    expect(env, "tcp_syncookies", "warn")
    env.synkeeperd()
    for _ in range(2):
        expect(env, "tcp_syncookies", "ok")
        env.fetch()
        env.server.sysctl("net.ipv4.tcp_syncookies", 0)
        wait_for(lambda: env.server.sysctl("net.ipv4.tcp_syncookies") == "1",
                 5, "tcp_syncookies = 1 again")


def listener(env, port, backlog, protocol=0, address="0.0.0.0"):
    with env.server.inside():
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    s.listen(backlog)
    return s


@net_test
def test_mptcp(env):
    try:
        s = listener(env, 443, 128, IPPROTO_MPTCP)
    except OSError as e:
        skip(f"no MPTCP: {e}")
    expect(env, "MPTCP", "warn", "443", "GODEBUG=multipathtcp=0")
    s.close()
    with listener(env, 443, 128):
        expect(env, "MPTCP", "ok")


@net_test
def test_backlog(env):
    with listener(env, 80, 5), listener(env, 81, 128), \
            listener(env, 82, 5, address="127.0.0.1"):
        fix = expect(env, "accept queues", "warn", "port 80")
        assert "backlog" in fix, fix
    with listener(env, 80, 128):
        expect(env, "accept queues", "ok")


@net_test
def test_services(env):
    env.synkeeperd(services=("*:80", "*:81"))
    env.synkeeper("service", "policy", "*:81", "off")
    expect(env, "service", "warn", "*:80", "no listener")
    env.nginx()
    wait_for(lambda: "services" in check(env)[0], 10,
             "the service to have a listener")
    expect(env, "services", "ok", "2")


def nft(env, *rules, chains="type filter hook input priority 0", policy="accept"):
    """These rules, and no others, in one chain."""
    env.server.run(["nft", "-f", "-"], input="\n".join(
        ["flush ruleset", "table inet f {", "chain sub { return", "}",
         f"chain c {{ {chains}; policy {policy};", *rules, "}", "}"]) + "\n")


INPUT = "type filter hook input priority 0"
RAW = "type filter hook prerouting priority -300"
NAT = "type nat hook prerouting priority -100"
POSTROUTING = "type nat hook postrouting priority 100"
SYN = "tcp flags & (fin|syn|rst|ack) == syn"
# (loose, hook, policy, rules, what is wrong; "": nothing)
FIREWALLS = (
    (1, INPUT, "accept", ["ct state invalid drop"], ""),
    (0, INPUT, "accept", ["ct state invalid drop"], "firewall"),
    (1, INPUT, "accept", [f"tcp dport 80 {SYN} ct state new accept",
                          "tcp dport 80 ct state new drop"], "firewall"),
    (1, INPUT, "accept", ["tcp flags & (fin|syn|rst|ack) != syn "
                          "ct state new drop"], "firewall"),
    (0, INPUT, "accept", ["tcp flags & (fin|syn|rst|ack) != syn "
                          "ct state new drop"], ""),
    (1, INPUT, "drop", ["ct state established,related accept",
                        "tcp dport { 80, 443 } ct state new accept"], ""),
    (0, INPUT, "drop", ["ct state established,related accept",
                        "tcp dport { 80, 443 } ct state new accept"],
     "firewall"),
    (1, INPUT, "drop", ["ct state vmap { established : accept, related : "
                        "accept, invalid : drop }",
                        "iifname \"lo\" accept", "udp dport 53 accept",
                        "tcp dport 80-90 accept"], ""),
    (0, INPUT, "drop", ["ct state vmap { established : accept, related : "
                        "accept, invalid : drop }",
                        "tcp dport 80 accept"], "firewall"),
    (1, INPUT, "drop", ["iifname \"server0\" jump sub", "tcp dport 80 goto sub",
                        "accept"], "closed"),
    (1, INPUT, "drop", ["iifname \"server0\" jump sub",
                        "ip saddr 192.0.2.0/24 tcp dport 80 accept",
                        "meta l4proto { icmp, icmpv6 } accept"], ""),
    (1, NAT, "accept", ["tcp dport 80 redirect to :8080"], "NAT"),
    (1, NAT, "accept", ["fib daddr type local tcp dport 80 "
                        "dnat ip to 192.0.2.2:8080"], "NAT"),
    (1, NAT, "accept", ["tcp dport 81 redirect to :8080"], "NAT"),
    (1, NAT, "accept", ["tcp dport 81 counter"], ""),
    (1, POSTROUTING, "accept", ["oifname \"lo\" masquerade"], "NAT"),
    (1, RAW, "accept", ["tcp dport 80 tcp flags syn notrack"], ""),
)


def withheld(env):
    """How often the kernel wanted to reset a client that XDP had admitted."""
    return env.json("stats")["total"].get("rst_suppressed", 0)


@net_test
def test_firewall(env):
    """Whether a client gets through is what check predicted."""
    env.nginx()
    env.nginx(port=8080)
    protect(env, config="\n")
    net = env.client.ip4.rpartition(".")[0]
    for i, (loose, hook, policy, rules, wrong) in enumerate(FIREWALLS):
        # a source that was refused is left to the kernel for ten minutes
        source = f"{net}.{100 + i}"
        env.client.ip("addr", "add", f"{source}/24", "dev", env.client.iface)
        env.neighbour(source)
        nft(env, *rules, chains=hook, policy=policy)
        env.server.sysctl("net.netfilter.nf_conntrack_tcp_loose", loose)
        found, _ = check(env)
        bad = {what for what in ("firewall", "NAT") for f in found.get(what, ())
               if f["state"] != "ok"}
        assert bad == {wrong} - {"", "closed"}, \
            f"loose = {loose}, {rules}: expected {wrong}, got {found}"
        # the kernel decides
        before = withheld(env)
        got = env.client.run(["curl", "-sS", "--interface", source, "-m",
                              "10" if wrong in ("", "NAT") else "0.5",
                              "-o", "/dev/null", f"http://{env.server.ip4}/1k"],
                             check=False)
        # with NAT the daemon chooses what works
        failed = got.returncode != 0
        assert failed == (wrong not in ("", "NAT")), \
            f"loose = {loose}, {rules}: expected {wrong}, got {got.stderr}"
        assert withheld(env) == before, \
            f"loose = {loose}, {rules}: the kernel lost an admitted client"


@net_test
def test_firewall_cure(env):
    env.nginx()
    nft(env, "ct state invalid drop")
    env.server.sysctl("net.netfilter.nf_conntrack_tcp_loose", 0)
    cure(env, expect(env, "firewall", "fail", "any", "inet f c"), "sysctl -w")
    expect(env, "firewall", "ok")
    # for a port that is not protected, it is a warning
    nft(env, f"tcp dport 80 {SYN} accept", "tcp dport 80 drop")
    expect(env, "firewall", "warn", "port 80", "whatever the TCP flags")
    nft(env, "tcp dport 80 ct state new accept")
    expect(env, "firewall", "ok")


NOTRACK = """
table inet r {
	chain p { type filter hook prerouting priority -300
		tcp dport 80 notrack
	}
}
"""


@net_test
def test_nat_cure(env):
    """Untracked ports are compatible with NAT, and check is silent about
    them."""
    env.nginx()
    env.synkeeperd()
    nft(env, 'oifname "lo" masquerade', chains=POSTROUTING)
    expect(env, "NAT", "warn", "port 80", "tcp dport PORT notrack")
    env.server.run(["nft", "-f", "-"], input=NOTRACK)
    expect(env, "NAT", "ok", "exempt")
    env.fetch()


@net_test
def test_nat_elsewhere(env):
    """A service that is redirected is not protected, which is a warning."""
    env.nginx()
    env.synkeeperd()
    nft(env, "tcp dport 80 redirect to :8080", chains=NAT)
    expect(env, "NAT", "fail", "port 80", "that it is redirected to")


@net_test
def test_mtu(env):
    env.xdp(env.client, None)
    env.server.ip("link", "set", "server0", "mtu", "1000")
    expect(env, "MTU", "warn", "1000", "1280")
    env.server.ip("link", "set", "server0", "mtu", "1280")
    expect(env, "MTU", "ok")
    env.server.ip("link", "set", "server0", "mtu", "9000")
    expect(env, "MTU", "ok", "several buffers")


@net_test
def test_attached(env):
    expect(env, "attached program", "ok", "none")
    env.xdp(env.server, "client")
    expect(env, "attached program", "fail", "client", "--replace",
           "xdp off")
    env.xdp(env.server, None)
    env.synkeeperd()
    expect(env, "attached program", "ok", "synkeeper", mode())


@net_test
def test_down(env):
    env.server.ip("link", "set", "server0", "down")
    cure(env, expect(env, "interface", "warn"), "ip link set")
    expect(env, "interface", "ok")


@net_test
def test_queues(env):
    env.server.ip("link", "add", "q0", "numrxqueues", "2", "numtxqueues", "2",
                  "type", "veth", "peer", "q1")
    env.server.ip("link", "set", "q0", "up")
    env.server.run(["ethtool", "-L", "q0", "rx", "1"])
    expect(env, "RX queues", "warn", "1 of 2", "-L", iface="q0")
    env.server.run(["ethtool", "-L", "q0", "rx", "2"])
    expect(env, "RX queues", "ok", "2 of 2", iface="q0")


@net_test
def test_veth_peer(env):
    env.server.ip("link", "add", "q0", "type", "veth", "peer", "q1")
    expect(env, "veth peer", "ok", "skb mode", iface="q0")
    pinned = ["bpftool", "net", "attach", "xdpdrv", "pinned",
              f"{env.bed_dir}/client", "dev"]
    env.server.run([*pinned, "q0"])
    expect(env, "veth peer", "fail", "mode = auto", iface="q0")
    env.server.run([*pinned, "q1"])
    expect(env, "veth peer", "ok", "has an XDP program", iface="q0")


@net_test
def test_vlan(env):
    try:
        env.server.ip("link", "add", "link", "server0", "name", "v0", "type",
                      "vlan", "id", "5")
    except CommandError as e:
        skip(f"no VLAN interfaces: {e}")
    cure(env, expect(env, "VLAN tags", "warn"), "ethtool -K")
    expect(env, "VLAN tags", "ok")


@net_test
def test_features(env):
    """What is shown follows what ethtool switches."""
    for switch, words in (("on", "stripped by"), ("off", "not stripped")):
        env.server.run(["ethtool", "-K", "server0", "rxvlan", switch])
        expect(env, "VLAN tags", "ok", words)
    expect(env, "LRO", "ok", "off")
    expect(env, "hardware GRO", "ok", "off")


@net_test
def test_privileges(env):
    bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    found, ready = check(env, prefix=bare)
    bad = {what for what in found for f in found[what] if f["state"] == "fail"}
    assert not ready and {"privileges", "bpf()"} <= bad, found


@net_test
def test_bpf_refused(env):
    """Root, but with a container's filter: only bpf() itself tells."""
    number = BPF_SYSCALL.get(platform.machine())
    if not number:
        skip("the test does not know the number of bpf() here")
    script = f"{env.dir}/without-bpf"
    with open(script, "w", encoding="utf-8") as f:
        f.write(WITHOUT_BPF.replace("BPF_SYSCALL", str(number)))
    expect(env, "bpf()", "fail", "not permitted", "seccomp",
           prefix=["/usr/bin/python3", script])
    expect(env, "privileges", "ok", prefix=["/usr/bin/python3", script])
    expect(env, "bpf()", "ok")


# Runs the rest of its command line with bpf() failing with EPERM.
WITHOUT_BPF = """
import ctypes, os, struct, sys
code = b"".join(struct.pack("=HBBI", *i) for i in (
    (0x20, 0, 0, 0),                # the call's number
    (0x15, 0, 1, BPF_SYSCALL),
    (0x06, 0, 0, 0x00050001),       # SECCOMP_RET_ERRNO, EPERM
    (0x06, 0, 0, 0x7fff0000)))      # SECCOMP_RET_ALLOW
insns = ctypes.create_string_buffer(code)
program = struct.pack("=HxxxxxxQ", len(code) // 8, ctypes.addressof(insns))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
    sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
"""
