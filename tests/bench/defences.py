# SPDX-License-Identifier: GPL-2.0-only
"""What is compared: the ways to defend a server, each in its own test bed.

Theory of operation: a Defence sets up an Env with nginx on port 80. All beds
stay open side by side, so that rounds can alternate; an idle one costs nothing.
expect_answers() is what a defence must send back, which is checked before a
figure is accepted.

A veth has three peculiarities. It accepts frames from XDP only if the receiver
has an XDP program or GRO. So the kernel and nftables get the program `pass`,
which is fair, since it stands for a NIC driver's receive path; skb mode gets
GRO. A sender with TCP segmentation bypasses the receiver's queue where no
program is attached in native mode, so skb mode gets a client without. And the
kernel sends cookies only when the listener's queue is full, which a flood
achieves in its first millisecond.
"""
import os
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/lib"))
import netenv  # noqa: E402  (needs the path)
from namespace import CommandError, run  # noqa: E402

OTHER_CPU = 1  # not the flood's; see meter.py
FLOOR = os.path.join(netenv.OUTPUT, "floor")

# As nft(8) and the kernel require it: SYNs untracked, the ACK of a cookie
# invalid (nf_conntrack_tcp_loose = 0), and both passed to synproxy.
SYNPROXY = """
table {family} bench {{
	chain early {{
		type filter hook prerouting priority raw; policy accept;
		tcp dport 80 tcp flags & (fin|syn|rst|ack) == syn notrack
	}}
	chain late {{
		type filter hook input priority filter; policy accept;
		tcp dport 80 ct state invalid,untracked synproxy mss {mss} \
wscale 7 timestamp sack-perm
		tcp dport 80 ct state invalid drop
	}}
}}
"""


class Missing(Exception):
    """This machine lacks what the defence needs; says what."""


class Defence:
    """`title` is its name in tables and charts."""

    def __init__(self, key, title, answers=(), serves=True):
        self.key = key
        self.title = title
        self.answers = answers  # the kinds of packets it answers with SYN-ACKs
        self.serves = serves  # can good clients connect?
        self.native = key not in ("skb", "skb_drop")

    def __repr__(self):
        return self.title

    def set_up(self, env, cpu):
        """With nginx on that CPU."""
        env.nginx(cpu=cpu)
        if not self.native:
            env.server.run(["ethtool", "-K", env.server.iface, "gro", "on"])
            env.client.run(["ethtool", "-K", env.client.iface, "tso", "off"])
        getattr(self, "_" + self.key)(env)

    def expected_answers(self, kind, sent):
        """The minimum number of SYN-ACKs for `sent` packets."""
        share = {"syn": 1, "mixed": 1 / 7}.get(kind, 0)
        return 0.98 * share * sent if "syn" in self.answers else 0

    @staticmethod
    def _drop(env):
        env.xdp(env.server, "drop")

    @staticmethod
    def _bounce(env):
        run(["bpftool", "prog", "load", f"{FLOOR}/bounce.bpf.o",
             f"{env.bed_dir}/bounce", "type", "xdp"])
        env.xdp(env.server, "bounce")

    @staticmethod
    def _handshake(env, program="floor_xdp"):
        pins = f"{env.bed_dir}/handshake"
        try:
            run(["bpftool", "prog", "loadall", f"{FLOOR}/handshake.bpf.o",
                 pins])
        except CommandError as e:
            raise Missing(f"bpf_sk_assign_tcp_reqsk (Linux 6.9): {e}") from e
        env.xdp(env.server, f"handshake/{program}")
        env.server.run(["tc", "qdisc", "add", "dev", env.server.iface,
                        "clsact"])
        env.server.run(["tc", "filter", "add", "dev", env.server.iface,
                        "ingress", "bpf", "direct-action", "object-pinned",
                        f"{pins}/floor_tc"])

    def _handshake_line(self, env):
        self._handshake(env, "floor_xdp_line")

    @staticmethod
    def _native(env):
        env.synkeeperd("-m", "native")

    @staticmethod
    def _skb(env):
        env.synkeeperd("-m", "skb")

    @staticmethod
    def _kernel(env):
        env.server.sysctl("net.ipv4.tcp_syncookies", 1)
        env.xdp(env.server, "pass")

    @staticmethod
    def _cookies(env):
        env.server.sysctl("net.ipv4.tcp_syncookies", 2)
        env.xdp(env.server, "pass")

    @staticmethod
    def _nftables(env):
        if not shutil.which("nft"):
            raise Missing("nft is not installed")
        env.server.sysctl("net.ipv4.tcp_syncookies", 1)
        env.server.sysctl("net.ipv4.tcp_timestamps", 1)
        env.xdp(env.server, "pass")
        rules = "".join(SYNPROXY.format(family=family, mss=mss)
                        for family, mss in (("ip", 1460), ("ip6", 1440)))
        try:
            env.server.run(["nft", "-f", "-"], input=rules)
            env.server.sysctl("net.netfilter.nf_conntrack_tcp_loose", 0)
        except CommandError as e:
            raise Missing(f"nftables SYNPROXY: {e}".split("\n", 1)[0]) from e


DROP = Defence("drop", "XDP_DROP", serves=False)
BOUNCE = Defence("bounce", "XDP_TX", answers=("syn",), serves=False)
HANDSHAKE = Defence("handshake", "XDP handshake alone", answers=("syn",))
HANDSHAKE_LINE = Defence("handshake_line", "XDP handshake and a cold line",
                         answers=("syn",))
NATIVE = Defence("native", "Synkeeper native", answers=("syn",))
SKB = Defence("skb", "Synkeeper skb", answers=("syn",))
KERNEL = Defence("kernel", "kernel SYN cookies", answers=("syn",))
COOKIES = Defence("cookies", "kernel, cookies for all SYNs", answers=("syn",))
NFTABLES = Defence("nftables", "nftables SYNPROXY", answers=("syn",))


class Beds:
    """with Beds(defences) as beds: beds[NATIVE] is an Env; .missing says why
    there is none."""

    def __init__(self, defences, cpu=OTHER_CPU):
        self.defences = defences
        self.cpu = cpu  # of the servers
        self.missing = {}
        self._envs = {}

    def __enter__(self):
        try:
            for d in self.defences:
                self._open(d)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _open(self, defence):
        env = netenv.Env()
        self._envs[defence] = env.__enter__()
        # a client must not run out of ports, or hit its own TIME-WAITs
        env.client.sysctl("net.ipv4.ip_local_port_range", "1024 65535")
        try:
            defence.set_up(env, self.cpu)
        except Missing as why:
            self.missing[defence] = str(why)
            self._envs.pop(defence).close()

    def __exit__(self, *_):
        for env in self._envs.values():
            env.close()
        self._envs.clear()

    def __getitem__(self, defence):
        return self._envs[defence]

    def __contains__(self, defence):
        return defence in self._envs

    def present(self):
        return [d for d in self.defences if d in self._envs]
