# SPDX-License-Identifier: GPL-2.0-only
"""What others do to attachments and pins while a daemon runs.

Theory of operation: a neighbour attaches in front at tc, somebody detaches a
program or a link, removes the pins, or uses up the daemon's descriptors. The
daemon must notice within a second or so, report it correctly, and repair what
it may; its reports are compared with the kernel's state.
"""
import json
import os
import re
import shutil

import attached
import neighbours
from backend import ADMITTED, OWN_COOKIES
from goodclients import GoodClients, Held, get_once, get_until
from namespace import run, wait_for
from neighbours import TC_ACT_OK, Neighbour
from netenv import OUTPUT
from nettest import mode, net_test, only_native, skip
from session_stats import wait_armed

SOON = 3
OURS = ("synkeeper_xdp", mode())
WAYS = ["ingress", "egress"] if OWN_COOKIES else ["egress"]


def admitted(env):
    return env.json("status")["total"].get(ADMITTED, 0)


def row(env, name="server0"):
    status = env.json("status")
    return next(i for i in status["interfaces"] if i["name"] == name), \
        status["health"]


def is_well(env):
    iface, health = row(env)
    return iface["protected"] and not health


def protected(env, when):
    """A client is admitted, and status and kernel agree."""
    get_until(env, lambda: admitted(env), f"was admitted {when}")
    got = attached.xdp(env.server)
    assert got == OURS, f"{when}: expected {OURS}, got {got}"
    wait_for(lambda: is_well(env), SOON, f"status to be well {when}")


# -- neighbours at tc

def name_of(prog_id):
    out = run(["bpftool", "-j", "prog", "show", "id", str(prog_id)]).stdout
    return json.loads(out).get("name", "?")


@net_test
def test_neighbour_ahead_at_start_cut_clients_off(env):
    """It returns TC_ACT_OK, which ends the chain: ours must run first."""
    env.nginx()
    for way in WAYS:
        Neighbour(env, way, TC_ACT_OK)
    env.synkeeperd()
    wait_armed(env)
    with GoodClients(env) as good:
        good.wait_more(20, "with a neighbour that was there first")
    for way in WAYS:
        ids = neighbours.order(env, way)
        assert ids is None or len(ids) == 2 and \
            name_of(ids[0]).startswith("synkeeper"), f"tc {way}: {ids}"
    protected(env, "with a neighbour behind ours")
    ended = env.json("session", "totals")["total"]["ended"]
    assert ended.get("closed", 0) > 0, f"no end was seen on egress: {ended}"


@net_test
def test_neighbour_went_in_front_and_cut_clients_off(env):
    """While the daemon runs, ours returns to the front, more than once, and it
    is logged; a successor is first, too."""
    env.nginx()
    daemon = env.synkeeperd()
    wait_armed(env)
    held = Held(env)
    for turn in range(2):
        for way in WAYS:
            Neighbour(env, way, TC_ACT_OK)
        for way in WAYS:
            wait_for(lambda w=way: neighbours.order(env, w) is None or name_of(
                neighbours.order(env, w)[0]).startswith("synkeeper"), 10,
                f"ours to be first at tc {way}, turn {turn}")
        wait_for(lambda: is_well(env), SOON, "status to be well")
        with GoodClients(env) as good:
            good.wait_more(10, f"turn {turn}")
        protected(env, f"turn {turn}")
    said = re.findall(r"server0: program id \d+ was attached before "
                      r"Synkeeper's program at tc", daemon.output())
    assert len(said) == 2 * len(WAYS), daemon.output()
    held.ask("with neighbours")
    for way in WAYS:
        Neighbour(env, way, TC_ACT_OK)
    daemon.stop()
    env.synkeeperd()
    protected(env, "after a restart")
    env.synkeeper("down")
    for way, kind in (("ingress", attached.BPF_TCX_INGRESS),
                      ("egress", attached.BPF_TCX_EGRESS)):
        got = attached.tcx(env.server, way=kind)
        want = 3 * (way in WAYS)
        assert got == want, f"tc {way}: {got} programs, {want} are others'"


