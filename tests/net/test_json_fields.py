# SPDX-License-Identifier: GPL-2.0-only
"""The control socket's requests and fields match its table.

Theory of operation: each request of include/synkeeper/control_table.h is sent
to a daemon with something to report: sessions, floods, a monitored service,
watchers, a changed configuration. Every field of a reply must be in the table,
every field that the table calls needed must be in the reply, and each must have
the table's type. Optional fields must have come up at least once, except
SELDOM.
"""
import contextlib
import glob
import re

from controlclient import ControlClient
from controltable import OBJECTS, REQUESTS, SEEN, fit
from goodclients import Held
from namespace import run, wait_for
from netenv import OUTPUT, ROOT
from nettest import net_test
from reasons import REASONS

CONFIG = """[service web]
listen = *:80
[service watched]
listen = *:81
policy = monitor
[arming]
syn-rate = 100
"""
CHANGED = CONFIG.replace("*:81", "*:82") + "[sessions]\nmax = 2048\n"
# Of a table in several parts, of an interface being removed; of other programs,
# of a client that is too slow.
SELDOM = {("KILLED", "cursor"), ("CHANGE", "note"), "AHEAD", "LOST"}
# Requests that do more than report, or need a secret.
CHANGES = {"cluster", "key.rotate", "session.watch", "sample.watch", "reload",
           "down"}


class Client(ControlClient):
    """Compares what the daemon sends with the table."""

    def __init__(self, env):
        super().__init__(env)
        self.wrong = []

    def check(self, value, kind, where):
        self.wrong += fit(value, kind, where)
        return value

    def ask(self, cmd, **arguments):
        """The result; it and the arguments are compared with the table."""
        known = {a.name: a for a in REQUESTS[cmd].arguments}
        for name, value in arguments.items():
            self.check(value, known[name].type, f"{cmd}({name})")
            SEEN.add((cmd, name))
        reply = self.send(cmd, **arguments)
        assert reply["ok"], f"{cmd}: {reply}"
        SEEN.add(cmd)
        return self.check(reply["result"], REQUESTS[cmd].result, cmd)

    def refused(self, cmd, without, **arguments):
        """A request without an argument that it needs."""
        reply = self.send(cmd, **arguments)
        assert not reply["ok"] and reply.keys() == {"ok", "error", "hint"}, \
            f"{cmd} without {without}: {reply}"


def look(client):
    """What can be requested at any time."""
    for r in REQUESTS.values():
        if r.name not in CHANGES and not any(a.needed for a in r.arguments):
            client.ask(r.name)
    client.ask("stats", listen="*:80")
    client.ask("session.totals", listen="*:80", brief=True)
    return client.ask("status")


def sessions(env, client, held):
    host, port = held.socket.getsockname()[:2]
    client.ask("session.socket", client=f"{host}:{port}",
               server=f"{env.server.ip4}:80")
    client.ask("session.kill", filter=["dport", "80"], dry_run=True)
    client.ask("session.kill", filter=[], cursor=0)


def watch(env, client):
    """An event with its actor, one without, and a sample."""
    with Client(env) as events, Client(env) as samples:
        events.ask("session.watch", filter=["dport", "80"])
        samples.ask("sample.watch", reasons=["bad_cookie"], listen="*:80",
                    rate=10)
        env.fetch()
        lines = [events.check(events.line(), "EVENT", "event")
                 for _ in range(3)]
        samples.check(samples.line(), "SAMPLE", "sample")
        client.wrong += events.wrong + samples.wrong
    assert any("by" in line for line in lines), f"events: {lines}"


def services(client):
    client.ask("service.add", listen="*:90", name="more", policy="off")
    client.ask("service.policy", listen="*:90", policy="on")
    client.ask("service.del", listen="*:90")


def with_secret(env):
    """What a node says that shares one."""
    key = f"{env.dir}/cluster.key"
    run([f"{OUTPUT}/synkeeper", "key", "generate", key])
    path = env.configure(f"[keys]\nsecret = {key}\n{CONFIG}")
    daemon = env.synkeeperd("-c", path, services=(),
                            wrap=["env", "SYNKEEPER_TEST_CLOCK_MS=0"])
    with Client(env) as client:
        client.ask("cluster")
        client.ask("key.list")
    daemon.stop()
    assert not client.wrong, "\n".join(client.wrong)


@net_test
def test_replies_are_as_the_table_says(env):
    env.nginx()
    with_secret(env)
    path = env.configure(CONFIG)
    daemon = env.synkeeperd("-c", path, services=())
    with contextlib.ExitStack() as floods, Client(env) as client:
        for port in (80, 81):
            flood = env.flood("ack", 30, port=port, rate=2000)
            floods.callback(flood.stop)
        held = Held(env)
        wait_for(lambda: client.ask("status")["attacks"], 10, "an attack")
        watch(env, client)
        total = look(client)["total"]
        assert total.keys() <= REASONS.keys(), f"reasons: {total}"
        sessions(env, client, held)
        services(client)
        client.ask("key.rotate")
        env.configure(CHANGED)
        client.ask("reload")
        look(client)
        client.ask("down", force=True)
    daemon.wait(20)
    assert not client.wrong, "\n".join(client.wrong)
    assert SEEN >= REQUESTS.keys(), f"not asked: {REQUESTS.keys() - SEEN}"
    wanted = {(r.name, a.name) for r in REQUESTS.values() for a in r.arguments}
    wanted |= {(o.name, f.name) for o in OBJECTS.values() for f in o.fields}
    wanted = {w for w in wanted - SEEN if w not in SELDOM and
              w[0] not in SELDOM}
    assert not wanted, f"in the table, but never there: {sorted(wanted)}"


@net_test
def test_needed_arguments(env):
    """Without one, a request is refused."""
    env.synkeeperd()
    given = {"listen": "*:80", "policy": "on", "filter": [],
             "client": "192.0.2.9:1", "server": "192.0.2.2:80"}
    with Client(env) as client:
        for r in REQUESTS.values():
            needed = [a.name for a in r.arguments if a.needed]
            for without in needed:
                client.refused(r.name, without, **{
                    name: given[name] for name in needed if name != without})


@net_test
def test_every_request_is_in_the_table(env):
    del env
    named = []
    for path in glob.glob(f"{ROOT}/user/daemon/**/*.c", recursive=True):
        with open(path, encoding="utf-8") as f:
            tables = re.findall(r"^const struct request_handler .*?^\};",
                                f.read(), re.M | re.S)
        named += re.findall(r'\{ "([a-z.]+)", \w+ \}', "".join(tables))
    assert len(named) > 10 and set(named) == REQUESTS.keys(), \
        f"user/daemon has {sorted(named)}, control_table.h {sorted(REQUESTS)}"
