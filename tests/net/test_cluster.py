# SPDX-License-Identifier: GPL-2.0-only
"""Nodes that share a secret: a SYN is answered here, its ACK arrives there.

Theory of operation: every node is an Env of its own, a server with the same
addresses as the others, as behind a router that spreads packets over them. A
scapy peer sends the SYN to one node and the ACK to another, as when the route
has moved in between. The clock of one process cannot be moved; for tests, the
daemon adds SYNKEEPER_TEST_CLOCK_MS to UTC, and so do its programs.
"""
import contextlib
import ctypes
import os
import re
import signal
import time

from backend import OWN_COOKIES
from namespace import run, wait_for
from netenv import OUTPUT, Env
from nettest import net_test, skip
from scapytools import LINUX, WINDOWS, Peer
from session_stats import counted, reasons, wait_armed
from sockets import accept, listen

EPOCH = 64  # seconds
CONFIG = "[keys]\nsecret = {key}\n[service web]\nlisten = *:80\n"
STA_UNSYNC = 0x40


def needs_own_cookies():
    if not OWN_COOKIES:
        skip("this kernel honours only its own cookies, which are not shared")


class Node:
    """A host with a listener and a daemon that shares a secret."""

    def __init__(self, env, secret=None, clock_ms=0):
        self.env = env
        self.key = f"{env.dir}/cluster.key"
        self.config = env.configure(CONFIG.format(key=self.key))
        self.clock_ms = clock_ms
        if secret:
            self.install(secret)
        self.listener = listen(env)
        self.peers = {v6: Peer(env, v6) for v6 in (False, True)}
        self.daemon = None

    def install(self, path):
        run(["install", "-m", "600", path, self.key])

    def start(self, armed=True):
        self.daemon = self.env.synkeeperd(
            "-c", self.config, services=(), wrap=[
                "env", f"SYNKEEPER_TEST_CLOCK_MS={self.clock_ms}"])
        if armed:
            wait_armed(self.env)
        return self

    def close(self):
        self.listener.close()
        for peer in self.peers.values():
            peer.sock.close()

    def command(self, *args, check=True):
        return run([f"{OUTPUT}/synkeeper", "-c", self.config, *args], check)

    def step(self, *verb):
        """A step of a rollout, and the reload that puts it into force."""
        self.command("key", *verb)
        self.env.synkeeper("reload")

    def syn(self, options=LINUX, v6=False):
        flow = self.peers[v6].flow()
        flow.syn(options)
        return flow

    def ack(self, flow, what):
        """The handshake ends here, wherever it began."""
        flow.peer = self.peers[flow.peer.v6]
        with counted(self.env, what, admitted=1):
            flow.send("A")
        with accept(self.listener, what):
            flow.say(b"hello", what)

    def refuse(self, flow, what, *why):
        flow.peer = self.peers[flow.peer.v6]
        before = reasons(self.env)
        flow.send("A")
        frame = flow.recv(f"{what}: the ACK's answer")
        assert "R" in str(frame["TCP"].flags), \
            f"{what}: expected RST, got {frame['TCP'].flags}"
        after = reasons(self.env)
        assert any(after.get(r, 0) > before.get(r, 0) for r in why), \
            f"{what}: expected one of {why}, got {before} -> {after}"


@contextlib.contextmanager
def nodes(env, n=2, secrets=None, clocks=None):
    """Nodes that run; by default they have the same secret."""
    needs_own_cookies()
    with contextlib.ExitStack() as stack:
        envs = [env] + [stack.enter_context(Env()) for _ in range(n - 1)]
        made = []
        for i, e in enumerate(envs):
            secret = secrets[i] if secrets else new_secret(env, "one")
            node = Node(e, secret, clocks[i] if clocks else 0)
            stack.callback(node.close)
            made.append(node.start())
        yield made


def new_secret(env, name):
    path = f"{env.dir}/{name}.key"
    run([f"{OUTPUT}/synkeeper", "key", "generate", path])
    return path


def before_boundary(seconds):
    """What to add to the clock, ms: an epoch ends in so many seconds."""
    now = time.time()
    return round((EPOCH - seconds - now % EPOCH) * 1000)


@net_test
def test_ack_at_another_node(env):
    with nodes(env) as (a, b):
        for v6 in (False, True):
            for name, options in (("Linux", LINUX), ("Windows", WINDOWS)):
                what = f"IPv{6 if v6 else 4}, {name}"
                b.ack(a.syn(options, v6), f"{what}, SYN at A, ACK at B")
                a.ack(b.syn(options, v6), f"{what}, SYN at B, ACK at A")
                a.ack(a.syn(options, v6), f"{what}, both at A")


@net_test
def test_another_secret(env):
    secrets = [new_secret(env, name) for name in ("one", "two")]
    with nodes(env, secrets=secrets) as (a, b):
        b.refuse(a.syn(), "a cookie of another secret", "reset")
        a.refuse(b.syn(), "a cookie of another secret", "reset")
        b.ack(b.syn(), "its own")


