# SPDX-License-Identifier: GPL-2.0-only
"""Interfaces that disappear, return, flap and are renamed under a daemon.

Theory of operation: server1 is a second veth pair beside server0, on which good
clients connect all the time and must be unaffected. What the daemon reports
(status, log) is compared with the kernel's state (programs, pins).
"""
import contextlib
import re

import attached
from backend import ADMITTED
from goodclients import GoodClients, Held, connect, get_once, get_until
from namespace import run, wait_for
from netenv import OUTPUT
from nettest import mode, net_test
from scapytools import Peer
from sockets import listen

OURS = ("synkeeper_xdp", mode())
SOON = 3  # seconds until the daemon must have noticed
KEEPS = 1 << 12 | 1 << 39  # CAP_NET_ADMIN, CAP_BPF


def admitted(env):
    return env.json("status")["total"].get(ADMITTED, 0)


def interface(env, name):
    """Its row in status, which must not fail."""
    status = env.json("status")
    found = [i for i in status["interfaces"] if i["name"] == name]
    assert len(found) == 1, f"status should show {name} once: {status}"
    return found[0], [line for line in status["health"] if name in line]


def wait_missing(env, name="server1"):
    wait_for(lambda: (name, "missing") in [
        (i["name"], i["mode"]) for i in env.json("status")["interfaces"]],
        SOON, f"status to show {name} as missing")
    iface, health = interface(env, name)
    assert iface["ifindex"] == 0 and "gone" in iface["why"] and \
        len(health) == 1 and "not protected" in health[0], \
        f"{name} is gone: status shows {iface} and health {health}"


def wait_protected(env, address, name="server1"):
    """Our program is attached, and a client's connection is admitted."""
    wait_for(lambda: attached.xdp(env.server, name) == OURS, SOON,
             f"XDP on {name}")
    get_until(env, lambda: admitted(env), f"was admitted on {name}",
              address=address)
    iface, health = interface(env, name)
    assert iface["mode"] == mode() and not health and \
        iface["ifindex"] == attached.ifindex(env.server, name), \
        f"{name} is protected: status shows {iface} and health {health}"


def no_pins_of(env, index):
    left = [p for p in attached.pins(env) if p.endswith(f"_{index}")]
    assert not left, f"pins of interface {index}, which is gone: {left}"


def capabilities(daemon):
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as f:
        return int(re.search(r"^CapPrm:\s*(\w+)$", f.read(), re.M)[1], 16)


@contextlib.contextmanager
def two_interfaces(env):
    """(daemon, server1's address), with good clients on server0."""
    env.nginx()
    address = attached.add_pair(env)
    daemon = env.synkeeperd("-i", "server1")
    held = Held(env)
    with GoodClients(env) as good:
        get_once(env, address=address)
        yield daemon, address
        good.wait_more(5, "at the end")
        held.ask("at the end")
    daemon.check_alive()


def replug(env):
    """The driver is reloaded: the interface is gone, then back by its name."""
    env.server.ip("link", "del", "server1")
    return attached.add_pair(env)


@net_test
def test_gone_and_back(env):
    """With the capabilities that the daemon keeps."""
    with two_interfaces(env) as (daemon, address):
        assert capabilities(daemon) == KEEPS, hex(capabilities(daemon))
        index = attached.ifindex(env.server, "server1")
        env.server.ip("link", "del", "server1")
        wait_missing(env)
        assert "server1: the interface is gone" in daemon.output()
        no_pins_of(env, index)
        p = env.synkeeper("status", check=False)
        assert p.returncode == 1, f"with an interface missing: {p}"
        text = p.stdout
        assert re.search(r"^server1 +missing", text, re.M), text
        metrics = env.synkeeper("metrics").stdout
        assert 'interface="server1",mode="missing"' in metrics, metrics
        attached.add_pair(env)
        wait_protected(env, address)
        said = re.findall(f"server1: XDP {mode()}", daemon.output())
        assert len(said) == 2, f"the log should say it twice: {said}"


@net_test
def test_back_at_once(env):
    """Five times, with no time to notice in between."""
    with two_interfaces(env) as (_, address):
        for _ in range(5):
            index = attached.ifindex(env.server, "server1")
            replug(env)
            wait_protected(env, address)
            no_pins_of(env, index)


@net_test
def test_older_connections_when_back(env):
    """Connections from the time when nothing was attached are adopted."""
    with two_interfaces(env) as (daemon, address), \
            listen(env, port=81) as listener:
        env.synkeeper("service", "add", "*:81")
        with daemon.stopped():
            replug(env)
            ends = connect(env, 81, address=address), listener.accept()[0]
        wait_protected(env, address)
        ends[0].sendall(b"x")
        assert ends[1].recv(1) == b"x", \
            "a connection from the time without a program is dead"


