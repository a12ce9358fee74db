#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""34: clients that the kernel refuses, whatever they send.

Theory of operation: see trials.py. The same client tries twice: who has been
refused once is to meet the kernel the second time.
"""
import contextlib
import os
import shutil
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import trials  # noqa: E402
from namespace import CommandError, wait_for  # noqa: E402
from nettest import skip  # noqa: E402
from trials import each, trial  # noqa: E402

CGROUPS = next((p for p in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
                if os.path.exists(f"{p}/cgroup.controllers")), None)
INPUT = "chain c { type filter hook input priority 0; "


def twice(bed):
    bed.echo()
    return {"first": bed.served(), "second": bed.served()}


@each(34, (
    ("drop", "a rule that drops", "fail2ban, blocklists, country filters",
     "SOURCE tcp dport PORT drop"),
    ("reset", "a rule that resets", "iptables -j REJECT --reject-with "
     "tcp-reset", "SOURCE tcp dport PORT reject with tcp reset"),
    ("icmp", "a rule that answers with ICMP", "firewalld's and ufw's reject",
     "SOURCE tcp dport PORT reject with ICMP type admin-prohibited"),
    ("stateful", "new, yet no SYN: drop", "the advice of a thousand tutorials",
     "tcp dport PORT tcp flags & (fin|syn|rst|ack) != syn ct state new drop"),
    ("invalid", "ct state invalid: drop", "every stateful firewall",
     "tcp dport PORT ct state invalid drop"),
    ("under_limit", "a limit that is not reached", "connlimit",
     "tcp dport PORT ct state new ct count over 1000 drop"),
))
def rule(bed, text):
    bed.nft(f"{INPUT} {text}; }}")
    return twice(bed)


@trial(34, "an xfrm policy", "IPsec gateways: this peer only encrypted")
def xfrm(bed):
    policy = ["dir", "in", "src", bed.source(), "dst", bed.address, "proto",
              "tcp", "dport", str(bed.port)]
    try:
        bed.server.run(["ip", "xfrm", "policy", "add", *policy, "action",
                        "block"])
    except CommandError as e:
        skip(f"no xfrm: {e}")
    bed.undo(bed.server.run, ["ip", "xfrm", "policy", "del", *policy])
    return twice(bed)


moving = threading.Lock()  # a process is in one cgroup


@contextlib.contextmanager
def own_cgroup(bed, program):
    """Sockets that are made meanwhile meet @program, C, first."""
    place = f"{CGROUPS}/parity-{os.getpid()}-{bed.column.name}"
    pin = f"{bed.env.pin_dir}-cgroup"
    obj = f"{bed.env.dir}/cgroup.o"
    bed.server.run(["clang", "-O2", "-g", "-target", "bpf", "-x", "c", "-c",
                    "-o", obj, "-"], input=program)
    bed.server.run(["bpftool", "prog", "load", obj, pin])
    bed.undo(os.unlink, pin)
    with moving:
        os.mkdir(place)
        bed.server.run(["bpftool", "cgroup", "attach", place, "ingress",
                        "pinned", pin])
        try:
            write(f"{place}/cgroup.procs", "0")
            yield
        finally:
            write(f"{CGROUPS}/cgroup.procs", "0")
            # it lives on in the sockets; commands of another column may be in
            wait_for(lambda: not read(f"{place}/cgroup.procs"), 5,
                     f"{place} to be empty")
            os.rmdir(place)


def read(path):
    with open(path, encoding="ascii") as f:
        return f.read()


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


@trial(34, "a cgroup's filter", "systemd's IPAddressDeny=, container runtimes")
def cgroup(bed):
    if not CGROUPS or not shutil.which("clang"):
        skip("no cgroup2, or no clang")
    with own_cgroup(bed, f"""
struct __sk_buff {{
    unsigned int before[34], local_port;
}};
__attribute__((section("cgroup_skb/ingress"), used))
int choose(struct __sk_buff *skb) {{ return skb->local_port != {bed.port}; }}
char l[] __attribute__((section("license"), used)) = "GPL";
"""):
        bed.echo()
    return {"first": bed.served(), "second": bed.served()}


@each(34, (
    ("blackhole", "a blackhole route", "RTBH, hosts that null-route an "
     "attacker", "blackhole"),
    ("unreachable", "an unreachable route", "VPN gateways without the tunnel",
     "unreachable"),
    ("prohibit", "a prohibiting route", "policy routing", "prohibit"),
))
def route(bed, kind):
    bed.route(kind=kind)
    bed.echo(armed=None)
    return {"first": bed.served(), "second": bed.served()}


def lead_elsewhere(bed):
    """The way back to the client is another interface."""
    link, peer = f"x{bed.port}", f"y{bed.port}"
    bed.server.ip("link", "add", link, "type", "veth", "peer", "name", peer)
    bed.undo(bed.server.ip, "link", "del", link)
    for end in (link, peer):
        bed.server.ip("link", "set", end, "up")
    bed.server.ip("-6" if bed.v6 else "-4", "route", "add",
                  f"{bed.source()}/{bed.bits}", "dev", link)


@trial(34, "rp_filter", "distributions that set rp_filter = 1", families=(4,))
def rp_filter(bed):
    lead_elsewhere(bed)
    bed.sysctl(f"net.ipv4.conf.{bed.server.iface}.rp_filter", 1)
    return twice(bed)


@trial(34, "the firewall's reverse path filter", "firewalld's rpfilter")
def reverse_path(bed):
    lead_elsewhere(bed)
    bed.nft("chain c { type filter hook prerouting priority -150; tcp dport "
            "PORT fib saddr . iif oif missing drop; }")
    return twice(bed)


if __name__ == "__main__":
    sys.exit(trials.main(__file__, sys.argv[1:]))