def both_ways(a, b, what):
    b.ack(a.syn(), f"{what}: SYN at A, ACK at B")
    a.ack(b.syn(), f"{what}: SYN at B, ACK at A")


@net_test
def test_rollout(env):
    """Before, between and after each node's step, with flights across it."""
    fresh = new_secret(env, "fresh")
    with nodes(env) as (a, b):
        for verb in (("stage", fresh), ("promote",)):
            flights = [a.syn(), a.syn(), b.syn(), b.syn()]
            a.step(*verb)
            both_ways(a, b, f"{verb[0]} at A only")
            a.ack(flights[0], f"SYN at A, {verb[0]}, ACK at A")
            a.ack(flights[2], f"SYN at B, {verb[0]} at A, ACK there")
            late = a.syn()
            b.step(*verb)
            both_ways(a, b, f"{verb[0]} at both")
            b.ack(flights[1], f"SYN at A, {verb[0]} at both, ACK at B")
            b.ack(flights[3], f"SYN at B, {verb[0]} at both, ACK there")
            b.ack(late, f"{verb[0]} at A, SYN there, {verb[0]} at B, ACK")
        flights = [a.syn(), b.syn()]
        a.step("retire")
        both_ways(a, b, "retire at A only")
        a.ack(flights[1], "SYN at B, retire at A, ACK there")
        b.step("retire")
        both_ways(a, b, "retire at both")
        b.ack(flights[0], "SYN at A, retire at both, ACK at B")


@net_test
def test_a_retired_secret_counts_no_longer(env):
    fresh = new_secret(env, "fresh")
    with nodes(env) as (a, b):
        flow = a.syn()
        for verb in (("stage", fresh), ("promote",), ("retire",)):
            b.step(*verb)
        b.refuse(flow, "a cookie of the secret that was retired", "reset")
        secrets = b.env.json("key", "list")["secrets"]
        assert [s["role"] for s in secrets] == ["current"], secrets


def profile(node):
    return node.env.json("cluster")["profile"]


@net_test
def test_another_profile(env):
    """A node that would read a cookie otherwise rejects it."""
    with nodes(env) as (a, b):
        same = profile(a)
        assert same == profile(b), f"{same}, at B {profile(b)}"
        rmem = b.env.server.sysctl("net.ipv4.tcp_rmem").split()
        for key, value in (
                ("net.ipv4.tcp_sack", "0"), ("net.ipv4.tcp_timestamps", "0"),
                ("net.ipv4.tcp_rmem", f"{rmem[0]} {rmem[1]} 100000000")):
            before = b.env.server.sysctl(key)
            flight = a.syn()
            b.env.server.sysctl(key, value)
            wait_for(lambda: profile(b) != same, 5, f"another {key} at B")
            b.refuse(flight, f"{key} = {value} only at B", "reset")
            a.refuse(b.syn(), f"{key} = {value} only at B", "reset")
            b.ack(b.syn(), f"{key} = {value}, both at B")
            b.env.server.sysctl(key, before)
            wait_for(lambda: profile(b) == same, 5, f"the former {key} at B")
            both_ways(a, b, f"{key} = {before} again")


@net_test
def test_daemon_is_stopped_over_an_epoch(env):
    """The programs change keys by themselves, and in step with the others."""
    end = time.time() + 8
    clock = before_boundary(8)
    with nodes(env, clocks=(clock, clock)) as (a, b):
        first = a.env.json("cluster")["epoch"]
        with a.daemon.stopped():
            flight = a.syn()
            assert time.time() < end, "the nodes took too long to start"
            wait_for(lambda: time.time() > end + 0.5, 12, "the epoch to end")
            now = b.env.json("cluster")["epoch"]
            assert now == first + 1, f"epoch {first}, then {now}"
            flow = a.syn()
            assert flow.ack - 1 >> 31 == now & 1, \
                f"epoch {now}, the cookie is {flow.ack - 1:08x}"
            b.ack(flow, "made by programs whose daemon is stopped")
            b.ack(flight, "made in the epoch before")
            flow = b.syn()
        a.ack(flow, "made at B, accepted at A")


@net_test
def test_daemon_is_killed_and_started_again(env):
    """The successor finds the keys where they are, also amid a rollout."""
    fresh = new_secret(env, "fresh")
    with nodes(env) as (a, b):
        for verb in (("stage", fresh), ("promote",), ("retire",)):
            a.step(*verb)
            b.step(*verb)
            flights = [a.syn(), b.syn(), a.syn()]
            a.daemon.kill()
            b.ack(flights[0], f"{verb[0]}: SYN at A, killed, ACK at B")
            a.start()
            a.ack(flights[1], f"{verb[0]}: SYN at B, A started, ACK there")
            a.ack(flights[2], f"{verb[0]}: SYN at A, A started, ACK there")
            both_ways(a, b, f"{verb[0]}: started again")


@net_test
def test_clocks_that_differ(env):
    with nodes(env, 3, clocks=(0, 20000, 110000)) as (a, b, far):
        both_ways(a, b, "clocks 20 s apart")
        far.refuse(a.syn(), "made 110 s ago, by its clock", "reset")
        a.refuse(far.syn(), "made 110 s ahead", "reset")