@net_test
def test_neighbour_that_insists_is_told(env):
    """It returns to the front at once, again and again: the daemon gives up the
    race and reports who runs first, as does check."""
    env.nginx()
    env.synkeeperd()
    wait_armed(env)
    way = WAYS[-1]
    if neighbours.order(env, way) is None:
        skip("no tcx")

    def told():
        last = Neighbour(env, way, neighbours.TCX_NEXT)
        iface, health = row(env)
        if iface["ahead"]:
            return iface["ahead"], health
        last.detach()
        return None
    ahead, health = wait_for(told, 10, "status to report the neighbour")
    assert ahead[0]["tc"] == way and any(
        "before Synkeeper's program" in line for line in health), (ahead, health)
    text = env.synkeeper("status", check=False).stdout
    assert f"server0: tc {way}: neighbour, id {ahead[0]['id']}" in text, text
    p = env.server.run([*env.synkeeper_command(), "-j", "check", "server0"],
                       check=False)
    found = {f["what"]: f for f in json.loads(p.stdout)["findings"]}
    got = found[f"tc {way}"]
    if name_of(neighbours.order(env, way)[0]) == "neighbour":
        assert got["state"] == "warn" and "neighbour" in got["found"], got


# -- detached by others

def detach_link(path):
    """Like `bpftool link detach pinned PATH`."""
    run(["bpftool", "link", "detach", "pinned", path])


@net_test
def test_detached_link_went_unnoticed(env):
    """Each of the links is attached again; good clients are unaffected."""
    env.nginx()
    daemon = env.synkeeperd()
    wait_armed(env)
    index = attached.ifindex(env.server)
    if neighbours.order(env, "egress") is None:
        skip("no tcx: filters are not links")
    for what in ["xdp", "egress"] + (["tc"] if OWN_COOKIES else []):
        before = daemon.output().count("attached again")
        detach_link(f"{env.pin_dir}/links/{what}_{index}")
        wait_for(lambda b=before: daemon.output().count("attached again") > b,
                 40, f"the daemon to attach {what} again")
        assert "not protected: its" in daemon.output(), daemon.output()
        protected(env, f"after the link of {what} was detached")
    env.synkeeper("down")
    daemon.wait(10)
    attached.nothing_left(env, "down")


def adopted_by_hand(env):
    """A daemon that has taken over a program attached without a link."""
    place = f"{env.bed_dir}/by_hand"
    run(["bpftool", "prog", "loadall", f"{OUTPUT}/synkeeper.bpf.o", place,
         "pinmaps", f"{place}/maps"])
    env.server.run(["ip", "link", "set", "dev", "server0", "xdp", "pinned",
                    f"{place}/synkeeper_xdp"])
    daemon = env.synkeeperd()
    wait_armed(env)
    return daemon


@net_test
def test_foreign_program_in_our_place_was_called_protection(env):
    """Another program replaces one that was adopted: it is left alone, and
    status, its exit code and health report it until it is gone."""
    only_native("the place of a program by hand")
    env.nginx()
    daemon = adopted_by_hand(env)
    protected(env, "adopted")
    p = env.synkeeper("status", check=False)
    assert p.returncode == 0, f"expected all to be well: {p.stdout}"
    env.xdp(env.server, "pass")
    wait_for(lambda: not row(env)[0]["protected"], SOON,
             "status to report the other program")
    iface, health = row(env)
    p = env.synkeeper("status", check=False)
    assert p.returncode == 1 and iface["mode"] == "none" and \
        "not protected: another XDP program, id" in iface["why"] and \
        any("not protected: another" in line for line in health), \
        f"exit code {p.returncode}: {p.stdout}"
    assert "server0: not protected" in daemon.output(), daemon.output()
    get_once(env)
    assert attached.xdp(env.server)[0] == "pass", "it was replaced"
    env.xdp(env.server, None)
    wait_for(lambda: attached.xdp(env.server) == OURS, 70,
             "ours to be attached again")
    protected(env, "after the other one was gone")


@net_test
def test_xdp_off_went_unnoticed(env):
    """`ip link set dev X xdp off` on an adopted program."""
    only_native("ip link set xdp")
    env.nginx()
    daemon = adopted_by_hand(env)
    env.server.run(["ip", "link", "set", "dev", "server0", "xdp", "off"])
    wait_for(lambda: attached.xdp(env.server) == OURS, SOON,
             "ours to be attached again")
    protected(env, "after xdp off")
    assert "its XDP program was detached" in daemon.output(), daemon.output()
    env.synkeeper("down")
    daemon.wait(10)
    attached.nothing_left(env, "down")


