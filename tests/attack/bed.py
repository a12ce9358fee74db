# SPDX-License-Identifier: GPL-2.0-only
"""What the attacks have in common: a server, good clients, and the verdict.

Theory of operation: each NAME.py here has ATTACKS, a list of functions that get
a Bed and attack it from the client's side for bed.seconds. The attacker is an
unprivileged outsider with one real address, unless the function says otherwise.
While `with bed.attack():` lasts, a hundred good clients per second connect,
and a long-lived connection is used now and then. Then the following must hold:

	every good client was served
	the service is armed, with the cookies that it had before
	net.ipv4.tcp_syncookies is unchanged
	no unexpected connection reached the listener, no request waited
	there, and its queues did not overflow
	no more bytes came back to the attacker than he sent

Bytes are counted on the client's veth: whatever goes to no good client is the
attacker's. By hand: tests/attack/run --help.
"""
import contextlib
import json
import os
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
import forms  # noqa: E402
import netenv  # noqa: E402
import spray  # noqa: E402
from goodclients import Held, connect, get_once  # noqa: E402
from namespace import wait_for  # noqa: E402
from netenv import last_json  # noqa: E402
from session_stats import deltas, reasons, service, wait_armed  # noqa: E402
from slack import slack  # noqa: E402

GOOD_RATE = 100  # a second
PORT = 80
AFTER = 10  # good clients one by one, after the attack
QUEUE_MOST = 2  # half-open: a good client that reuses a tuple
LOOK_S = 0.25
REACHED = ("TcpExtListenOverflows", "TcpExtListenDrops",
           "TcpExtTCPReqQFullDoCookies", "TcpExtTCPReqQFullDrop",
           "TcpExtSyncookiesSent", "TcpAttemptFails")
COUNTERS = """
table netdev attack {
	counter errors { }
	counter others { }
	chain in {
		type filter hook ingress device DEVICE priority 0;
		ip daddr IPV4 return
		ip6 daddr { IPV6, fe80::/10, ff00::/8 } return
		ether type arp return
		meta l4proto { icmp, ipv6-icmp } counter name errors return
		counter name others
	}
}
"""


