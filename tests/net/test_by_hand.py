# SPDX-License-Identifier: GPL-2.0-only
"""Programs attached by hand, and maps read by hand.

Theory of operation: ip(8), bpftool and xdp-loader attach the program to the
interface, from a pin or from the object file. Without a daemon everything
passes. A daemon started afterwards adopts what it finds; `down`, in whatever
order, leaves an interface on which clients can connect.
"""
import json
import os
import re
import shutil

import attached
import rawtable
from backend import ADMITTED, OWN_COOKIES
from goodclients import GoodClients, Held, get_once, get_until
from namespace import run
from netenv import OUTPUT
from nettest import mode, net_test, skip

OBJECT = f"{OUTPUT}/synkeeper.bpf.o"
OURS = ("synkeeper_xdp", "native")  # as ip(8) attaches it


def load_and_pin(env):
    """Loads the object without a daemon, pinned where one would pin it."""
    place = f"{env.bed_dir}/by_hand"
    run(["bpftool", "prog", "loadall", OBJECT, place, "pinmaps",
         f"{place}/maps"])
    return f"{place}/synkeeper_xdp"


def map_of_program(env, name):
    """The value at 0 in a map of the attached program."""
    prog = bpftool("prog", "show", "id", attached.xdp_id(env.server))
    for number in prog["map_ids"]:
        if bpftool("map", "show", "id", number)["name"] == name:
            return bpftool("map", "lookup", "id", number, "key", 0, 0, 0, 0)
    raise AssertionError(f"the attached program has no map {name}")


def bpftool(*args):
    return json.loads(run(["bpftool", "-j", *map(str, args)]).stdout)


def passes(env, how):
    """No daemon: clients connect, the kernel answers, and it is counted."""
    got = attached.xdp(env.server)
    assert got and got[0] == OURS[0], f"{how}: {got} is attached"
    get_once(env)
    get_once(env, v6=True)
    cpus = map_of_program(env, "counters")["formatted"]["values"]
    index = attached.reason_index("not_ready")
    counts = [c["value"]["packets"] for c in cpus]
    not_ready = sum(c[index] for c in counts)
    assert not_ready >= 10, f"{how}: not_ready counted {not_ready} packets"
    rest = sum(map(sum, counts)) - not_ready
    assert not rest, f"{how}: {rest} packets counted for other reasons"


def adopts(env, how, mode="native"):
    """A daemon started now protects through what is already attached."""
    held = Held(env)
    with GoodClients(env) as good:
        daemon = env.synkeeperd()
        good.wait_more(3, f"{how}: after the start")
    status = env.json("status")
    iface = status["interfaces"][0]
    assert iface["by_hand"] is True and "taken over" in iface["why"] and \
        iface["mode"] == mode, f"{how}: status shows {iface}"
    for v6 in (False, True):
        get_until(env, lambda: env.json("status")["total"].get(ADMITTED, 0),
                  f"was admitted {how}", v6=v6)
    held.ask(f"{how}: after the start")
    return daemon


def gone(env, daemon, how):
    """After down it is detached, and clients still connect."""
    held = Held(env)
    env.synkeeper("down")
    assert daemon.wait(10) == 0, f"{how}: {daemon.output()}"
    attached.nothing_left(env, f"{how}: down")
    held.ask(f"{how}: after down")
    get_once(env)


def whole_way(env, how):
    passes(env, how)
    gone(env, adopts(env, how), how)


@net_test
def test_ip_pinned(env):
    env.nginx()
    pin = load_and_pin(env)
    env.server.run(["ip", "link", "set", "dev", env.server.iface, "xdp",
                    "pinned", pin])
    whole_way(env, "ip link set xdp pinned")


@net_test
def test_ip_object(env):
    env.nginx()
    env.server.run(["ip", "link", "set", "dev", env.server.iface, "xdp",
                    "obj", OBJECT, "sec", "xdp"])
    whole_way(env, "ip link set xdp obj")


@net_test
def test_ip_generic(env):
    """In skb mode, which it keeps."""
    env.nginx()
    pin = load_and_pin(env)
    env.server.run(["ethtool", "-K", env.server.iface, "gro", "off"])
    env.server.run(["ip", "link", "set", "dev", env.server.iface,
                    "xdpgeneric", "pinned", pin])
    passes(env, "xdpgeneric")
    daemon = adopts(env, "xdpgeneric", "skb")
    gone(env, daemon, "xdpgeneric")


@net_test
def test_bpftool_attach(env):
    env.nginx()
    pin = load_and_pin(env)
    env.server.run(["bpftool", "net", "attach", "xdp", "pinned", pin, "dev",
                    env.server.iface])
    whole_way(env, "bpftool net attach")


