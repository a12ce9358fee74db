# SPDX-License-Identifier: GPL-2.0-only
"""The daemon's life under load: no client is affected, nothing gets past.

Theory of operation: 200 transfers run, with every byte compared, a thousand
clients a second connect from an address that is new for each step, and SYNs and
ACKs with forged sources arrive all the time, while the daemon is restarted,
upgraded to a build with another BPF program, reloaded, killed, and its service
switched off and on. nftables on the server counts packets from forged sources
that reach the kernel: one means that protection had a gap, of half a
millisecond or more.
"""
import contextlib
import json
import os
import re
import signal
import time

import attached
import crowd
import rawtable
from goodclients import GoodClients, get_until
from namespace import run, wait_for
from netenv import OUTPUT, ROOT, last_json
from nettest import net_test
from session_stats import wait_armed
from transfers import Transfers

TRANSFERS = 200
CLIENTS_PER_S = 1000
STEP_S = 2
LONG_S = 4  # a session that is older than a step
FORGED_PER_S = 1000
ECHO_PORT = 81
FOREIGN_ABI = 99
# the first with this state; it had other names for some maps
OLDEST_ABI = 5
FORMER_NAMES = {"monitored": "would", "incomplete_sets": "session_marks"}
FORMER_ENDPOINT = 8  # bytes, until ABI 6
SERVICES = ("*:80", f"*:{ECHO_PORT}")
COUNTER = """
table ip bed {
	chain seen {
		type filter hook prerouting priority -300;
		ip saddr != 192.0.2.0/24 tcp dport 80 counter
	}
}
"""


def kernel_saw(env):
    """Packets with forged sources that reached the kernel."""
    rules = env.server.run(["nft", "list", "table", "ip", "bed"]).stdout
    return int(re.search(r"counter packets (\d+)", rules)[1])


def fresh_source(env, host):
    """One more address of the client's, which has no TIME-WAIT yet."""
    address = f"192.0.2.{host}"
    env.client.ip("addr", "add", f"{address}/32", "dev", env.client.iface)
    env.neighbour(address)
    return address


class Load:
    """All the load. Each part of a test happens in a step()."""

    def __init__(self, env, transfers):
        self.env = env
        self.transfers = transfers
        self.hosts = iter(range(100, 200))

    @contextlib.contextmanager
    def step(self, what, gap=False):
        """Nothing inside may affect clients. @gap: it is intentionally
        unprotected meanwhile."""
        env = self.env
        source = fresh_source(env, next(self.hosts))
        saw, answered = kernel_saw(env), env.client_seen()["spoofed_synack"]
        clients = env.client.start(
            [f"{OUTPUT}/tests/clients", f"{source}+1", f"{env.server.ip4}+1",
             80, 0, CLIENTS_PER_S, STEP_S], name="clients")
        self.transfers.go_on(f"before: {what}")
        yield
        if gap:
            saw = kernel_saw(env)
        self.transfers.go_on(what)
        assert clients.wait(30) == 0, clients.output()
        got = last_json(clients)
        assert got["connections"] == STEP_S * CLIENTS_PER_S and \
            not got["failed"], f"{what}: clients failed: {got}"
        assert kernel_saw(env) == saw, \
            f"{what}: {kernel_saw(env) - saw} forged packets reached the " \
            f"kernel; counted in all: {env.json('stats')['total']}"
        now = env.client_seen()["spoofed_synack"]
        assert now > answered, f"{what}: no forged SYN was answered meanwhile"
        print(f"{what}: {got}, {now - answered} forged SYNs answered")