@net_test
def test_bad_file_at_a_reload(env):
    with nodes(env) as (a, b):
        with open(a.key, encoding="ascii") as f:
            good = f.read()
        digits = good.split()[-1]
        for text, mode, why in (
                (good, 0o640, "chmod 600"),
                (good, 0o604, "chmod 600"),
                ("", 0o600, "no secret is current"),
                (good[:-4], 0o600, "64 hexadecimal digits"),
                (good + f"current x {digits[::-1]}\n", 0o600,
                 "two secrets are current"),
                (good + f"staged x {digits}\n", 0o600, "the same secret")):
            with open(a.key, "w", encoding="ascii") as f:
                f.write(text)
            os.chmod(a.key, mode)
            p = a.env.synkeeper("reload", check=False)
            assert p.returncode == 1 and why in p.stderr and \
                a.key in p.stderr and digits[:8] not in p.stderr, \
                f"expected {why!r} of {a.key}, got {p.stderr}"
            both_ways(a, b, f"after a file with: {why}")
        os.unlink(a.key)
        p = a.env.synkeeper("reload", check=False)
        assert p.returncode == 1 and "No such file" in p.stderr, p.stderr
        both_ways(a, b, "without the file")
        assert digits[:8] not in a.daemon.output(), a.daemon.output()


@net_test
def test_sighup_takes_the_file_over(env):
    fresh = new_secret(env, "fresh")
    with nodes(env) as (a, b):
        for node in (a, b):
            node.command("key", "stage", fresh)
            node.daemon.signal(signal.SIGHUP)
            wait_for(lambda n=node: n.env.json("cluster")["stage"] == "staged",
                     5, "the staged secret")
        both_ways(a, b, "after SIGHUP")


def start_refused(env, why, clock=None):
    wrap = ["env", f"SYNKEEPER_TEST_CLOCK_MS={clock}"] if clock else ()
    p = env.synkeeperd("-c", f"{env.dir}/synkeeper.conf", services=(),
                       wait=False, wrap=wrap)
    code = p.wait(10)
    assert code and why in p.output(), \
        f"expected a failed start with {why!r}, got {code}: {p.output()}"


@net_test
def test_bad_start(env):
    needs_own_cookies()
    key = f"{env.dir}/cluster.key"
    env.configure(CONFIG.format(key=key))
    start_refused(env, "No such file", "0")
    new_secret(env, "cluster")
    os.chmod(key, 0o644)
    start_refused(env, "chmod 600", "0")
    os.chmod(key, 0o600)
    os.chown(key, 65534, 65534)
    start_refused(env, "chown root", "0")
    os.chown(key, 0, 0)
    # struct timex: modes, offset, freq, maxerror, esterror, status
    timex = (ctypes.c_long * 64)()
    ctypes.CDLL(None).adjtimex(timex)
    if not timex[5] & STA_UNSYNC:
        skip("this machine's clock is synchronised: that is not refused")
    start_refused(env, "the clock is not synchronised")


@net_test
def test_secret_stays_where_it_is(env):
    fresh = new_secret(env, "fresh")
    with nodes(env) as (a, _):
        a.step("stage", fresh)
        with open(a.key, encoding="ascii") as f:
            secrets = re.findall(r"[0-9a-f]{64}", f.read())
        assert len(secrets) == 2
        shown = "".join(a.env.synkeeper(*words).stdout for words in (
            ("key", "list"), ("-j", "key", "list"), ("cluster",),
            ("-j", "cluster"), ("-j", "status"), ("metrics",)))
        shown += a.daemon.output()
        for name in os.listdir(f"{a.env.pin_dir}/maps"):
            if name not in ("keys", "epoch_keys", "settings"):
                continue
            dump = run(["bpftool", "-j", "map", "dump", "pinned",
                        f"{a.env.pin_dir}/maps/{name}"]).stdout
            shown += "".join(re.findall(r"0x([0-9a-f]{2})", dump))
        for secret in secrets:
            for i in range(0, 64, 16):
                assert secret[i:i + 16] not in shown, \
                    f"bytes {i // 2} to {i // 2 + 7} of a secret are shown"


@net_test
def test_metrics(env):
    with nodes(env, 1) as (a,):
        now = a.env.json("cluster")
        one = now["secrets"][0]
        text = a.env.synkeeper("metrics").stdout
        for line in (
                f'synkeeper_cluster_info{{secret="{one["id"]}",fingerprint='
                f'"{one["fingerprint"]}",stage="single",profile='
                f'"{now["profile"]}"}} 1',
                "synkeeper_cluster_clock_synchronised 1"):
            assert line in text.splitlines(), f"no line {line} in {text}"
        assert 3540 < now["keys_s"] < 3905, now
        assert now["profile"] in a.env.synkeeper("cluster").stdout


@net_test
def test_rotate_is_refused(env):
    with nodes(env, 1) as (a,):
        p = a.env.synkeeper("key", "rotate", check=False)
        assert p.returncode == 1 and "time of day" in p.stderr, p.stderr
