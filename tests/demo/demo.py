#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a SYN flood does to a server's clients, without Synkeeper and with it.

Theory of operation: a host in a network namespace, with a stateful firewall and
a server (serve.c); good clients (turns.c) and a flood come from another one.
Each row has a host of its own, so that nothing is left over from the row
before: no TIME-WAIT socket, no conntrack entry. The flood at the host without
Synkeeper is stepped up until few good connections are left; then the host with
Synkeeper gets the same flood, and one as fast as the sender can.

The host has one core for its receive path, firewall, server and synkeeperd; the
flood's sender and the clients have another. A real NIC passes packets to one
core like that, and drops what that core cannot process; so does the veth, whose
receive path is a thread on the host's core here, with priority, like
interrupts. The host's answers to spoofed sources end at the clients' interface.

It takes a minute, and removes everything at the end or on Ctrl-C.
usage: scripts/demo [--seconds N]     N a row (3)
"""
import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing to clean up yet
import argparse
import contextlib
import json
import os
import re
import sys
import time
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/lib"))
import netenv  # noqa: E402  (needs the path)
from namespace import CommandError, run, wait_for  # noqa: E402
from screen import Screen  # noqa: E402

PROGRAMS = os.path.join(netenv.OUTPUT, "demo")
NET = "192.0.2"  # netenv's; flood.bpf.c admits only its packets
CLIENTS = [f"{NET}.{i}" for i in range(10, 26)]
SERVERS = [f"{NET}.2", f"{NET}.102", f"{NET}.103", f"{NET}.104"]
STEPS = (25000, 50000, 75000, 100000, 150000, 200000, 300000, 450000, 700000)
DOWN = 0.1  # of the good connections without a flood
FULL = 0  # as a rate: as fast as the sender can; see highest_rate()
RUN = 64  # packets at most that the sender sends before others get a turn
WARM_UP_S = 0.5
SECONDS_MAX = 25
# The kernel frees a packet's page only a second or two after it was received,
# since every few packets have a page pool of their own. A flood may use half of
# the memory for that, so it is slower on a small machine.
BYTES_A_RATE = 2 * 4096
SPARE_S = 30  # how long a flood may outlast its row

RULES = """
table inet demo {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		tcp dport 80 ct state new accept
	}
}
"""


@dataclass
class Row:
    title: str
    protected: bool
    rate: int = None  # SYNs/s requested: FULL, or None for no flood
    sent: float = 0  # SYNs/s
    good: float = 0  # connections a second
    p99_ms: float = None
    failed: int = 0


class Unfit(Exception):
    """This machine cannot run the demo; says why, and what helps."""


def first_line(error):
    """The line of a command's output that says what went wrong."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines[1:] if "rror" in line),
                lines[-1] if lines else repr(error))


def check_bpf():
    try:
        run(["bpftool", "prog", "show"])
    except CommandError as e:
        raise Unfit(f"this root may not use BPF ({first_line(e)}): run it on "
                    "the host, or with all capabilities") from e


def raise_firewall(env):
    try:
        env.server.run(["nft", "-f", "-"], input=RULES)
    except CommandError as e:
        raise Unfit(f"no stateful nftables here ({first_line(e)}): modprobe "
                    "nf_tables nft_ct, or boot a kernel that has them") from e


def highest_rate():
    """The SYNs/s for which this machine has the memory."""
    with open("/proc/meminfo", encoding="ascii") as f:
        free_kb = int(re.search(r"MemAvailable:\s+(\d+)", f.read())[1])
    return free_kb * 1024 // 2 // BYTES_A_RATE