@net_test
def test_flapping(env):
    """Down and up: nothing changes, nothing is logged."""
    with two_interfaces(env) as (daemon, address):
        before = interface(env, "server1"), daemon.output(), \
            attached.xdp_id(env.server, "server1"), attached.pins(env)
        for _ in range(5):
            env.server.ip("link", "set", "server1", "down")
            env.json("service", "list")
            env.server.ip("link", "set", "server1", "up")
        uptime = env.json("status")["uptime_s"]
        wait_for(lambda: env.json("status")["uptime_s"] > uptime + 1, 5,
                 "the daemon to check its interfaces")
        after = interface(env, "server1"), daemon.output(), \
            attached.xdp_id(env.server, "server1"), attached.pins(env)
        assert before == after, f"flapping: {before} became {after}"
        wait_protected(env, address)


def rename(env, name, to):
    env.server.ip("link", "set", name, "down")
    env.server.ip("link", "set", name, "name", to)
    env.server.ip("link", "set", to, "up")


@net_test
def test_renamed(env):
    """It stays protected, is shown by its new name, and its MAC is tracked."""
    with two_interfaces(env) as (daemon, address):
        program = attached.xdp_id(env.server, "server1")
        rename(env, "server1", "wan1")
        wait_for(lambda: "server1: renamed to wan1" in daemon.output(), SOON,
                 "the daemon to notice the new name")
        wait_protected(env, address, "wan1")
        env.server.ip("link", "set", "wan1", "address", "02:00:00:00:01:99")
        env.client.ip("neigh", "flush", "dev", "client1")
        wait_for(lambda: attached.iface_mac(env, "wan1") ==
                 "02:00:00:00:01:99", SOON, "the new MAC in the map")
        wait_protected(env, address, "wan1")
        assert attached.xdp_id(env.server, "wan1") == program, \
            "the program was attached again"
        env.server.ip("link", "del", "wan1")
        wait_missing(env)  # it waits for the configured name
        wait_protected(env, attached.add_pair(env))


@net_test
def test_old_name_taken(env):
    """Another interface that gets the name is not mistaken for it."""
    with two_interfaces(env) as (daemon, address):
        rename(env, "server1", "wan1")
        wait_for(lambda: "renamed to wan1" in daemon.output(), SOON,
                 "the daemon to notice the new name")
        attached.add_pair(env, net="198.18.1", peer="client2")
        mac = attached.iface_mac(env, "wan1")
        uptime = env.json("status")["uptime_s"]
        wait_for(lambda: env.json("status")["uptime_s"] > uptime + 1, 5,
                 "the daemon to check its interfaces")
        assert attached.iface_mac(env, "wan1") == mac, \
            "wan1 got the MAC of the interface that has its old name"
        got = attached.xdp(env.server, "server1")
        assert not got, f"another interface, called server1 now, has {got}"
        wait_protected(env, address, "wan1")


@net_test
def test_end_while_missing(env):
    """`down` works, and names only what it detached."""
    env.nginx()
    attached.add_pair(env)
    daemon = env.synkeeperd("-i", "server1")
    env.server.ip("link", "del", "server1")
    wait_missing(env)
    got = env.json("down")
    assert got["interfaces"] == ["server0"], f"down says {got}"
    assert daemon.wait(10) == 0, daemon.output()
    attached.nothing_left(env, "down while server1 is missing")


@net_test
def test_back_with_a_program(env):
    """With somebody else's program: reported in status and log; protected once
    that is detached."""
    with two_interfaces(env) as (daemon, _):
        env.server.ip("link", "del", "server1")
        wait_missing(env)
        address = attached.add_pair(env, "server9", peer="client1")
        env.server.run(["bpftool", "net", "attach", "xdpdrv", "pinned",
                        f"{env.bed_dir}/pass", "dev", "server9"])
        rename(env, "server9", "server1")
        wait_for(lambda: "is back, but" in interface(env, "server1")[0]["why"],
                 SOON, "status to say that server1 is back")
        health = interface(env, "server1")[1]
        assert health and "not protected" in health[0], health
        assert "CAP_SYS_ADMIN" in daemon.output(), daemon.output()
        get_once(env, address=address)
        env.server.run(["bpftool", "net", "detach", "xdpdrv", "dev",
                        "server1"])
        wait_protected(env, address)