@contextlib.contextmanager
def loaded(env, start):
    """Everything runs; start() has started the daemon."""
    for ns in (env.client, env.server):
        ns.sysctl("net.core.somaxconn", 4096)
    env.client.sysctl("net.ipv4.ip_local_port_range", "1024 65535")
    env.nginx(backlog=4096)
    crowd.serve(env, ECHO_PORT)
    env.server.run(["nft", "-f", "-"], input=COUNTER)
    daemon = start()
    for service in SERVICES:
        wait_armed(env, service)
    floods = [env.flood(kind, seconds=60, rate=FORGED_PER_S)
              for kind in ("syn", "ack")]
    with Transfers(env, TRANSFERS, ECHO_PORT) as transfers:
        yield Load(env, transfers), daemon
    for flood in floods:
        flood.check_alive()
        flood.stop()


def program_tag(env):
    """Identifies a build: the kernel's hash of the XDP program."""
    number = attached.xdp_id(env.server)
    shown = run(["bpftool", "-j", "prog", "show", "id", str(number)]).stdout
    return json.loads(shown)["tag"]


def build(env, file, old, new):
    """The daemon from a copy of the sources in which one line differs."""
    there = f"{env.dir}/next"
    parts = ("Makefile", "VERSION", "bpf", "include", "user", "vmlinux",
             "scripts/tools",
             "tests/fuzz/fuzz.mk", ".output/user",
             ".output/synkeeper.bpf.o", ".output/synkeeper.skel.h",
             ".output/listeners.bpf.o", ".output/listeners.skel.h")
    os.mkdir(there)
    run(["cp", "-a", "--parents", *parts, there], cwd=ROOT)
    path = f"{there}/{file}"
    with open(path, encoding="utf-8") as f:
        text = f.read()
    assert text.count(old) == 1, f"{file}: expected {old!r} once"
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    run(["make", "-j2", "-C", there, ".output/synkeeperd"], timeout=100)
    return f"{there}/.output/synkeeperd"


class Daemons:
    """One after another, with the same configuration."""

    def __init__(self, env):
        self.env = env
        self.conf = f"{env.dir}/synkeeper.conf"
        self.now = None
        self.configure("")

    def configure(self, more):
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write("[daemon]\non-exit = keep\n")
            for n, service in enumerate(SERVICES):
                f.write(f"[service s{n}]\nlisten = {service}\n")
            # else some forged ACKs reach the kernel, for its RST
            f.write("[answer]\ninvalid-ack = drop\n" + more)

    def start(self, binary=None):
        self.now = self.env.synkeeperd("-c", self.conf, services=(),
                                       binary=binary)
        return self.now

    def end(self, number):
        self.now.signal(number)
        code = self.now.wait(10)
        assert code in (0, -signal.SIGKILL), self.now.output()


@net_test
def test_life(env):
    """Everything, in turn."""
    upgraded = build(env, "bpf/report/budget.bpf.h", "UNMATCHED_PER_SECOND = 10000",
                     "UNMATCHED_PER_SECOND = 9999")
    daemons = Daemons(env)
    with loaded(env, daemons.start) as (load, _):
        with load.step("SIGTERM and start"):
            daemons.end(signal.SIGTERM)
            daemons.start()
        before = program_tag(env)
        with load.step("upgrade"):
            daemons.end(signal.SIGTERM)
            daemons.start(upgraded)
        assert program_tag(env) != before, "the old program still runs"
        with load.step("reload"):
            daemons.configure("[service more]\nlisten = *:82\n"
                              "[sessions]\nidle-timeout = 1h\n")
            assert len(env.json("reload")["changed"]) == 2
        with load.step("kill -9 and start"):
            daemons.end(signal.SIGKILL)
            daemons.start(upgraded)
        with load.step("policy off and on", gap=True):
            env.synkeeper("service", "policy", "*:80", "off")
            wait_for(lambda: kernel_saw(env) > 500, 10,
                     "forged packets to reach the kernel with the policy off")
            env.synkeeper("service", "policy", "*:80", "on")
    total = env.json("status")["total"]
    dropped = {r: total.get(r, 0) for r in ("expired_cookie", "refused")}
    assert not any(dropped.values()), f"good packets were dropped: {dropped}"