@net_test
def test_filter_deleted_went_unnoticed(env):
    """`tc filter del`, or the whole qdisc, where there is no tcx."""
    env.nginx()
    daemon = env.synkeeperd()
    if neighbours.order(env, "egress") is not None:
        skip("this kernel has tcx: there are no filters")
    wait_armed(env)
    env.server.run(["tc", "qdisc", "del", "dev", "server0", "clsact"])
    wait_for(lambda: "attached again" in daemon.output(), 10,
             "the daemon to attach again")
    protected(env, "after the qdisc was deleted")


# -- pins

@net_test
def test_pins_removed_took_the_protection_off(env):
    """rm -rf of the pin directory: nothing is detached, the pins are restored,
    and a successor takes over."""
    env.nginx()
    daemon = env.synkeeperd()
    wait_armed(env)
    held = Held(env)
    before, program = attached.pins(env), attached.xdp_id(env.server)
    with GoodClients(env) as good:
        for turn in range(2):
            shutil.rmtree(env.pin_dir)
            wait_for(lambda: attached.pins(env) == before, SOON,
                     f"the pins to be back, turn {turn}")
            good.wait_more(5, "after the pins were removed")
    assert attached.xdp_id(env.server) == program, "XDP was attached anew"
    said = re.findall(r"pins had been removed and were restored",
                      daemon.output())
    assert said, f"nothing in the log: {daemon.output()}"
    protected(env, "after the pins were removed")
    p = env.server.run([f"{OUTPUT}/synkeeperd", "-i", "server0", "-s", "*:80",
                        "--pin-dir", env.pin_dir, "--control",
                        f"{env.control}2"], check=False)
    assert p.returncode == 1 and f"pid {daemon.pid}" in p.stderr, \
        f"the directory is not locked: {p.stderr}"
    daemon.kill()
    second = env.synkeeperd()
    held.ask("after a takeover")
    assert row(env)[0]["why"] == "as an earlier instance left it", row(env)
    env.synkeeper("down")
    second.wait(10)
    attached.nothing_left(env, "down")


@net_test
def test_one_pin_removed(env):
    env.nginx()
    env.synkeeperd()
    before = attached.pins(env)
    for pin in before:
        os.unlink(f"{env.pin_dir}/{pin}")
    wait_for(lambda: attached.pins(env) == before, SOON, "the pins to be back")
    wait_for(lambda: is_well(env), SOON, "status to be well")


# -- errors are not answers

@net_test
def test_no_descriptor_was_taken_for_no_interface(env):
    """With no free file descriptor for some seconds: nothing is detached or
    reported as gone; what is detached meanwhile is attached again."""
    env.nginx()
    daemon = env.synkeeperd()
    wait_armed(env)
    program = attached.xdp_id(env.server)
    limit = re.search(r"Max open files\s+(\d+)\s+(\d+)", open(
        f"/proc/{daemon.pid}/limits", encoding="ascii").read())
    assert limit[1] == limit[2] or int(limit[1]) >= 65536, \
        f"the limit was not raised: {limit[0]}"
    epoch = env.json("status")["uptime_s"]
    # lsof's lowest free number: all below are in use
    fds = sorted(int(fd) for fd in os.listdir(f"/proc/{daemon.pid}/fd"))
    low = next(i for i, fd in enumerate([*fds, -1]) if i != fd)
    run(["prlimit", "--pid", str(daemon.pid), f"--nofile={low}:{limit[2]}"])
    index = attached.ifindex(env.server)
    with GoodClients(env) as good:
        good.wait_more(20, "without free descriptors")
        if neighbours.order(env, "egress") is not None:
            detach_link(f"{env.pin_dir}/links/egress_{index}")
            wait_for(lambda: "attached again" in daemon.output(), 10,
                     "egress to be attached again")
    run(["prlimit", "--pid", str(daemon.pid),
         f"--nofile={limit[1]}:{limit[2]}"])
    assert "is gone" not in daemon.output(), daemon.output()
    assert attached.xdp_id(env.server) == program, "XDP was detached"
    wait_for(lambda: env.json("status")["uptime_s"] > epoch, SOON, "a status")
    protected(env, "with descriptors again")


# -- races

