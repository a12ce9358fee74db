# SPDX-License-Identifier: GPL-2.0-only
"""Services: many of them, added and removed, exact and wildcard, and on hosts
that forward.

Theory of operation: a listener on the wildcard address and AnyIP routes (`ip
route add local PREFIX dev lo`) give the server thousands of addresses. The
counters per service tell which SYNs were answered with a cookie.
"""
import socket
import time

import attached
from backend import ADMITTED
from goodclients import Held, connect, get_once
from namespace import kill_all_in, run, wait_for
from nettest import net_test

ANYIP = "198.51.0.0/20"


def anyip(env):
    env.server.ip("route", "add", "local", ANYIP, "dev", "lo")
    env.client.ip("route", "add", ANYIP, "via", env.server.ip4)


def address(i):
    return f"198.51.{i // 256}.{i % 256}"


def packets(env, listen):
    """What was counted for one service; "-" for none."""
    for s in env.json("stats")["services"]:
        if s["listen"] == listen:
            return s["packets"]
    raise AssertionError(f"stats has no {listen}")


def answered_by(env, listen, **kwargs):
    """One connection, whose SYN was or was not answered for that service."""
    before = packets(env, listen).get("answered", 0)
    get_once(env, **kwargs)
    return packets(env, listen).get("answered", 0) - before


def expect(env, listen, n, what, **kwargs):
    got = answered_by(env, listen, **kwargs)
    assert got == n, f"{what}: {listen} answered {got} SYNs, not {n}"


def armed(env, listen):
    for s in env.json("service", "list")["services"]:
        if s["listen"] == listen:
            return s["armed"]
    return None


def listening(env, ports, host="::"):
    """Listeners of this process in the server's namespace; only the kernel
    accepts."""
    sockets = []
    with env.server.inside():
        for port in ports:
            s = socket.socket(socket.AF_INET6 if ":" in host
                              else socket.AF_INET)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((host, port))
            s.listen()
            sockets.append(s)
    return sockets


@net_test
def test_4096(env):
    """4,032 exact addresses and 64 wildcards: up in seconds, and each address
    tried is protected under its own name."""
    anyip(env)
    ports = range(2000, 2064)
    listeners = listening(env, [80, *ports])
    lines = ["[service exact]"]
    lines += [f"listen = {address(i)}:80" for i in range(4032)]
    lines += ["[service any]"] + [f"listen = *:{p}" for p in ports]
    conf = env.configure("\n".join(lines) + "\n")
    start = time.monotonic()
    env.synkeeperd("-c", conf, services=())
    took = time.monotonic() - start
    assert took < 10, f"the start took {took:.1f} s"
    services = env.json("service", "list")["services"]
    bad = [s for s in services if not s["armed"]]
    assert len(services) == 4096 and not bad, \
        f"{len(services)} services, not armed: {bad[:3]}"
    for i in (1, 77, 255, 256, 1000, 2048, 4031):
        listen = f"{address(i)}:80"
        connect(env, 80, address=address(i)).close()
        got = packets(env, listen)
        assert got.get("answered") == got.get(ADMITTED) == 1, \
            f"{listen}: counted {got}"
    for port in (2000, 2031, 2063):
        connect(env, port).close()
        connect(env, port, v6=True).close()
        got = packets(env, f"*:{port}")
        assert got.get("answered") == got.get(ADMITTED) == 2, \
            f"*:{port}: counted {got}"
    connect(env, 80, address=address(4090)).close()
    got = env.json("stats")["total"]["answered"]
    assert got == 13, f"{got} SYNs answered instead of 13: one was to none"
    for s in listeners:
        s.close()


def idle_share(daemon):
    """Its share of a CPU while it is idle for four seconds."""
    def cpu_ticks():
        with open(f"/proc/{daemon.pid}/stat", encoding="ascii") as f:
            return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))

    first, start = cpu_ticks(), time.monotonic()
    wait_for(lambda: time.monotonic() - start > 4, 10, "four seconds")
    return (cpu_ticks() - first) / 100 / (time.monotonic() - start)