@net_test
def test_xdp_loader(env):
    if not shutil.which("xdp-loader"):
        skip("no xdp-loader here")
    env.nginx()
    p = env.server.run(["xdp-loader", "load", env.server.iface, OBJECT, "-s",
                        "xdp"], check=False)
    got = attached.xdp(env.server)
    if p.returncode or got and got[0] != OURS[0]:
        skip(f"xdp-loader attached {got}: {p.stderr.strip()}")
    whole_way(env, "xdp-loader load")


@net_test
def test_daemon_pin(env):
    """The pin of a daemon on another interface, attached to this one by hand:
    passes until a daemon is given the interface."""
    env.nginx()
    address = attached.add_pair(env)
    first = env.synkeeperd("-i", "server1", "--on-exit", "keep")
    get_once(env, address=address)
    first.stop()
    attached.add_pair(env, "server2", "198.18.1")
    env.server.run(["ip", "link", "set", "dev", "server2", "xdp", "pinned",
                    f"{env.pin_dir}/xdp"])
    get_once(env, address="198.18.1.2")
    answered = sum(c[attached.reason_index("answered")]
                   for c in attached.map_cpus(env, "counters", 1))
    assert answered == 1, \
        f"{answered} SYNs were answered, though server2 is not the daemon's"
    second = env.synkeeperd("-i", "server2")
    before = env.json("status")["total"][ADMITTED]
    get_once(env, address="198.18.1.2")
    got = env.json("status")["total"][ADMITTED] - before
    assert got == 1, f"{got} of 1 connections admitted on server2"
    assert second.alive(), second.output()


@net_test
def test_kept(env):
    """Adopted, then kept by SIGTERM with on-exit = keep: it still protects, and
    the next daemon takes over."""
    env.nginx()
    env.server.run(["ip", "link", "set", "dev", env.server.iface, "xdp",
                    "pinned", load_and_pin(env)])
    adopts(env, "by hand").stop()
    with GoodClients(env) as good:
        good.wait_more(5, "without a daemon")
        assert attached.xdp(env.server) == OURS, "SIGTERM detached it"
        daemon = adopts(env, "by hand, again")
        good.wait_more(5, "after the takeover")
    gone(env, daemon, "by hand, again")


@net_test
def test_down_without_daemon(env):
    """Adopted, the daemon killed, then `synkeeper down`: a program that no pin
    holds must stop answering SYNs whose ACKs would not be admitted."""
    env.nginx()
    env.server.run(["ip", "link", "set", "dev", env.server.iface, "xdp",
                    "pinned", load_and_pin(env)])
    adopts(env, "by hand").kill()
    held = Held(env)
    get_once(env)
    env.synkeeper("down")
    assert not os.path.exists(env.pin_dir), "down left the pins"
    try:
        get_once(env, timeout=5)
    except AssertionError as e:
        raise AssertionError(
            f"after `synkeeper down` without a daemon clients fail: {e}; "
            f"attached are {attached.xdp(env.server)} and "
            f"{attached.tcx(env.server)} tcx programs") from e
    held.ask("after down")


@net_test
def test_detached_by_hand(env):
    """`ip link set xdp off` while the daemon runs: a link refuses it (EBUSY);
    an adopted program is detached, and clients still connect."""
    env.nginx()
    daemon = env.synkeeperd()
    off = ["ip", "link", "set", "dev", env.server.iface, "xdp", "off"]
    p = env.server.run([*off[:-2], "xdpgeneric", "off"] if mode() == "skb"
                       else off, check=False)
    assert p.returncode and attached.xdp(env.server) == (OURS[0], mode()), \
        "ip link set xdp off took a bpf_link's program off"
    env.synkeeper("down")
    daemon.wait(10)
    env.server.run(["ip", "link", "set", "dev", env.server.iface, "xdp",
                    "pinned", load_and_pin(env)])
    daemon = adopts(env, "by hand")
    env.server.run(off)
    with GoodClients(env) as good:
        good.wait_more(5, "after xdp off")
    daemon.check_alive()
    gone(env, daemon, "after xdp off")


# -- what bpftool shows

def small_table(env):
    """A daemon with 2,048 slots, which are dumped quickly."""
    conf = f"{env.dir}/small.conf"
    with open(conf, "w", encoding="utf-8") as f:
        f.write("[sessions]\nmax = 1024\n")
    return env.synkeeperd("-c", conf, services=("*:80", "192.0.2.2:81"))


def dump(env, name):
    return run(["bpftool", "map", "dump", "pinned",
                f"{env.pin_dir}/maps/{name}"]).stdout


