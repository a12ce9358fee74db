# SPDX-License-Identifier: GPL-2.0-only
"""From start to end, and again: no connection may be affected.

Theory of operation: good clients connect all the time and a held connection is
used after each step, while daemons start, end in every way, take over from each
other, and are taken down.
"""
import os
import re
import signal

import attached
from backend import ADMITTED
from goodclients import GoodClients, Held, get_once, get_until
from namespace import run, wait_for
from netenv import Env
from nettest import mode, net_test

CAP_NET_ADMIN = 12
CAP_BPF = 39


def total(env, reason):
    return env.json("status")["total"].get(reason, 0)


def ends(process, number, when):
    """A signal ends it within seconds, with exit code 0."""
    process.signal(number)
    code = process.wait(10)
    assert code == 0, f"{when}: exit code {code}\n{process.output()}"


def protected_without_daemon(env, when):
    got = attached.xdp(env.server), attached.tcx(env.server)
    want = ("synkeeper_xdp", mode()), attached.INGRESS_PROGRAMS
    assert got == want, \
        f"{when}: expected {want} at XDP and tc ingress, got {got}"
    before = env.server.nstat()["TcpPassiveOpens"]
    get_until(env, lambda: map_total(env, "answered"),
              f"was answered with a cookie {when}")
    assert env.server.nstat()["TcpPassiveOpens"] > before, \
        f"{when}: no connection was accepted"


def map_total(env, reason):
    """Read from the map: there is no daemon to ask."""
    sums = attached.map_cpus(env, "counters", 1)
    return sum(cpu[attached.reason_index(reason)] for cpu in sums)


def keep(env, number):
    env.nginx()
    held = Held(env)
    first = env.synkeeperd()
    held.ask("after the start")
    with GoodClients(env) as good:
        good.wait_more(5)
        ends(first, number, "on-exit = keep")
        assert not os.path.exists(env.control), "the control socket was left"
        good.wait_more(5, "without a daemon")
        protected_without_daemon(env, "without a daemon")
        held.ask("without a daemon")
        sessions = attached.map_value(env, "settings", 0)
        second = env.synkeeperd()
        good.wait_more(5, "after the takeover")
        held.ask("after the takeover")
    now = attached.map_value(env, "settings", 0)
    assert now["hash_seed"] == sessions["hash_seed"], \
        "the takeover started with a new table"
    ends(second, signal.SIGTERM, "the second one")


@net_test
def test_sigterm_keep(env):
    keep(env, signal.SIGTERM)


@net_test
def test_sigint_keep(env):
    keep(env, signal.SIGINT)


def detach(env, number):
    env.nginx()
    held = Held(env)
    daemon = env.synkeeperd("--on-exit", "detach")
    with GoodClients(env) as good:
        good.wait_more(5)
        ends(daemon, number, "--on-exit detach")
        good.wait_more(5, "after the end")
        held.ask("after the end")
    attached.nothing_left(env, "--on-exit detach")


@net_test
def test_sigterm_detach(env):
    detach(env, signal.SIGTERM)


@net_test
def test_sigint_detach(env):
    detach(env, signal.SIGINT)


@net_test
def test_sigkill_takeover(env):
    """Keys and sessions are kept."""
    env.nginx()
    first = env.synkeeperd()
    held = [Held(env) for _ in range(20)]
    env.synkeeper("key", "rotate")
    before = env.json("status")
    first.kill()
    protected_without_daemon(env, "after SIGKILL")
    env.synkeeperd()
    now = env.json("status")
    assert now["key"]["epoch"] == before["key"]["epoch"] == 1, \
        f"epoch {before['key']['epoch']} became {now['key']['epoch']}"
    assert now["key"]["age_s"] >= before["key"]["age_s"], "the key is new"
    want, got = (s["sessions"]["established"] for s in (before, now))
    assert got >= want >= len(held), f"{want} sessions became {got}"
    adopted = total(env, "adopted")
    for h in held:
        h.ask("after SIGKILL and takeover")
    assert total(env, "adopted") == adopted, \
        "a session was adopted again: the table had lost it"
    why = now["interfaces"][0]["why"]
    assert why == "as an earlier instance left it", f"status says: {why}"