@net_test
def test_idle_cost(env):
    """With 4,000 services an idle daemon takes under a quarter of a CPU."""
    anyip(env)
    listeners = listening(env, [80])
    conf = env.configure("[service exact]\n" + "\n".join(
        f"listen = {address(i)}:80" for i in range(4000)) + "\n")
    share = idle_share(env.synkeeperd("-c", conf, services=()))
    assert share < 0.25, f"the idle daemon takes {share:.0%} of a CPU"
    for s in listeners:
        s.close()


@net_test
def test_exact_before_wildcard(env):
    env.nginx()
    anyip(env)
    exact = f"{address(1)}:80"
    env.synkeeperd(services=("*:80", exact))
    expect(env, exact, 1, "to the exact address", address=address(1))
    expect(env, "*:80", 0, "to the exact address", address=address(1))
    expect(env, "*:80", 1, "to another address", address=address(2))
    expect(env, exact, 0, "to another address", address=address(2))
    env.synkeeper("service", "policy", exact, "off")
    expect(env, exact, 0, "exact off", address=address(1))
    expect(env, "*:80", 0, "exact off", address=address(1))
    env.synkeeper("service", "policy", exact, "on")
    env.synkeeper("service", "policy", "*:80", "off")
    expect(env, exact, 1, "wildcard off", address=address(1))
    expect(env, "*:80", 0, "wildcard off", address=address(2))


@net_test
def test_exact_ipv6(env):
    env.nginx()
    exact = f"[{env.server.ip6}]:80"
    env.synkeeperd(services=(exact,))
    expect(env, exact, 1, "IPv6", v6=True)
    expect(env, exact, 0, "IPv4")


@net_test
def test_add_and_del(env):
    """At run time, repeatedly; a held connection survives it."""
    env.nginx()
    env.nginx(81)
    env.synkeeperd()
    held = Held(env, 81)
    for i in range(3):
        env.synkeeper("service", "add", "*:81", "--name", "more")
        expect(env, "*:81", 1, f"added, round {i}", port=81)
        env.synkeeper("service", "del", "*:81")
        get_once(env, 81)
        got = attached.map_value(env, "ports", 81)["any4"]["mode"]
        assert got not in (2, "ENDPOINT_ARMED"), \
            f"deleted, round {i}: the port's mode is {got}"
        held.ask(f"round {i}")
    expect(env, "*:80", 1, "the service beside it")


@net_test
def test_late_listener(env):
    """No listener: the kernel refuses SYNs, health says so; with one, the
    service is armed by itself; without it again, disarmed."""
    env.synkeeperd(services=("*:80", "*:81"))
    assert armed(env, "*:81") is False, "*:81 is armed without a listener"
    health = " ".join(env.json("status")["health"])
    assert "*:81" in health and "no" in health, f"health: {health}"
    try:
        connect(env, 81).close()
        raise AssertionError("somebody accepted on a port without listener")
    except ConnectionRefusedError:
        pass
    server = env.nginx(81)
    wait_for(lambda: armed(env, "*:81"), 5, "*:81 to be armed")
    expect(env, "*:81", 1, "with a listener", port=81)
    server.stop()
    wait_for(lambda: armed(env, "*:81") is False, 5, "*:81 to be disarmed")
    try:
        connect(env, 81).close()
        raise AssertionError("somebody accepted after the listener's end")
    except ConnectionRefusedError:
        pass


@net_test
def test_forwarding(env):
    """The server forwards: a wildcard means its own addresses, and what it
    forwards to a host behind it is answered by that host's kernel."""
    env.nginx()
    env.server.sysctl("net.ipv4.ip_forward", 1)
    host = "198.19.0.2"
    env.server.ip("link", "add", "lan0", "type", "veth", "peer", "lan1")
    inner = f"{env.name}-inner"
    run(["ip", "netns", "add", inner])
    try:
        env.server.ip("link", "set", "lan1", "netns", inner)
        env.server.ip("addr", "add", "198.19.0.1/24", "dev", "lan0")
        env.server.ip("link", "set", "lan0", "up")
        for args in (("addr", "add", f"{host}/24", "dev", "lan1"),
                     ("link", "set", "lan1", "up"),
                     ("route", "add", "default", "via", "198.19.0.1")):
            run(["ip", "-n", inner, *args])
        env.client.ip("route", "add", "198.19.0.0/24", "via", env.server.ip4)
        env.synkeeperd()
        expect(env, "*:80", 1, "to the forwarding host itself")
        before = env.json("stats")["total"].get("answered", 0)
        try:
            connect(env, 80, address=host).close()
            raise AssertionError("the host behind has no listener, and yet "
                                 "the client was connected")
        except ConnectionRefusedError:
            pass
        now = env.json("stats")["total"].get("answered", 0)
        assert now == before, f"{now - before} SYNs to the host behind were " \
            "answered by the program"
    finally:
        kill_all_in(inner)
        run(["ip", "netns", "del", inner], check=False)


