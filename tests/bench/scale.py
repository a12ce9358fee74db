#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""How the daemon scales: memory, start, walks, lists.

Theory of operation: the real daemon in a test bed of its own, without traffic.
tests/bench/scale.c writes a million sessions into its pinned maps, as if their
packets had arrived. The kernel has no sockets for them, so they are kept fresh
(`scale touch`), or the daemon would notice. What delays the daemon is observed
from outside, as an operator would: by how long `status` takes on a connection
that stays open. Rows go to stdout, progress to stderr.

The figures are those of one process on a shared machine: the median of the
rounds.
"""
import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../lib")]
from controlclient import ControlClient  # noqa: E402  (needs the path)
from namespace import run  # noqa: E402
from netenv import Env, OUTPUT  # noqa: E402
from rows import emit, progress, row, skipped  # noqa: E402

PART = "scale"
MILLION = 1_000_000
IDLE = "idle sessions without a socket"
IDLE_S = 40
AUDIT_S = 45  # the daemon starts an audit every 30 s
TABLES = {"64k": 65536, "1M": 1 << 20, "4M": 1 << 22, "16M": 1 << 24}
SLOT = 64 + 1  # an entry and its tag
READY_S = 60
STATUS = ("median", "99 of 100", "longest")
LISTS = ("session list", "-j session list", "session list --count",
         "session list --sort client --limit 100",
         "session list src 10.0.0.1", "session totals")
BYTES_GOAL = 160  # per session
DEFAULT = 1 << 20  # sessions


class Bench:
    def __init__(self, quick, only):
        self.quick = quick
        self.only = only
        self.rows = 0

    def wants(self, *names):
        return any(not self.only or self.only in n for n in names)

    def row(self, name, unit, values, digits=1, **more):
        if not self.wants(name):
            return
        r = row(PART, name, unit, values, digits=digits, **more)
        self._out(r, f"{r['value']} {unit}")

    def skip(self, name, why):
        if self.wants(name):
            emit(skipped(PART, name, why))
            self.rows += 1

    def _out(self, r, text):
        emit(r)
        progress(f"  {r['name']}: {text}")
        self.rows += 1


# -- the daemon

def config(env, services=("*:80",), sessions=None, lifetime=None):
    """Writes a configuration; its path."""
    path = f"{env.dir}/scale.conf"
    with open(path, "w", encoding="ascii") as f:
        print(f"[daemon]\ninterface = {env.server.iface}", file=f)
        if sessions:
            print(f"[sessions]\nmax = {sessions}", file=f)
        if lifetime:
            print(f"[keys]\nlifetime = {lifetime}", file=f)
        for n, listen in enumerate(services, 1):
            print(f"[service s{n}]\nlisten = {listen}", file=f)
    return path


@contextlib.contextmanager
def daemon(env, conf, output=OUTPUT):
    """A daemon that is ready: (process, seconds that it took). Of the build in
    @output."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        path = f"{env.dir}/notify-{time.monotonic_ns()}"
        notify.bind(path)
        notify.settimeout(READY_S)
        start = time.monotonic()
        p = env.server.start(
            [f"{output}/synkeeperd", "-c", conf, "-m", "native",
             "--pin-dir", env.pin_dir, "--control", env.control],
            name="synkeeperd",
            env={**os.environ, "NOTIFY_SOCKET": path})
        try:
            while b"READY=1" not in notify.recv(4096):
                pass
        except TimeoutError:
            p.check_alive()
            raise AssertionError(f"synkeeperd is not ready after {READY_S} s:"
                                 f"\n{p.output()}") from None
        took = time.monotonic() - start
        try:
            yield p, took
        finally:
            p.stop()


def down(env):
    """Removes what a stopped daemon left, without the drain."""
    run(["rm", "-r", env.pin_dir], check=False)


def scale(env, verb, *args, output=OUTPUT):
    """The numbers printed by tests/bench/scale.c, of the daemon's build."""
    out = run([f"{output}/tests/scale", verb, env.pin_dir, *map(str, args)],
              timeout=300).stdout
    return [float(word) for word in out.split()]


class Control(ControlClient):
    """A long-lived connection to the daemon."""

    def ask(self, cmd, **more):
        """(reply, milliseconds)."""
        start = time.monotonic()
        reply = self.send(cmd, **more)
        took = (time.monotonic() - start) * 1000
        assert reply["ok"], f"{cmd}: {reply}"
        return reply["result"], took


