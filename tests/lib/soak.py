# SPDX-License-Identifier: GPL-2.0-only
"""Everything that may happen to a protected server, mixed at random, for
minutes or hours; at the end everything must add up.

Theory of operation: good clients (workloads.py) run all the time, and beside
them victims for `session kill`. A director draws one action after another from
its seed: floods of all kinds, reloads, rotations, policies, services, a daemon
that is killed or stopped, a link that goes down, watchers that come and go. The
same seed draws the same actions; their timing relative to the traffic depends
on the machine. Daemons are killed only in the first half, so that the second
shows whether the last one grows; services are added and removed only in the
first half, since their counters go with them. At half-time and at the end
everything settles, and then

  - no good client has failed, no byte was wrong;
  - sockets, session table and totals agree (teardown.stats_agree), and so do
    the metrics: opened = ended + alive;
  - each packet that the server's veth passed to XDP was counted once;
  - no more connections were admitted than clients opened, except for what a
    flood of ACKs may guess (docs/THREATMODEL.md);
  - the daemon uses as much memory and as many descriptors as at half-time;
  - health is empty, and `down` leaves nothing behind.

Port 80 is always protected, by policy on or auto, and gets the floods. Port 81
goes through every policy and all cookies; the service of port 82 is added and
removed. They get no floods, since good clients may not get through without
protection.
"""
import collections
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import attached
import workloads
from namespace import wait_for
from netenv import last_json
from soakstats import Packets, metrics_agree, no_growth, no_more_guessed
from sockets import Task
from teardown import kernel_sockets, stats_agree

KINDS = ("syn", "ack", "rst", "fin", "synack", "xmas", "none", "mixed",
         "options", "flags", "fragments", "ack-plain", "syn-bare")
ATTACKER4, ATTACKER6 = "203.0.113.5", "2001:db9::5"
VICTIM4, VICTIM6 = "192.0.2.66", "2001:db8::66"
PORTS = "80,80,81,82"
TELL_S = 10
CONFIG = """
[keys]
lifetime = {lifetime}s
[sessions]
max = {max}
idle-timeout = {idle}s
closing-timeout = {closing}s
time-wait-timeout = {linger}s
[service web]
listen = *:80
policy = {policy80}
[service extra]
listen = *:81
policy = {policy81}
cookies = {cookies81}
[sources]
deny = {dir}/deny
allow = {dir}/allow
{cap}
"""


class Visit:
    """A process of workloads.py on the client, driven by lines."""

    def __init__(self, env, seed, workers, kind, source4, source6):
        self.kind = kind
        self.log = f"{env.dir}/{kind}.log"
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen(
                env.client.command(
                    [sys.executable, workloads.__file__, "visit", seed,
                     workers, kind, PORTS, env.server.ip4, env.server.ip6,
                     source4, source6]),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True, bufsize=1, start_new_session=True)

    def say(self, word):
        print(word, file=self.popen.stdin, flush=True)

    def ask(self, word="report"):
        self.say(word)
        line = self.popen.stdout.readline()
        if not line:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                raise AssertionError(f"the {self.kind} clients' program "
                                     f"exited: {f.read()[-2000:]}")
        return json.loads(line)

    def check(self, got):
        assert not got["failed"], \
            f"{got['failed']} {self.kind} clients failed, {got['done']} " \
            "succeeded:\n" + "\n".join(got["failures"])
        return got