def set_abi(env, abi):
    """Turns the pinned maps into those of another version, in name only."""
    path = f"{env.pin_dir}/maps/settings"
    key = ["key", "0", "0", "0", "0"]
    out = run(["bpftool", "-j", "map", "lookup", "pinned", path, *key]).stdout
    value = [int(byte, 16) for byte in json.loads(out)["value"]]
    value[:4] = abi.to_bytes(4, "little")
    run(["bpftool", "map", "update", "pinned", path, *key, "value",
         *map(str, value)])


@net_test
def test_other_layout(env):
    """Maps of another version are replaced, with a log line: sessions are
    adopted from their sockets, and cookies in flight stay valid."""
    daemons = Daemons(env)
    with loaded(env, daemons.start) as (load, _):
        before = env.json("key", "list")
        held = env.json("status")["sessions"]["established"]
        with load.step("start on maps of another version"):
            daemons.end(signal.SIGTERM)
            set_abi(env, FOREIGN_ABI)
            daemons.start()
        said = daemons.now.output()
        for word in (env.pin_dir, f"ABI {FOREIGN_ABI}", "adopted"):
            assert word in said, f"expected {word!r} in the log, got: {said}"
        now = env.json("key", "list")
        assert now["epoch"] == before["epoch"] and \
            now["keys"][0]["age_s"] >= before["keys"][0]["age_s"], \
            f"the keys are new: {before} became {now}"
        wait_for(lambda: env.json("status")["sessions"]["established"]
                 >= TRANSFERS, 10, f"{held} sessions to be adopted again")
        settings = attached.map_value(env, "settings", 0)
        assert settings["abi"] != FOREIGN_ABI, "the maps are still the old ones"


def raw(env, name, *key):
    """The bytes of a value of a pinned map: one string, or one for each CPU."""
    out = run(["bpftool", "-j", "map", "lookup", "pinned",
               f"{env.pin_dir}/maps/{name}", "key", *map(str, key)]).stdout
    entry = json.loads(out)
    values = [v["value"] for v in entry["values"]] if "values" in entry \
        else [entry["value"]]
    return [bytes(int(byte, 16) for byte in v) for v in values]


def pin_former(env, name, kind, size, entries, values):
    """Pins a map with values of another size in place of map `name`. values:
    {key: value}, both bytes."""
    path = f"{env.pin_dir}/maps/{name}"
    key_size = len(next(iter(values)))
    run(["bpftool", "map", "create", f"{path}_former", "type", kind, "key",
         str(key_size), "value", str(size), "entries", str(entries), "name",
         name, *(["flags", "1"] if kind == "hash" else [])])
    for key, value in values.items():
        run(["bpftool", "map", "update", "pinned", f"{path}_former", "key",
             *map(str, key), "value", *map(str, value[:size])])
    os.rename(f"{path}_former", path)


def pin_former_layout(env):
    """Endpoints as they were until ABI 6, and counters with a reason less, each
    with what the present ones hold."""
    size, ports = FORMER_ENDPOINT, {}
    for port in (80, ECHO_PORT):
        key = port.to_bytes(4, "little")
        value, = raw(env, "ports", *key)
        now = (len(value) - 8) // 2
        assert now > size, f"an endpoint has {now} bytes"
        ports[key] = value[:size] + value[now:now + size] + value[2 * now:]
    pin_former(env, "ports", "array", 2 * size + 8, 65536, ports)
    pin_former(env, "endpoints", "hash", size, 65536,
               {bytes(20): bytes(size)})
    for name, kind in (("counters", "percpu_array"), ("monitored", "array")):
        values = {}
        for service in (1, 2):
            key = service.to_bytes(4, "little")
            values[key] = raw(env, name, *key)[0]
        pin_former(env, name, kind, len(value_of(values)) - 8, 8192, values)


def value_of(values):
    return next(iter(values.values()))


def transfer_ages(env):
    """In seconds."""
    return [s["age_s"] for s in env.json("session", "list", "dport",
                                         ECHO_PORT)]