@net_test
def test_all_routes_of_a_router_were_read_each_second(env):
    """Only the host's own addresses are needed, which are few."""
    env.nginx()
    env.server.sysctl("net.ipv4.ip_forward", 1)
    env.server.run(["ip", "-batch", "-"], input="".join(
        f"route add 10.{i >> 8 & 255}.{i & 255}.{i >> 16 << 5}/27 "
        f"via {env.client.ip4}\n" for i in range(100000)))
    share = idle_share(env.synkeeperd())
    expect(env, "*:80", 1, "to the forwarding host itself")
    assert share < 0.01, \
        f"100,000 routes: the idle daemon takes {share:.1%} of a CPU"


@net_test
def test_forwarding_new_address(env):
    """An address added while the daemon runs is the host's own, too."""
    env.nginx()
    env.server.sysctl("net.ipv4.ip_forward", 1)
    env.synkeeperd()
    env.server.ip("addr", "add", "203.0.113.7/32", "dev", "lo")
    env.client.ip("route", "add", "203.0.113.7/32", "via", env.server.ip4)
    wait_for(lambda: answered_by(env, "*:80", address="203.0.113.7"), 5,
             "the new address to be protected")
    env.server.ip("addr", "del", "203.0.113.7/32", "dev", "lo")
    key = [128, 0, 0, 0, *[0] * 10, 255, 255, 203, 0, 113, 7]

    def unknown():
        try:
            return not attached.map_value(env, "local_addrs", *key)
        except AssertionError:
            return True
    wait_for(unknown, 5, "the deleted address to leave local_addrs")


@net_test
def test_mac_change(env):
    """The interface's MAC changes (a bond fails over): still protected."""
    env.nginx()
    env.synkeeperd()
    expect(env, "*:80", 1, "before")
    env.server.ip("link", "set", env.server.iface, "address",
                  "02:00:00:00:00:77")
    env.client.ip("neigh", "flush", "dev", env.client.iface)
    wait_for(lambda: answered_by(env, "*:80"), 5,
             "SYNs to the new MAC to be answered")


@net_test
def test_full(env):
    """One service too many is refused with an error, and nothing else."""
    listeners = listening(env, [80])
    conf = env.configure("[service exact]\n" + "\n".join(
        f"listen = {address(i)}:80" for i in range(8190)) + "\n")
    env.synkeeperd("-c", conf, services=())
    env.synkeeper("service", "add", "203.0.113.1:80")
    p = env.synkeeper("service", "add", "203.0.113.2:80", check=False)
    assert p.returncode == 1 and "8191" in p.stderr and \
        len(p.stderr.splitlines()) == 1, f"{p.returncode}: {p.stderr}"
    assert len(env.json("service", "list")["services"]) == 8191
    for s in listeners:
        s.close()


@net_test
def test_ids_beyond_the_rows(env):
    """All CPUs count these in one row, see synkeeper/stats_rows.h."""
    env.nginx()
    env.synkeeperd(services=[*(f"*:{10000 + i}" for i in range(600)), "*:80"])
    wait_for(lambda: packets(env, "*:80") is not None, 3, "the last service")
    get_once(env)
    opened = [s["events"]["admitted"] for s in
              env.json("session", "totals")["services"]
              if s["listen"] == "*:80"]
    assert opened == [1], f"totals: expected one admitted, got {opened}"
    env.synkeeper("service", "policy", "*:80", "monitor")
    get_once(env)
    got = [s["monitored"].get("answered") for s in
           env.json("stats")["services"] if s["listen"] == "*:80"]
    assert got == [1], f"stats: expected one monitored SYN, got {got}"