@net_test
def test_reloads_met_links_that_were_being_released(env):
    """Removed and added by reload, and down and up: one in thirty used to fail
    with "cannot attach: File exists"."""
    env.nginx()
    attached.add_pair(env)
    conf = f"{env.dir}/loop.conf"

    def write(names):
        with open(conf, "w", encoding="utf-8") as f:
            f.write(f"[daemon]\ninterface = {names}\n")
    write("server0 server1")
    daemon = env.synkeeperd("-c", conf)
    for turn in range(4):
        write("server0")
        env.synkeeper("reload")
        wait_for(lambda: not attached.xdp(env.server, "server1"), 5,
                 "server1 to be detached")
        for way in (attached.BPF_TCX_INGRESS, attached.BPF_TCX_EGRESS):
            got = attached.tcx(env.server, "server1", way)
            assert not got, f"turn {turn}: XDP is off and {got} at tc"
        write("server0 server1")
        env.synkeeper("reload")
    assert "File exists" not in daemon.output(), daemon.output()
    env.synkeeper("down")
    for turn in range(6):
        daemon.wait(10)
        attached.nothing_left(env, f"down, turn {turn}", ("server0", "server1"))
        daemon = env.synkeeperd("-c", conf)
        daemon.kill()
        env.synkeeper("down")
        os.unlink(env.control)
    assert "File exists" not in daemon.output(), daemon.output()


@net_test
def test_down_said_removed_before_it_was(env):
    """When the command returns, the kernel has nothing left."""
    env.nginx()
    for turn in range(5):
        daemon = env.synkeeperd()
        out = env.synkeeper("down").stdout
        attached.nothing_left(env, f"down, turn {turn}")
        assert "everything removed" in out, out
        assert daemon.wait(10) == 0, daemon.output()


# -- other instances and programs

@net_test
def test_second_instance_was_told_of_a_bpf_link(env):
    """Another pin directory: the error names the owner of the interface, and
    the remedy, as does check."""
    env.nginx()
    first = env.synkeeperd()
    p = env.server.run([f"{OUTPUT}/synkeeperd", "-i", "server0", "-s", "*:80",
                        "--pin-dir", f"{env.pin_dir}-2", "--control",
                        f"{env.control}2"], check=False)
    for word in ("another synkeeperd", "synkeeper_xdp", f"pid {first.pid}",
                 "id ", "down"):
        assert p.returncode == 1 and word in p.stderr, \
            f"expected {word!r} in: {p.stderr}"
    assert not os.path.exists(f"{env.pin_dir}-2"), "its pins were left"
    get_once(env)
    p = env.server.run([f"{OUTPUT}/synkeeper", "--pin-dir",
                        f"{env.pin_dir}-2", "--control", f"{env.control}2",
                        "-j", "check", "server0"], check=False)
    got = [f for f in json.loads(p.stdout)["findings"]
           if f["what"] == "attached program"][0]
    assert got["state"] == "warn" and f"pid {first.pid}" in got["found"], got
    first.kill()
    p = env.server.run([f"{OUTPUT}/synkeeperd", "-i", "server0", "-s", "*:80",
                        "--pin-dir", f"{env.pin_dir}-2", "--control",
                        f"{env.control}2"], check=False)
    index = attached.ifindex(env.server)
    assert f"{env.pin_dir}/links/xdp_{index}" in p.stderr, \
        f"expected the pin in: {p.stderr}"


@net_test
def test_check_was_ready_for_an_interface_the_daemon_refuses(env):
    """A foreign XDP program: check fails and names it, as the daemon does."""
    env.xdp(env.server, "pass")
    p = env.server.run([*env.synkeeper_command(), "-j", "check", "server0"],
                       check=False)
    got = json.loads(p.stdout)
    found = [f for f in got["findings"] if f["what"] == "attached program"][0]
    assert not got["ready"] and found["state"] == "fail" and \
        "pass" in found["found"], found
    for word in ("--replace", "ip link set dev server0 xdp off"):
        assert word in found["fix"], found
    p = env.server.run([f"{OUTPUT}/synkeeperd", "-i", "server0", "-s", "*:80",
                        "--pin-dir", env.pin_dir, "--control", env.control],
                       check=False)
    assert p.returncode == 1 and "pass" in p.stderr and \
        "--replace" in p.stderr, p.stderr