class Host:
    """with Host(protected, cpus) as h: an Env that is set up for one row."""

    def __init__(self, protected, cpus):
        self.protected = protected
        self.cpu, self.others_cpu = cpus
        self.env = netenv.Env()

    def __enter__(self):
        self.env.__enter__()
        try:
            self._set_up(self.env)
        except BaseException:
            self.env.close()
            raise
        return self

    def __exit__(self, *_):
        self.env.close()

    def _set_up(self, env):
        for ns, addresses in ((env.client, CLIENTS), (env.server, SERVERS)):
            ns.add_addresses(addresses)
        raise_firewall(env)
        server = env.server.start(
            ["taskset", "-c", self.cpu, f"{PROGRAMS}/serve", 80])
        env.server.wait_listening(80, server)
        if self.protected:
            env.synkeeperd(wrap=["taskset", "-c", str(self.cpu)])
        else:
            # as a NIC's driver does: without it a veth receives no flood
            env.xdp(env.server, "pass")
        env.server.thread_receiver(self.cpu)
        env.client.thread_receiver(self.others_cpu)

    @contextlib.contextmanager
    def flood(self, row, seconds):
        """A flood while it lasts; sets row.sent at the end."""
        env = self.env
        rate = row.rate if row.rate != FULL else highest_rate()
        p = env.client.start(
            [*env.flood_command(), "--kind", "syn", "--cpu", self.others_cpu,
             "--run", RUN, "--seconds", int(seconds + SPARE_S), "--rate", rate],
            name="flood")
        before = env.server.packets()["rx"]
        wait_for(lambda: p.check_alive() or
                 env.server.packets()["rx"] > before + 1000, 10, "the flood")
        time.sleep(WARM_UP_S)
        yield
        p.check_alive()
        p.stop()
        row.sent = netenv.last_json(p)["pps"]

    def clients(self, seconds, on_news):
        """Good clients in turn; calls on_news(their JSON). The last of it."""
        p = self.env.client.start(
            ["taskset", "-c", self.others_cpu, f"{PROGRAMS}/turns",
             ",".join(CLIENTS), ",".join(SERVERS), 80, seconds])
        news = None
        with open(p.log, encoding="utf-8") as f:
            while p.alive():
                time.sleep(0.1)
                for line in f:
                    news = json.loads(line)
                    on_news(news)
        if p.wait():
            raise AssertionError(p.output())
        return netenv.last_json(p)


def measure(row, seconds, cpus, screen):
    with Host(row.protected, cpus) as host:
        def on_news(news):
            row.good = news["good"] / news["seconds"]
            row.failed = news["failed"]
            row.p99_ms = news.get("p99")
            screen.row(row)

        screen.row(row)
        flooded = row.rate is not None
        with host.flood(row, seconds) if flooded else contextlib.nullcontext():
            on_news(host.clients(seconds, on_news))
    screen.row(row, done=True)
    return row


def demo(seconds, cpus, screen):
    def ask(*args):
        return measure(Row(*args), seconds, cpus, screen)

    screen.text(f"""\
Good connections per second: clients in turn, 16 at a time, each from a fresh
port; connect, request, read 1 KB. 99 of 100 took no longer than p99.
The host has {core(cpus[0])}: its receive path, nftables (ct state established
accept, new to tcp/80 accept, drop the rest), and its server. The flood's sender
and the clients have {core(cpus[1])}; a veth is the link between them.
""")
    screen.head()
    screen.text("Without Synkeeper")
    quiet = ask("no flood", False)
    rows = []
    for rate in (r for r in STEPS if r == STEPS[0] or r <= highest_rate()):
        row = ask("SYN flood", False, rate)
        rows.append(row)
        if row.good < DOWN * quiet.good or row.sent < 0.8 * rate:
            break
    worst = min(rows, key=lambda r: r.good)
    screen.text("With Synkeeper")
    ask("no flood", True)
    same = ask("the same SYN flood", True, worst.rate)
    full = ask("as fast as it goes", True, FULL)
    screen.text("\n" + sentence(worst, same, full))


def core(cpu):
    return f"one core (CPU {cpu})"


def sentence(worst, same, full):
    """The demo in one sentence; of the flood's two rates the lower one."""
    return (f"At {min(worst.sent, same.sent):,.0f} SYNs a second this host "
            f"served {worst.good:,.0f} good connections a second\nwithout "
            f"Synkeeper and {same.good:,.0f} with it; at {full.sent:,.0f}, "
            f"with it, {full.good:,.0f}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=3)
    seconds = parser.parse_args().seconds
    if not 0 < seconds <= SECONDS_MAX:
        parser.error(f"--seconds must be above 0 and at most {SECONDS_MAX}")
    cpus = sorted(os.sched_getaffinity(0))
    cpus = cpus[0], cpus[-1]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    screen = Screen(sys.stdout)
    try:
        check_bpf()
        demo(seconds, cpus, screen)
    except KeyboardInterrupt:
        screen.end()
        print("demo: interrupted; everything is removed", file=sys.stderr)
        return 128 + signal.SIGINT
    except Unfit as e:
        screen.end()
        print(f"demo: {e}", file=sys.stderr)
        return 1
    except (AssertionError, OSError) as e:
        screen.end()
        print(f"demo: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