@net_test
def test_restarts_without_a_gap(env):
    """Six in a row, alternating between SIGTERM and SIGKILL."""
    env.nginx()
    held = Held(env)
    daemon = env.synkeeperd()
    with GoodClients(env) as good:
        for i in range(6):
            number = signal.SIGKILL if i % 2 else signal.SIGTERM
            daemon.signal(number)
            daemon.wait(10)
            daemon = env.synkeeperd()
            good.wait_more(2, f"after restart {i}")
            held.ask(f"after restart {i}")
    dropped = {r: total(env, r) for r in
               ("bad_cookie", "expired_cookie", "refused", "stale_socket")}
    assert not any(dropped.values()), f"good packets were dropped: {dropped}"
    half = env.server.nstat()["TcpExtSyncookiesFailed"]
    assert not half, f"{half} ACKs of cookies reached the kernel unaccepted"


@net_test
def test_down_up_under_load(env):
    """Protection is switched off and on again: good clients are unaffected."""
    env.nginx()
    held = Held(env)
    with GoodClients(env) as good:
        for i in range(3):
            daemon = env.synkeeperd()
            good.wait_more(5, f"while up, round {i}")
            env.synkeeper("down")
            assert daemon.wait(10) == 0, daemon.output()
            attached.nothing_left(env, f"down, round {i}")
            good.wait_more(5, f"while down, round {i}")
            held.ask(f"after round {i}")


@net_test
def test_down_without_daemon(env):
    env.nginx()
    held = Held(env)
    env.synkeeperd().kill()
    os.unlink(env.control)
    with GoodClients(env) as good:
        env.synkeeper("down")
        good.wait_more(5, "after down")
        held.ask("after down")
    attached.nothing_left(env, "down without a daemon")
    p = env.synkeeper("down", check=False)
    assert p.returncode == 1 and "nothing" in p.stderr, \
        f"a second down: expected exit code 1, got {p.returncode}: {p.stderr}"


@net_test
def test_interface_gone(env):
    """A crashed instance's second interface is gone at the next start, and
    leaves nothing behind."""
    env.nginx()
    attached.add_pair(env)
    env.synkeeperd("-i", "server1").kill()
    index = attached.ifindex(env.server, "server1")
    assert f"links/xdp_{index}" in attached.pins(env)
    env.server.ip("link", "del", "server1")
    env.synkeeperd()
    env.fetch()
    left = [p for p in attached.pins(env) if p.endswith(f"_{index}")]
    assert not left, f"pins of an interface that is gone: {left}"


@net_test
def test_interface_dropped(env):
    """A restart with fewer interfaces: the others are released."""
    env.nginx()
    address = attached.add_pair(env)
    first = env.synkeeperd("-i", "server1")
    get_once(env, address=address)
    ends(first, signal.SIGTERM, "the first one")
    env.synkeeperd()
    get_once(env, address=address)
    got = attached.xdp(env.server, "server1"), \
        attached.tcx(env.server, "server1")
    assert got == (None, 0), f"server1, not configured now, still has {got}"


@net_test
def test_two_interfaces(env):
    env.nginx()
    address = attached.add_pair(env)
    daemon = env.synkeeperd("-i", "server1")
    names = [i["name"] for i in env.json("status")["interfaces"]]
    assert names == ["server0", "server1"], f"status shows {names}"
    get_once(env)
    get_once(env, address=address)
    assert total(env, ADMITTED) == 2, \
        f"{total(env, ADMITTED)} of 2 connections were admitted"
    env.synkeeper("down")
    daemon.wait(10)
    attached.nothing_left(env, "down", ("server0", "server1"))


@net_test
def test_same_slot(env):
    """Two interfaces whose indices differ by the size of the ifaces map: both
    are protected, or the second is refused."""
    env.nginx()
    index = attached.ifindex(env.server) + 256
    address = attached.add_pair(env, index=index)
    daemon = env.synkeeperd("-i", "server1", wait=False)
    wait_for(lambda: not daemon.alive() or env.synkeeper(
        "status", check=False).returncode == 0, 10, "synkeeperd up or ended")
    if not daemon.alive():
        assert "server1" in daemon.output(), daemon.output()
        return
    get_once(env)
    get_once(env, address=address)
    assert total(env, ADMITTED) == 2, \
        f"{total(env, ADMITTED)} of 2 connections were admitted, and the " \
        f"daemon said nothing: {daemon.output()}"