class Soak:
    def __init__(self, env, seconds, seed, tell):
        self.env = env
        self.dice = random.Random(f"actions {seed}")
        self.seed = seed
        self.seconds = seconds
        self.tell = tell
        self.start = time.monotonic()
        self.actions = collections.Counter()
        self.last_actions = collections.deque(maxlen=15)
        self.floods, self.watchers = [], []
        self.sent = collections.Counter()  # packets by kind of flood
        self.killed = 0
        self.daemon = None
        self.has82 = False
        self.forgotten = False  # a service was removed
        self.rested = 0.0  # at half-time
        self.paths = 0

    def age(self):
        return time.monotonic() - self.start

    def note(self, what):
        self.actions[what.split()[0]] += 1
        self.last_actions.append(f"{workloads.clock()} {what}")

    # -- actions; drawn by weight

    def flood(self):
        """At most two at a time, one of them at full speed."""
        if len(self.floods) > 1:
            return
        kind, v6 = self.dice.choice(KINDS), self.dice.random() < 0.5
        src = (ATTACKER6 if v6 else ATTACKER4) \
            if self.dice.random() < 0.25 else None
        rate = self.dice.choice((20_000, 100_000, None))
        if self.floods:
            rate = 20_000
        seconds = self.dice.randrange(1, 9)
        self.note(f"flood {kind}, IPv{6 if v6 else 4}, {src or 'random'}, "
                  f"{rate or 'all'} packets/s, {seconds} s")
        self.floods.append(self.env.flood(
            kind, seconds, v6=v6, src=src, rate=rate,
            cpu=self.dice.randrange(os.cpu_count())))

    def kill_sessions(self):
        source = self.dice.choice((VICTIM4, VICTIM6))
        got = self.env.synkeeper("-j", "session", "kill", "src", source,
                                 check=False)
        if "no session matches" not in got.stderr:
            assert got.returncode == 0, f"kill src {source}: {got.stderr}"
            killed = json.loads(got.stdout)["killed"]
            self.note(f"kill src {source}: {killed}")
            self.killed += killed

    def rotate(self):
        self.note("rotate")
        self.env.synkeeper("key", "rotate")

    def reload(self):
        self.note("reload")
        self.configure()
        self.env.synkeeper("reload")

    def policy(self):
        port, policies = self.dice.choice(
            ((80, ("on", "auto")), (81, ("on", "auto", "monitor", "off"))))
        policy = self.dice.choice(policies)
        self.note(f"policy *:{port} {policy}")
        self.env.synkeeper("service", "policy", f"*:{port}", policy)

    def service(self):
        verb = "del" if self.has82 else "add"
        self.forgotten = True
        self.note(f"service {verb} *:82")
        self.env.synkeeper("service", verb, "*:82")
        self.has82 = not self.has82

    def restart(self):
        rest = self.dice.random() * 2
        self.note(f"restart after {rest:.1f} s")
        self.daemon.kill()
        time.sleep(rest)
        self.begin()

    def stopped(self):
        rest = 0.5 + self.dice.random() * 4
        self.note(f"stopped for {rest:.1f} s")
        os.kill(self.daemon.pid, signal.SIGSTOP)
        time.sleep(rest)
        os.kill(self.daemon.pid, signal.SIGCONT)

    def link(self):
        """The kernel removes the routes with it, and a veth that comes up
        receives before it has its program again (veth_enable_xdp())."""
        rest = 0.1 + self.dice.random()
        self.note(f"link down for {rest:.1f} s")
        self.env.server.ip("link", "set", "server0", "down")
        time.sleep(rest)
        self.env.server.ip("link", "set", "server0", "up")
        self.packets.links_up += 1
        self.routes()

    def routes(self):
        for family, via in (("-4", self.env.client.ip4),
                            ("-6", self.env.client.ip6)):
            self.env.server.run(["ip", family, "route", "replace", "default",
                                 "via", via, "dev", "server0"])

    def watch(self):
        """Starts one, or stops the oldest."""
        if len(self.watchers) > 2 or \
                self.watchers and self.dice.random() < 0.5:
            self.note("watcher goes")
            self.watchers.pop(0).stop()
            return
        self.paths += 1
        words = self.dice.choice((
            ("session", "watch"), ("-j", "session", "watch", "dport", "80"),
            ("stats", "--watch"), ("stats", "--service", "*:80", "--watch"),
            ("capture", "-w", f"{self.env.dir}/{self.paths}.pcapng"),
            ("capture", "-w", f"{self.env.dir}/{self.paths}.pcapng",
             "--count", "50", "--rate", "1000")))
        self.note(f"watcher {' '.join(words)}")
        self.watchers.append(self.env.server.start(
            [*self.env.synkeeper_command(), *words], name="watcher"))

    def ask(self):
        words = self.dice.choice((
            ("status",), ("metrics",), ("session", "list", "--count"),
            ("session", "totals"), ("session", "list", "--limit", "20"),
            ("service", "list"), ("key", "list")))
        self.note(f"ask {' '.join(words)}")
        self.env.synkeeper(*words, check=words != ("status",))

    ACTIONS = ((flood, 10), (kill_sessions, 3), (rotate, 1), (reload, 2),
               (policy, 2), (service, 2), (restart, 1), (stopped, 1),
               (link, 1), (watch, 4), (ask, 4))

    # -- set-up and take-down

    def configure(self):
        """Writes a configuration that differs somewhat from the last one."""
        dice = self.dice
        with open(f"{self.env.dir}/allow", "w", encoding="ascii") as f:
            f.write("192.0.2.0/24\n2001:db8::/32\n")
        with open(f"{self.env.dir}/deny", "w", encoding="ascii") as f:
            for _ in range(dice.choice((0, 10, 2000))):
                f.write(f"100.64.{dice.randrange(256)}.{dice.randrange(256)}"
                        "\n")
            if dice.random() < 0.3:
                f.write(f"{ATTACKER4}\n{ATTACKER6}\n")
        return self.env.configure(CONFIG.format(
            dir=self.env.dir, lifetime=dice.choice((5, 10, 30)), max=20_000,
            idle=dice.choice((2, 10, 600)), closing=dice.choice((5, 120)),
            linger=dice.choice((1, 10, 60)),
            policy80=dice.choice(("on", "auto")),
            policy81=dice.choice(("on", "auto", "monitor", "off")),
            cookies81=dice.choice(("auto", "own", "kernel")),
            cap="synacks-per-second = 500" if dice.random() < 0.3 else ""))

    def begin(self):
        """Starts a daemon, which may take over."""
        self.daemon = self.env.synkeeperd("-c", self.conf, services=())
        self.has82 = False

    def set_up(self):
        env = self.env
        for ns in (env.client, env.server):
            ns.sysctl("net.ipv6.conf.all.keep_addr_on_down", 1)
            ns.sysctl("net.core.somaxconn", 4096)
        for address in (f"{VICTIM4}/24", f"{VICTIM6}/64"):
            env.client.ip("addr", "add", address, "dev", "client0", "nodad")
        self.server = env.server.start(
            [sys.executable, workloads.__file__, "serve", 80, 81, 82],
            name="serve")
        for port in (80, 81, 82):
            env.server.wait_listening(port, self.server)
        self.conf = self.configure()
        self.begin()
        self.packets = Packets(env)
        self.good = Visit(env, f"good {self.seed}", 24, "good",
                          env.client.ip4, env.client.ip6)
        self.victims = Visit(env, f"victims {self.seed}", 8, "victim",
                             VICTIM4, VICTIM6)
        for visit in (self.good, self.victims):
            visit.say("go")

    def reap(self):
        """Collects floods and watchers that have ended."""
        for f in [f for f in self.floods if not f.alive()]:
            assert f.wait() == 0, f"a flood ended with: {f.output()}"
            got = last_json(f)
            self.sent[got["kind"]] += got["sent"]
            self.floods.remove(f)
        self.watchers = [w for w in self.watchers if w.alive()]

    def said(self):
        return self.daemon.output().splitlines()[-20:] if self.daemon else []

    def reasons(self):
        got = self.env.synkeeper("-j", "stats", check=False)
        return json.loads(got.stdout)["services"] if got.stdout else got.stderr

    def ends_of(self, failure):
        """The server's view of the clients that a failure names."""
        told = []
        for port in re.findall(r"from \('[^']+', (\d+)\)", failure):
            told += self.env.server.run(
                ["ss", "-Htani", "dport", "=", port]).stdout.splitlines()
            told += self.env.synkeeper("session", "list", "sport", port,
                                       check=False).stdout.splitlines()
        return told

    def footprint(self):
        with open(f"/proc/{self.daemon.pid}/status", encoding="ascii") as f:
            rss = int(re.search(r"RssAnon:\s*(\d+)", f.read()).group(1)) << 10
        return rss, len(os.listdir(f"/proc/{self.daemon.pid}/fd"))

    def look(self):
        """Requires that nothing has failed so far; prints a line."""
        self.daemon.check_alive()
        self.server.check_alive()
        good = self.good.check(self.good.ask())
        victims = self.victims.check(self.victims.ask())
        wrong = self.server.output()
        assert "wrong:" not in wrong, f"the server says: {wrong[-2000:]}"
        rss, files = self.footprint()
        alive = self.env.json("status")["sessions"]["alive"]
        self.tell(f"{self.age():.0f} s: {sum(self.actions.values())} actions, "
                  f"{good['done']} clients served, {victims['reset']} of "
                  f"{self.killed} killed were reset, "
                  f"{sum(self.sent.values()) / 1e6:.1f} million packets of "
                  f"floods, {alive} sessions, daemon {rss >> 10} kB, {files} "
                  "files")

    def run(self):
        self.set_up()
        self.part(self.seconds / 2, self.ACTIONS)
        if not self.has82:
            self.service()
        half = self.settle("half-time", anyhow=self.forgotten)
        for visit in (self.good, self.victims):
            visit.say("go")
        self.part(self.seconds, [a for a in self.ACTIONS if a[0] not in
                                 (Soak.restart, Soak.service)])
        whole = self.settle("the end")
        figures = self.add_up(half, whole)
        self.take_down()
        return figures

    def part(self, until, chances):
        actions, weights = zip(*chances)
        until += self.rested
        told = time.monotonic()
        while self.age() < until:
            time.sleep(self.dice.choice((0.05, 0.3, 1)))
            self.dice.choices(actions, weights)[0](self)
            self.reap()
            if time.monotonic() - told >= TELL_S:
                told = time.monotonic()
                self.look()

    # -- half-time and end

    def settle(self, when, anyhow=False):
        """Stops all load and checks what must hold; the daemon's footprint.
        @anyhow: a service was removed, and its counters with it."""
        begun = time.monotonic()
        self.note(when)
        for f in self.floods:
            f.wait(60)
        self.reap()
        for w in self.watchers:
            w.stop()
        self.watchers.clear()
        for task in [Task(self.pause, visit)
                     for visit in (self.good, self.victims)]:
            task.done(200)
        self.look()
        # whose client missed its reset: idle, so the session may be gone
        orphans = {client for client, _ in kernel_sockets(self.env)}
        stats_agree(self.env, when, orphans, timeout=30)
        metrics_agree(self.env.synkeeper("metrics").stdout)
        self.packets.all_counted(when, anyhow)
        health = [told for told in self.env.json("status")["health"]
                  if " is under " not in told]  # the last flood, for 5 s
        assert not health, f"{when}: health: {health}"
        wait_for(lambda: self.env.control not in
                 self.env.server.run(["ss", "-Hxn"]).stdout, 5,
                 "the daemon to let watchers and commands go")
        self.rested += time.monotonic() - begun
        return self.footprint()

    @staticmethod
    def pause(visit):
        visit.check(visit.ask("pause"))

    def add_up(self, half, whole):
        good, victims = self.good.ask(), self.victims.ask()
        connects = good["connects"] + victims["connects"]
        silent = good["silent"] + victims["silent"]
        assert silent <= connects / 50, \
            f"{silent} clients never got an answer: {good}, {victims}"
        assert victims["reset"] <= self.killed, \
            f"{self.killed} killed, but {victims['reset']} were reset"
        totals = self.env.json("session", "totals")["total"]
        expected = no_more_guessed(
            totals["events"]["admitted"] - connects, self.sent["ack-plain"])
        no_growth(half, whole)
        return {"seconds": round(self.age()), "actions": dict(self.actions),
                "packets": self.packets.received,
                "flood_packets": dict(self.sent),
                "connects": connects, "good": good, "victims": victims,
                "killed": self.killed, "guesses_expected": round(expected, 2),
                "opened": totals["opened"], "events": totals["events"],
                "ended": totals["ended"], "alive": totals["alive"],
                "rss_kb": [half[0] >> 10, whole[0] >> 10],
                "files": whole[1]}

    def take_down(self):
        self.env.synkeeper("down")
        assert self.daemon.wait(10) == 0, self.daemon.output()
        attached.nothing_left(self.env, "down")


def soak(env, seconds, seed, tell=print):
    """Runs it all. The figures; an AssertionError names the seed."""
    run = Soak(env, seconds, seed, tell)
    try:
        return run.run()
    except Exception as e:
        actions = "\n  ".join(run.last_actions)
        said = "\n  ".join(run.said())
        ends = "\n  ".join(run.ends_of(str(e)))
        raise AssertionError(
            f"soak, seed {seed}, after {run.age():.0f} s: {e}\n"
            f"the last actions:\n  {actions}\n"
            f"the daemon's last lines:\n  {said}"
            f"\nthe server's ends:\n  {ends}"
            f"\npackets: {run.reasons()}") from e