@net_test
def test_maps_by_name(env):
    """Every value is shown with its fields' names."""
    env.nginx()
    small_table(env)
    get_once(env)
    settings = attached.map_value(env, "settings", 0)
    assert settings["abi"] == 10 and settings["set_mask"] == 127 and \
        settings["hash_mul"] % 2 == 1, f"settings: {settings}"
    service = attached.map_value(env, "services", 2)
    assert service["used"] == 1 and service["wildcard"] == 0 and \
        service["listen"]["addr"][12:] == [192, 0, 2, 2], \
        f"services: {service}"
    port = attached.map_value(env, "ports", 80)
    assert port["any4"]["service"] == port["any6"]["service"] == 1, \
        f"ports: {port}"
    iface = attached.map_value(env, "ifaces", attached.ifindex(env.server))
    assert iface["mac"] == [2, 0, 0, 0, 0, 2] and iface["mtu"] == 1500, \
        f"ifaces: {iface}"
    key = attached.map_value(env, "keys", 0)
    assert key["born_ns"] and key["key"]["k0"], "keys: no key in slot 0"
    for name, words in (("endpoints", ("service", "window", "wscale")),
                        ("local_addrs", ()), ("route_metrics", ())):
        out = dump(env, name)
        for word in words:
            assert f'"{word}"' in out, f"{name}: no {word} in {out}"
    out = dump(env, "sessions")
    states = [s for s in re.findall(r'"state": "(\w+)"', out)
              if s != "SESSION_FREE"]
    assert len(states) == 1, f"sessions: expected one, got {states}"
    totals = [attached.map_value(env, "totals", rawtable.totals_index(row, 1))
              for row in range(rawtable.rows(env))]
    assert sum(sum(row["durations"]) for row in totals) == 1 and \
        not any(row["lost"] for row in totals), \
        f"totals: expected one ended session, got {totals}"


@net_test
def test_enums_by_name(env):
    """Modes and states are shown as words, as the design promises."""
    env.nginx()
    small_table(env)
    get_once(env)
    got = attached.map_value(env, "ports", 80)["any4"]["mode"]
    assert got == "ENDPOINT_ARMED", f"ports: mode is shown as {got!r}"
    states = [s for s in re.findall(r'"state": "(\w+)"', dump(env, "sessions"))
              if s != "SESSION_FREE"]
    assert states == ["SESSION_TIME_WAIT"], f"sessions: states are {states}"


@net_test
def test_programs_by_name(env):
    env.synkeeperd()
    for pin, kind, name in (("xdp", "xdp", "synkeeper_xdp"),
                            ("xdp_frags", "xdp", "synkeeper_xdp_f"),
                            ("tc", "sched_cls", "synkeeper_admit"),
                            ("egress", "sched_cls", "synkeeper_egress")):
        if pin == "tc" and not OWN_COOKIES:
            continue  # left out
        prog = bpftool("prog", "show", "pinned", f"{env.pin_dir}/{pin}")
        got = prog["type"], prog["name"], prog.get("gpl_compatible")
        assert got == (kind, name, True), f"{pin}: {got}"
    pin = "xdp_frags" if mode() == "native" else "xdp"
    pinned = bpftool("prog", "show", "pinned", f"{env.pin_dir}/{pin}")
    assert pinned["id"] == attached.xdp_id(env.server), \
        f"PIN_DIR/{pin} is not what is attached in {mode()} mode"
    out = env.server.run(["bpftool", "net"]).stdout
    assert f"{env.server.iface}(" in out, f"bpftool net shows {out}"


@net_test
def test_down_left_programs_of_another_version_active(env):
    """Their settings have another size, but the flags are always at the same
    place: what was attached by hand must pass everything afterwards."""
    ready, size = 1, "72"
    run(["mkdir", "-m", "0700", env.pin_dir, f"{env.pin_dir}/maps"])
    run(["bpftool", "map", "create", f"{env.bed_dir}/settings", "type", "array",
         "key", "4", "value", size, "entries", "1", "name", "settings"])
    run(["bpftool", "map", "pin", "pinned", f"{env.bed_dir}/settings",
         f"{env.pin_dir}/maps/settings"])
    value = ["3", "0", "0", "0", str(ready)] + ["0"] * (int(size) - 5)
    run(["bpftool", "map", "update", "pinned", f"{env.bed_dir}/settings", "key",
         "0", "0", "0", "0", "value", *value])
    env.synkeeper("down")
    got = json.loads(run(["bpftool", "-j", "map", "lookup", "pinned",
                          f"{env.bed_dir}/settings", "key", "0", "0", "0",
                          "0"]).stdout)["value"]
    assert int(got[4], 16) & ready == 0, \
        f"down: expected the flag READY to be gone, got flags {got[4:8]}"