class Bed:
    """@cookies: "own", "kernel" or "auto"; @config: further configuration;
    @mtu: of both ends."""

    def __init__(self, env, v6=False, seconds=2, cookies="auto", config="",
                 mtu=1500):
        self.env = env
        self.v6 = v6
        self.seconds = seconds
        self.mtu = mtu
        self.cookies = cookies
        self.sent = 0  # the attacker's bytes, on the wire
        self.handshakes = 0  # that the attacker completed
        self.answers_grow = False  # he is served, and requests a page
        self.queue, self._looked, self.back, self.end = 0, 0.0, 0, 0.0
        self.what = ""
        self.reasons = {}
        self.macs = bytes.fromhex(
            (env.server.mac + env.client.mac).replace(":", ""))
        self.server = env.server.ip6 if v6 else env.server.ip4
        self.name = f"IPv{6 if v6 else 4}, cookies = {cookies}"
        self._prepare(mtu)
        self.daemon = env.synkeeperd("-c", env.configure(
            f"{config}\n[service web]\nlisten = *:{PORT}\n"
            f"cookies = {cookies}\n"), services=())
        wait_armed(env)
        self.barrier()  # and the server knows its neighbour
        self.had = self.state()
        self.syncookies = env.server.sysctl("net.ipv4.tcp_syncookies")

    def _prepare(self, mtu):
        env = self.env
        for ns in (env.client, env.server):
            ns.run(["ethtool", "-K", ns.iface, "gro", "on"])
        if mtu == 1500:
            env.xdp(env.client, "pass")
        else:
            self._large_frames(mtu)
        env.client.run(["nft", "-f", "-"], input=COUNTERS
                       .replace("DEVICE", env.client.iface)
                       .replace("IPV4", env.client.ip4)
                       .replace("IPV6", env.client.ip6))
        env.nginx()

    def _large_frames(self, mtu):
        """The client's veth then needs a program that supports fragments;
        Synkeeper's own, with nothing to protect, is one."""
        env = self.env
        env.xdp(env.client, None)
        for ns in (env.client, env.server):
            ns.ip("link", "set", ns.iface, "mtu", str(mtu))
        control = f"{env.dir}/client-control"
        p = env.client.start(
            [f"{netenv.OUTPUT}/synkeeperd", "-i", env.client.iface, "-s",
             "*:9", "-m", "native", "--pin-dir", f"{env.bed_dir}/peer",
             "--control", control],
            name="client-synkeeperd")

        def runs():
            p.check_alive()
            return os.path.exists(control)

        wait_for(runs, 10, "Synkeeper on the client")

    def state(self):
        row = service(self.env, f"*:{PORT}")
        return {k: row[k] for k in ("armed", "cookies")}

    def came_back(self):
        """Bytes so far in frames to others than good clients: of ICMP errors,
        and of the rest. The hook does not see the 14-byte Ethernet header."""
        out = self.env.client.run(["nft", "-j", "list", "counters", "netdev"])
        found = {e["counter"]["name"]: e["counter"]
                 for e in json.loads(out.stdout)["nftables"] if "counter" in e}
        return [found[n]["bytes"] + 14 * found[n]["packets"]
                for n in ("errors", "others")]

    # -- what an attacker does

    def packet(self, src, *args, ident=1, **kwargs):
        """A Packet to the service; see forms.segment()."""
        s, d = forms.pack(src), forms.pack(self.server)
        return forms.Packet(self.macs, s, d,
                            forms.segment(s, d, *args, **kwargs), ident)

    def spray(self, frames, rate=20000, seconds=None, name="frames"):
        """Starts to send these in a loop; see sprayed()."""
        path = f"{self.env.dir}/{name.replace('/', '-')}"
        spray.write(path, frames)
        return self.env.client.start(
            [sys.executable, spray.__file__, self.env.client.iface, path,
             seconds or self.seconds, rate], name="spray")

    def sprayed(self, process):
        """Waits until it ends: {"frames" "bytes" "rounds"}."""
        while process.alive():
            self.look()
            time.sleep(0.02)
        assert process.wait(10) == 0, process.output()
        out = last_json(process)
        self.sent += out["bytes"]
        return out

    def flood(self, frames, **kwargs):
        return self.sprayed(self.spray(frames, **kwargs))

    @contextlib.contextmanager
    def packet_socket(self):
        """A socket to send frames with, at the attacker's end."""
        with self.env.client.inside():
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with s:
            s.bind((self.env.client.iface, 0))
            yield s

    def send(self, sock, frame):
        sock.send(frame)
        self.sent += max(spray.WIRE_MIN, len(frame))

    def more(self):
        """Should the attack go on? Looks at the listener's queue, too."""
        self.look()
        return time.monotonic() < self.end

    def connect(self):
        """A socket of the client's kernel, one more that will be served."""
        self.handshakes += 1
        return connect(self.env, v6=self.v6)

    def barrier(self):
        """Returns once the server has answered something sent after all that
        was sent before."""
        self.handshakes += 1
        get_once(self.env, v6=self.v6)

    # -- what must hold meanwhile and afterwards

    def look(self):
        """Checks the listener's queue, now and then."""
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        self.queue = max(self.queue, len(self.env.server.run(
            ["ss", "-Htn", "state", "syn-recv"]).stdout.splitlines()))

    @contextlib.contextmanager
    def _good_clients(self, busy):
        """Those of steady.py; yields a dictionary that they fill at the end."""
        got = {"asked": 0, "served": 0, "failures": 0}
        if not busy:
            yield got
            return
        source = self.env.client.ip6 if self.v6 else self.env.client.ip4
        held = Held(self.env, v6=self.v6)
        p = subprocess.Popen(self.env.client.command(
            [sys.executable, f"{HERE}/steady.py", source, self.server, PORT,
             GOOD_RATE, f"{self.env.dir}/www/1k"]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True)
        try:
            assert p.stdout.readline(), f"{self.what}: no good client was " \
                "served before it"
            yield got
            got.update(json.loads(p.communicate("\n", slack(30))[0]))
            held.ask(f"after {self.what}")
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()

    @contextlib.contextmanager
    def attack(self, what, busy=True):
        """@busy: good clients also during the attack, not only afterwards.
        Yields a dictionary: "asked" and "served" good clients, at its end."""
        self.what = f"{self.name}, {what}"
        self.queue = self.sent = self.handshakes = 0
        self.answers_grow = False
        with self._good_clients(busy) as got:
            kernel, stats = self.env.server.nstat(), reasons(self.env)
            admitted = self.sessions_admitted()
            back = self.came_back()
            self.end = time.monotonic() + self.seconds
            yield got
        self.reasons = deltas(stats, reasons(self.env))
        admitted = self.sessions_admitted() - admitted
        self.again = max(self.reasons.get("admitted", 0) - admitted, 0)
        errors, self.back = (now - then for now, then in
                             zip(self.came_back(), back))
        kernel = deltas(kernel, self.env.server.nstat())
        print(f"{self.what}: {self.sent} bytes sent, {self.back} came back, "
              f"{errors} in ICMP, "
              f"{self.queue} requests; {got}; {self.reasons}; "
              f"{ {k: kernel[k] for k in REACHED if k in kernel} }")
        self._served(got, busy)
        self._as_it_was()
        self._not_reached(kernel, got["served"])
        assert self.back + errors <= self.sent or self.answers_grow, \
            f"{self.what}: {self.back} and {errors} bytes came back for " \
            f"{self.sent}"

    def sessions_admitted(self):
        """How many sessions were opened by a cookie so far."""
        events = self.env.json("session", "totals")["total"]["events"]
        return events.get("admitted", 0)

    def _served(self, got, busy):
        assert not got["failures"] and got["asked"] == got["served"], \
            f"{self.what}: of {got['asked']} good clients {got['failures']} " \
            f"failed: {got['failed']}; {self.state()}, {self.reasons}"
        least = GOOD_RATE * self.seconds / 2
        assert not busy or got["served"] >= least, \
            f"{self.what}: only {got['served']} good clients, not {least}"
        for i in range(AFTER):
            try:
                get_once(self.env, v6=self.v6)
            except AssertionError as e:
                raise AssertionError(
                    f"{self.what}, afterwards: good client {i}: {e}; "
                    f"{self.state()}, {self.reasons}") from e

    def _as_it_was(self):
        state = self.state()
        assert state == self.had, \
            f"{self.what}: the service was {self.had}, and is " \
            f"{service(self.env, f'*:{PORT}')}"
        syncookies = self.env.server.sysctl("net.ipv4.tcp_syncookies")
        assert syncookies == self.syncookies, f"{self.what}: tcp_syncookies " \
            f"was {self.syncookies}, and is {syncookies}"

    def _not_reached(self, kernel, served):
        assert self.queue <= QUEUE_MOST, f"{self.what}: {self.queue} " \
            "half-open requests in the listener's queue"
        if self.had["cookies"] == "kernel":
            kernel.pop("TcpExtTCPReqQFullDoCookies", 0)  # by XDP, for each
        reached = {k: kernel[k] for k in REACHED if kernel.get(k)}
        assert not reached, f"{self.what}: the listener was reached: {reached}"
        # ACK and data that pass XDP on two CPUs at once are both admitted: the
        # kernel counts two children, of which it drops one
        opened = kernel.get("TcpPassiveOpens", 0) - self.handshakes - self.again
        # with kernel cookies, client data right behind the ACK can make the
        # kernel create a second child, drop it, and count both
        twice = 2 + served // 50 if self.cookies == "kernel" else 0
        assert opened <= served + twice, f"{self.what}: {opened} " \
            f"connections were opened, {served} by good clients"


def stage(env, attack, v6, seconds, cookies):
    """Runs one of the functions in ATTACKS in a new Env."""
    config = getattr(attack, "config", lambda _: "")(env)
    attack(Bed(env, v6, seconds, cookies, config,
               getattr(attack, "mtu", 1500)))