def cpu_ms(process):
    """The CPU time used by a process."""
    with open(f"/proc/{process.pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0]) / 1e6


# -- the parts

def maps_bytes(env):
    """{map: bytes} of what is pinned, as the kernel accounts for it."""
    sizes = {}
    for name in os.listdir(f"{env.pin_dir}/maps"):
        out = run(["bpftool", "-j", "map", "show", "pinned",
                   f"{env.pin_dir}/maps/{name}"]).stdout
        sizes[name] = json.loads(out)["bytes_memlock"]
    return sizes


def available():
    with open("/proc/meminfo", encoding="ascii") as f:
        return next(int(line.split()[1]) << 10 for line in f
                    if line.startswith("MemAvailable"))


def memory(bench, env):
    for text, n in TABLES.items():
        name = f"memory of all maps, sessions max = {text}"
        each = f"memory for a session, sessions max = {text}"
        if not bench.wants(name, each):
            continue
        if available() < 3 * n * SLOT:
            bench.skip(name, f"{available() >> 20} MB are available")
            continue
        with daemon(env, config(env, sessions=n)):
            sizes = maps_bytes(env)
        down(env)
        total = sum(sizes.values())
        bench.row(name, "MB", [total / (1 << 20)], maps={
            k: v for k, v in sorted(sizes.items()) if v > 1 << 16})
        # below the default, maps of fixed size dominate
        goal = {} if n < DEFAULT else {"goal": BYTES_GOAL,
                                       "goal_unit": "bytes"}
        bench.row(each, "bytes", [total / n], **goal)


def many_services(n):
    return [f"10.{128 + i // 65536}.{i // 256 % 256}.{i % 256}:80"
            for i in range(n)]


def start(bench, env):
    rounds = 2 if bench.quick else 5
    for name, services in (("1 service", ["*:80"]),
                           ("4,096 services", many_services(4096))):
        name = f"start until ready, {name}"
        if not bench.wants(name):
            continue
        times = []
        for _ in range(rounds):
            with daemon(env, config(env, services)) as (_, took):
                times.append(took * 1000)
            down(env)
        bench.row(name, "ms", times)


def status_times(bench, env, name):
    """Asks for `status` in a loop."""
    if not bench.wants(*(f"status, {what}, {name}" for what in STATUS)):
        return
    c, times = Control(env), []
    c.ask("status")
    end = time.monotonic() + (3 if bench.quick else 10)
    while time.monotonic() < end:
        times.append(c.ask("status")[1])
    c.close()
    report_status(bench, times, name)


def report_status(bench, times, name):
    times.sort()
    for what, ms in zip(STATUS, (statistics.median(times),
                                 times[len(times) * 99 // 100], times[-1])):
        bench.row(f"status, {what}, {name}", "ms", [ms], 2)


def rotation(bench, env, name):
    if not bench.wants(f"key rotation, {name}"):
        return
    c = Control(env)
    times = [c.ask("key.rotate")[1] for _ in range(100)]
    c.close()
    bench.row(f"key rotation, {name}", "ms", times, 3)


def load(bench, env, process, name):
    """The CPU time of the walks, and nothing else."""
    what = f"daemon's share of a CPU at rest, {name}"
    if not bench.wants(what):
        return
    seconds = 3 if bench.quick else 10
    before = cpu_ms(process)
    time.sleep(seconds)
    bench.row(what, "%", [(cpu_ms(process) - before) / seconds / 10], 2)


def walks(bench, env, rounds, name):
    times = []
    if not bench.wants(f"walk of the reaper, {name}"):
        return
    for _ in range(rounds):
        times += scale(env, "walk", 1)
        scale(env, "touch")
    bench.row(f"walk of the reaper, {name}", "ms", times)


def lists(bench, env, name):
    rounds = 1 if bench.quick else 3
    for args in LISTS:
        what = f"synkeeper {args}, {name}"
        if not bench.wants(what):
            continue
        times = []
        for _ in range(rounds):
            begun = time.monotonic()
            subprocess.run(env.server.command(
                [*env.synkeeper_command(), *args.split()]), check=True,
                timeout=120, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            times.append(time.monotonic() - begun)
            scale(env, "touch")
        bench.row(what, "s", times, 3)


def audit(bench, env):
    """The kernel is asked about those that were idle for half a minute."""
    what = f"{IDLE}: ended"
    when = f"while {IDLE} are ended"
    if not bench.wants(what, *(f"status, {s}, {when}" for s in STATUS)):
        return
    scale(env, "touch", IDLE_S)
    c, status, end = Control(env), [], time.monotonic() + AUDIT_S

    def alive():
        reply, took = c.ask("status")
        status.append(took)
        time.sleep(0.002)
        return reply["sessions"]["alive"]

    before = alive()
    while alive() == before:
        assert time.monotonic() < end, f"none ended in {AUDIT_S} s"
    status.clear()
    before, begun = alive(), time.monotonic()
    while time.monotonic() < begun + 5:
        after = alive()
    bench.row(what, "sessions/s",
              [(before - after) / (time.monotonic() - begun)], 0)
    report_status(bench, status, when)
    c.close()


def million(bench, env):
    name = "1 million sessions"
    take_over = f"start until ready, taking over {name}"
    rounds = 2 if bench.quick else 5
    conf = config(env, sessions=1 << 20, lifetime="1h")
    with daemon(env, conf) as (p, _):
        for when in ("empty table", name):
            if when == name:
                entered = scale(env, "fill", MILLION)[0]
                assert entered > MILLION * 0.99, f"only {entered} entered"
            walks(bench, env, rounds, when)
            load(bench, env, p, when)
            status_times(bench, env, when)
            rotation(bench, env, when)
            scale(env, "touch")
        lists(bench, env, name)
    times = []
    for _ in range(rounds if bench.wants(take_over) else 0):
        scale(env, "touch")
        with daemon(env, conf) as (_, took):
            times.append(took * 1000)
    if times:
        bench.row(take_over, "ms", times)
    with daemon(env, conf):
        audit(bench, env)
    down(env)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", metavar="SUBSTRING", default="")
    args = parser.parse_args()
    bench = Bench(args.quick, args.only)
    with Env() as env:
        for part in (memory, start, million):
            part(bench, env)
    if not bench.rows:
        progress(f"scale: no row has '{args.only}' in its name")
    return 0 if bench.rows else 1


if __name__ == "__main__":
    sys.exit(main())