@net_test
def test_reload_meets_a_program(env):
    """Ours, attached by hand: only a start may take it over, and reports it."""
    env.nginx()
    attached.add_pair(env)
    place = f"{env.bed_dir}/by_hand"
    run(["bpftool", "prog", "loadall", f"{OUTPUT}/synkeeper.bpf.o", place,
         "pinmaps", f"{place}/maps"])
    env.server.run(["ip", "link", "set", "dev", "server1", "xdp", "pinned",
                    f"{place}/synkeeper_xdp"])
    conf = f"{env.dir}/reload.conf"
    for text in ("[keys]\nlifetime = 60s\n",
                 "[daemon]\ninterface = server1\n"):
        with open(conf, "w", encoding="utf-8") as f:
            f.write(text)
        if "keys" in text:
            daemon = env.synkeeperd("-c", conf)
    p = env.synkeeper("reload", check=False)
    assert p.returncode == 1 and "server1" in p.stderr and \
        "restart synkeeperd" in p.stderr, f"reload: {p.returncode}: {p.stderr}"
    assert "CAP_SYS_ADMIN" in daemon.output(), daemon.output()
    assert daemon.stop() == 0, daemon.output()
    env.synkeeperd("-c", conf)
    why = interface(env, "server1")[0]["why"]
    assert "taken over" in why, f"after a restart: {why}"


class Configured:
    """A daemon with a file that names interfaces besides server0."""

    def __init__(self, env, *names):
        self.env = env
        self.path = f"{env.dir}/interfaces.conf"
        self.write(*names)
        self.daemon = env.synkeeperd("-c", self.path)

    def write(self, *names):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write("[keys]\nlifetime = 60s\n")
            if names:
                f.write(f"[daemon]\ninterface = {' '.join(names)}\n")

    def reload(self, *names):
        self.write(*names)
        return self.env.json("reload")["changed"]


@net_test
def test_removed_by_reload(env):
    """A handshake in flight succeeds, and we start no new one."""
    env.nginx()
    address = attached.add_pair(env)
    configured = Configured(env, "server1")
    with Peer(env, pair=("client1", "server1", address)) as peer:
        flow = peer.flow()
        flow.syn()
        got = configured.reload()
        assert len(got) == 1 and got[0]["what"] == "interface server1" and \
            "cookies in flight" in got[0]["note"], f"reload says {got}"
        before = admitted(env)
        flow.send("A")
        peer.barrier()
        assert admitted(env) == before + 1, \
            "the ACK of a cookie in flight was not admitted"
    answered = env.json("status")["total"].get("answered", 0)
    get_once(env, address=address)
    got = env.json("status")["total"].get("answered", 0)
    assert got == answered, "a SYN was answered on an interface being removed"
    wait_for(lambda: not attached.xdp(env.server, "server1") and
             not attached.tcx(env.server, "server1"), 5,
             "server1 to be detached")
    get_once(env, address=address)
    names = [i["name"] for i in env.json("status")["interfaces"]]
    assert names == ["server0"], f"status still shows {names}"


@net_test
def test_removed_and_wanted_again(env):
    """Before it was detached: it stays, with the same program."""
    env.nginx()
    address = attached.add_pair(env)
    configured = Configured(env, "server1")
    program = attached.xdp_id(env.server, "server1")
    configured.reload()
    configured.reload("server1")
    wait_protected(env, address)
    uptime = env.json("status")["uptime_s"]
    wait_for(lambda: env.json("status")["uptime_s"] > uptime + 3, 6,
             "what was to be detached in two seconds")
    assert attached.xdp_id(env.server, "server1") == program, \
        "it was detached after all"
    wait_protected(env, address)


@net_test
def test_end_soon_after_removal(env):
    """on-exit = keep keeps only what is configured."""
    env.nginx()
    attached.add_pair(env)
    configured = Configured(env, "server1")
    configured.reload()
    assert configured.daemon.stop() == 0, configured.daemon.output()
    got = attached.xdp(env.server, "server1"), \
        attached.tcx(env.server, "server1")
    assert got == (None, 0), f"server1, removed before the end, has {got}"
    assert attached.xdp(env.server), "server0 was not kept"


@net_test
def test_renamed_in_the_file(env):
    """The file is updated to a new name: never without the program."""
    env.nginx()
    address = attached.add_pair(env)
    configured = Configured(env, "server1")
    program = attached.xdp_id(env.server, "server1")
    rename(env, "server1", "wan1")
    with GoodClients(env, address=address) as good:
        good.wait_more(3, "before the reload")
        configured.reload("wan1")
        good.wait_more(3, "after the reload")
    uptime = env.json("status")["uptime_s"]
    wait_for(lambda: env.json("status")["uptime_s"] > uptime + 3, 6,
             "what would be detached in two seconds")
    assert attached.xdp_id(env.server, "wan1") == program, \
        "wan1 lost its program"
    wait_protected(env, address, "wan1")