def books(env):
    """Of the transfers, all of which stay open."""
    row, = env.json("session", "totals", f"*:{ECHO_PORT}")["services"]
    return {what: row[what] for what in ("opened", "ended", "alive")}


def takes_over(env, abi, more=lambda: None):
    """A successor of version `abi` keeps the sessions, keys and counters of its
    maps; more() makes the maps that version's."""
    daemons = Daemons(env)
    with loaded(env, daemons.start) as (load, _):
        before = env.json("key", "list")
        wait_for(lambda: len(transfer_ages(env)) >= TRANSFERS and
                 min(transfer_ages(env)) >= LONG_S, 10,
                 f"transfers to be {LONG_S} s old")
        booked = books(env)
        with load.step(f"start on the maps of ABI {abi}"):
            daemons.end(signal.SIGTERM)
            set_abi(env, abi)
            pin_former_layout(env)
            more()
            left = rawtable.make_former(env)
            begun = time.monotonic()
            answered = attached.map_cpus(env, "counters", 1)[0]
            daemons.start()
        said = daemons.now.output()
        assert "another version" not in said, said
        now = env.json("key", "list")
        assert now["epoch"] == before["epoch"], f"{before} became {now}"
        older = time.monotonic() - begun
        assert books(env) == booked, f"{booked} became {books(env)}"
        rows = rawtable.rows(env)
        assert rows > 1 or os.cpu_count() == 1, "the totals have one row still"
        ages = transfer_ages(env)
        kept = sum(age - older >= LONG_S / 2 for age in ages)
        assert kept >= TRANSFERS, \
            f"{left} sessions were there, {TRANSFERS} of them transfers; of " \
            f"{len(ages)} now, {kept} are from before: {ages}"
        assert attached.map_value(env, "settings", 0)["abi"] > abi
        assert len(raw(env, "ports", 80, 0, 0, 0)[0]) > \
            2 * FORMER_ENDPOINT + 8, "the endpoints are still the old ones"
        index = attached.reason_index("answered")
        counts = attached.map_cpus(env, "counters", 1)[0]
        assert len(counts) > len(answered) and \
            counts[index] >= answered[index] > 0, \
            f"answered: {answered[index]} became {counts[index]}"


@net_test
def test_former_endpoints_lost_the_sessions(env):
    """Only what the daemon derives has another layout."""
    takes_over(env, 6)


@net_test
def test_former_table_lost_the_sessions(env):
    """The session table has another layout, too: the last one that had."""
    takes_over(env, 8)


@net_test
def test_renamed_maps_lost_the_sessions(env):
    """The same, with maps under former names, and one that did not exist."""
    maps = f"{env.pin_dir}/maps"

    def rename():
        for name, former in FORMER_NAMES.items():
            os.rename(f"{maps}/{name}", f"{maps}/{former}")
        os.unlink(f"{maps}/tc_programs")

    takes_over(env, OLDEST_ABI, rename)
    left = set(FORMER_NAMES.values()) & set(os.listdir(maps))
    assert not left, f"pins of former names are left: {left}"


@net_test
def test_other_layout_and_a_wrong_start(env):
    """It fails, and protection continues; the next start is a takeover."""
    env.nginx()
    env.synkeeperd().kill()
    set_abi(env, FOREIGN_ABI)
    with GoodClients(env) as good:
        p = env.synkeeperd("-i", "lo", wait=False)
        assert p.wait(10) == 1 and "lo: " in p.output(), \
            f"expected an error about lo, got {p.output()}"
        good.wait_more(5, "after a wrong start")
        assert attached.xdp(env.server) and attached.tcx(env.server) == 1, \
            "what an earlier instance had attached is gone"
        again = env.synkeeperd()
        assert "another version" not in again.output(), again.output()
        get_until(env, lambda: env.json("status")["total"].get("admitted", 0),
                  "was admitted after a wrong start and a right one")