@net_test
def test_two_namespaces(env):
    """Two instances at the same time do not interfere."""
    with Env() as other:
        for e in (env, other):
            e.nginx()
            e.synkeeperd()
        for e in (env, other):
            e.fetch()
            assert total(e, ADMITTED) == 1, \
                f"{total(e, ADMITTED)} admitted instead of one"
        env.synkeeper("down")
        other.fetch()
        assert total(other, ADMITTED) == 2, "the other instance stopped"


@net_test
def test_dropped_service_drains(env):
    """A restart with fewer services: connections of the removed one live, new
    ones are the kernel's, and it is gone after two key lifetimes."""
    env.nginx()
    env.nginx(81)
    conf = f"{env.dir}/keys.conf"
    with open(conf, "w", encoding="utf-8") as f:
        f.write("[keys]\nlifetime = 5s\n")
    first = env.synkeeperd("-c", conf, services=("*:80", "*:81"))
    held = Held(env, 81)
    ends(first, signal.SIGTERM, "the first one")
    second = env.synkeeperd("-c", conf)
    assert "*:81" in second.output() and "drain" in second.output(), \
        f"the daemon did not say that *:81 drains: {second.output()}"
    service = {s["listen"]: s for s in env.json("service", "list")["services"]}
    assert "*:81" not in service or not service["*:81"]["armed"], \
        f"the dropped service is armed: {service}"
    held.ask("after its service was dropped")
    get_once(env, 81)
    wait_for(lambda: attached.map_value(env, "ports", 81)["any4"]["mode"]
             in (0, "ENDPOINT_NONE"), 15, "port 81 to be drained")
    held.ask("after its service was drained")
    get_once(env, 81)


@net_test
def test_privileges(env):
    """The daemon's privileges once it runs, and who can read its maps."""
    daemon = env.synkeeperd()
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as f:
        status = f.read()
    caps = {m.group(1): int(m.group(2), 16) for m in
            re.finditer(r"^Cap(\w+):\s*(\w+)$", status, re.M)}
    want = 1 << CAP_NET_ADMIN | 1 << CAP_BPF
    assert caps == {"Prm": want, "Eff": want, "Inh": 0, "Bnd": 0, "Amb": 0}, \
        f"capabilities: {({k: hex(v) for k, v in caps.items()})}"
    assert re.search(r"^NoNewPrivs:\s*1$", status, re.M), \
        "an exec could still give the daemon new privileges"
    for place, _, names in os.walk(env.pin_dir):
        for path in (place, *(os.path.join(place, n) for n in names)):
            mode = os.stat(path).st_mode & 0o777
            want = 0o700 if path == place else 0o600
            assert mode == want, f"{path} has mode {mode:o}, not {want:o}"
    p = run(["setpriv", "--reuid", "65534", "--clear-groups", "bpftool", "map",
             "dump", "pinned", f"{env.pin_dir}/maps/keys"], check=False)
    assert p.returncode, "uid 65534 can dump the keys"


@net_test
def test_keys_turn(env):
    """Good clients connect through three rotations, all of them automatic."""
    env.nginx()
    conf = f"{env.dir}/keys.conf"
    with open(conf, "w", encoding="utf-8") as f:
        f.write("[keys]\nlifetime = 5s\n")
    env.synkeeperd("-c", conf)
    with GoodClients(env) as good:
        wait_for(lambda: env.json("key", "list")["epoch"] >= 3, 20,
                 "epoch 3 of keys that live for 5 s")
        good.wait_more(5, "after the third rotation")
    keys = {k["slot"]: k for k in env.json("key", "list")["keys"]}
    assert len(keys) == 4, f"expected four slots in use, got {keys}"
    assert keys[0]["age_s"] < 11 and keys[1]["age_s"] < 11, \
        f"a live key is older than two lifetimes of 5 s: {keys}"
    dropped = total(env, "bad_cookie") + total(env, "expired_cookie")
    assert not dropped, f"{dropped} ACKs of good clients were dropped"


@net_test
def test_many_rotations(env):
    """Requested ones, twenty a second: a cookie lives for at least one epoch,
    so a handshake that is faster than that always succeeds."""
    env.nginx()
    env.synkeeperd()
    with GoodClients(env) as good:
        for i in range(20):
            env.synkeeper("key", "rotate")
            good.wait_more(1, f"after rotation {i}")
    assert env.json("status")["key"]["epoch"] == 20
