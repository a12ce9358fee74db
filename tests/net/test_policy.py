# SPDX-License-Identifier: GPL-2.0-only
"""Policies auto and monitor, and changes between all of them.

Theory of operation: a real server and its clients; floods start and end.
Synkeeper's counters tell who sends the SYN-ACKs, the kernel or Synkeeper.
"""
import re
import socket
import threading
import time

from backend import ADMITTED
from controlclient import ControlClient
from goodclients import GoodClients, get_once
from namespace import wait_for
from nettest import net_test
from slack import slack

ETH_P_IP = 0x800
CALM = "[arming]\nsyn-rate = 500\ncalm = 2s\n"


def protect(env, policy, more=CALM, **kw):
    conf = env.configure(f"[service web]\nlisten = *:80\npolicy = {policy}\n"
                         + more)
    return env.synkeeperd("-c", conf, services=(), **kw)


def web(env):
    return env.json("service", "list")["services"][0]


def packets(env):
    return env.json("stats")["total"]


def armed(env):
    return web(env)["armed"]


@net_test
def test_auto_arms_in_a_flood_and_disarms_after(env):
    """No flood: the kernel answers. A flood: Synkeeper does. Calm again: the
    kernel does. Clients connect throughout."""
    env.nginx(backlog=4096)  # the flood's start stays in it for a minute
    protect(env, "auto")
    assert web(env)["policy"] == "auto" and not armed(env), f"{web(env)}"
    get_once(env)
    assert packets(env).get("answered", 0) == 0, f"{packets(env)}"
    flood = env.flood("syn", 15, rate=5000)
    wait_for(lambda: armed(env), 5, "the service to be armed")
    get_once(env)
    assert packets(env).get(ADMITTED, 0) >= 1, f"{packets(env)}"
    flood.stop()
    assert armed(env), "disarmed as soon as the flood ended"
    wait_for(lambda: not armed(env), 10, "the service to be disarmed")
    before = packets(env)
    get_once(env)
    assert packets(env).get("answered", 0) == before.get("answered", 0), \
        f"answered while calm: {packets(env)}"


def arms_within(env):
    """Milliseconds from the first SYN of a flood that reaches the kernel until
    the daemon calls the service armed."""
    with env.server.inside():
        eye = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                            socket.htons(ETH_P_IP))
    eye.bind((env.server.iface, ETH_P_IP))
    with eye, ControlClient(env) as control:
        flood = env.flood("syn", 5, rate=100000)
        eye.settimeout(slack(5))
        eye.recv(64)
        begin = time.monotonic()
        took = 0
        while not control.send("service.list")["result"]["services"][0]["armed"]:
            took = time.monotonic() - begin
            assert took < slack(5), f"not armed after {took:.1f} s of flood"
        took = time.monotonic() - begin
        flood.stop()
    return took * 1000


@net_test
def test_auto_arms_within_100_ms(env):
    """... of the first packet of a flood; the looks at rates are 100 ms apart.
    The best of three, as a busy machine runs the daemon late."""
    env.nginx(backlog=4096)
    protect(env, "auto", "[arming]\ncalm = 1s\n")
    took = []
    for _ in range(3):
        wait_for(lambda: not armed(env), 10, "the service to be disarmed")
        took.append(arms_within(env))
    print("armed within", ", ".join(f"{ms:.0f} ms" for ms in took))
    assert min(took) <= 100, f"armed after {took} ms, 100 allowed"


@net_test
def test_auto_arms_by_the_queue(env):
    """Half-open requests fill the listener's queue at a rate far below the
    threshold."""
    env.nginx(backlog=16)
    protect(env, "auto", "[arming]\nsyn-rate = 100k\ncalm = 2s\n")
    flood = env.flood("syn", 10, rate=100)
    wait_for(lambda: armed(env), 8, "the service to be armed by its queue")
    get_once(env)
    flood.stop()


@net_test
def test_restart_in_a_flood_stays_armed(env):
    """The successor does not start calm in the middle of a flood."""
    env.nginx()
    daemon = protect(env, "auto")
    flood = env.flood("syn", 20, rate=5000)
    wait_for(lambda: armed(env), 5, "the service to be armed")
    daemon.stop()
    passed = packets_of_map(env)
    protect(env, "auto")
    assert armed(env), "the successor started disarmed"
    assert packets_of_map(env) == passed, \
        "SYNs of the flood passed during the restart"
    flood.stop()


def packets_of_map(env):
    """SYNs that reached the kernel of the server."""
    out = env.server.run(["nstat", "-asz", "TcpExtTCPReqQFullDoCookies",
                          "TcpExtListenDrops", "TcpPassiveOpens"]).stdout
    return [line.split()[:2] for line in out.splitlines()[1:]]


@net_test
def test_monitor_counts_and_touches_nothing(env):
    """Floods pass to the kernel, and the verdicts they would get are
    reported."""
    env.nginx()
    protect(env, "monitor")
    assert web(env)["policy"] == "monitor" and not armed(env), f"{web(env)}"
    assert env.json("status")["health"] == [], "monitor is not a problem"
    flood = env.flood("mixed", 5, rate=3000)
    get_once(env)
    wait_for(lambda: monitored(env).get("bad_cookie", 0) > 100 and
             monitored(env).get("answered", 0) > 100, 5,
             "monitored drops and answers")
    flood.stop()
    total = packets(env)
    acted = {k: v for k, v in total.items()
             if k in ("answered", "bad_cookie", "stray_rst", "bad_flags")}
    assert not acted, f"a monitored service's packets were touched: {acted}"
    assert total.get("adopted", 0) >= 1, f"no session was kept: {total}"
    text = env.synkeeper("stats").stdout
    assert "would drop" in text, f"stats: no monitored verdict:\n{text}"


def attack(env, kind, word, policy):
    """What is reported from its first second until after its end."""
    flood = env.flood(kind, 20, rate=3000)
    wait_for(lambda: attacks(env), 5, f"{policy}, {kind}: status to show it")
    wait_for(lambda: attacks(env)[0]["rate"] > 2000, 5, "its full rate")
    got = attacks(env)[0]
    assert len(attacks(env)) == 1 and got["listen"] == "*:80" and \
        got["name"] == "web" and got["kind"] == word and \
        2000 < got["rate"] <= got["peak"] <= got["total"], f"{policy}, {kind}: {attacks(env)}"
    health = env.json("status")["health"]
    assert re.fullmatch(rf"\*:80 is under {word.upper()} flood, "
                        r"\d+(\.\d)?k/s", " ".join(health)), health
    p = env.synkeeper("status")
    assert health[0] in p.stdout and \
        re.search(rf"^\*:80 +web +{word} +\d,\d+ ", p.stdout, re.M), p.stdout
    gauge = f'synkeeper_under_attack{{service="web",listen="*:80",' \
        f'kind="{word}"}} '
    assert gauge + "1\n" in env.synkeeper("metrics").stdout, \
        f"{policy}, {kind}: no {gauge} 1"
    flood.stop()
    wait_for(lambda: not attacks(env), 15, f"{policy}, {kind}: its end")
    assert env.json("status")["health"] == []
    assert gauge + "0\n" in env.synkeeper("metrics").stdout
    return got["peak"]


def attacks(env):
    return env.json("status")["attacks"]


@net_test
def test_floods_came_and_went_unsaid(env):
    """Under any policy: in status, health, metrics and the log."""
    env.nginx(backlog=4096)
    daemon = protect(env, "on", "")
    for policy in ("on", "monitor", "off"):
        env.synkeeper("service", "policy", "*:80", policy)
        attack(env, "syn", "syn", policy)
    env.synkeeper("service", "policy", "*:80", "on")
    peak = attack(env, "ack", "ack", "on")
    began = re.findall(r"\*:80: (\w+) flood began: [\d.]+k/s$",
                       daemon.output(), re.M)
    ended = re.findall(r"\*:80: (\w+) flood ended: peak ([\d.]+)k/s, (\d+) "
                       r"packets in ([1-9]\d*)s$", daemon.output(), re.M)
    assert began == ["SYN"] * 3 + ["ACK"] == [e[0] for e in ended], \
        f"began {began}, ended {ended}"
    assert float(ended[-1][1]) >= peak / 1000 - 0.1, f"{peak}: {ended}"
    assert all(int(n) >= 900 * float(top) for _, top, n, _ in ended), ended


@net_test
def test_many_clients_are_no_attack(env):
    """Above the threshold, but each of them connects."""
    env.nginx()
    protect(env, "on", "[arming]\nsyn-rate = 10\n")
    before = packets(env).get("answered", 0)
    with GoodClients(env, threads=4) as clients:
        clients.wait_more(200, "of the first seconds")
        start = time.monotonic()
        for _ in range(5):
            clients.wait_more(50, "while nobody attacks")
            assert not attacks(env), f"good clients: {attacks(env)}"
    rate = (packets(env)["answered"] - before) / (time.monotonic() - start)
    assert rate > 10, f"{rate} SYNs a second are below the threshold"


def monitored(env):
    return next(s for s in env.json("stats")["services"]
                if s["name"] == "web")["monitored"]


@net_test
def test_switching_policies_loses_nothing(env):
    """All changes between policies, with clients connecting and a transfer
    running throughout."""
    env.nginx()
    protect(env, "on")
    stop, failed, done = threading.Event(), [], [0]

    def clients():
        while not stop.is_set():
            try:
                get_once(env)
                done[0] += 1
            except OSError as e:
                failed.append(str(e))

    t = threading.Thread(target=clients)
    t.start()
    try:
        for policy in ("auto", "monitor", "on", "off", "monitor", "auto", "off",
                       "auto", "on", "monitor", "off", "on"):
            before = done[0]
            env.synkeeper("service", "policy", "*:80", policy)
            assert web(env)["policy"] == policy, f"{web(env)}"
            wait_for(lambda b=before: done[0] > b + 5, 10,
                     f"clients under policy {policy}")
            env.fetch("1k")
    finally:
        stop.set()
        t.join(10)
    assert not failed, f"{len(failed)} clients failed: {failed[:3]}"


@net_test
def test_from_on_to_auto_stays_armed_until_calm(env):
    """A service that is protected stays protected."""
    env.nginx()
    protect(env, "on")
    env.synkeeper("service", "policy", "*:80", "auto")
    assert armed(env), "a change from on to auto disarmed at once"
    start = time.monotonic()
    wait_for(lambda: not armed(env), 10, "the service to be disarmed")
    assert time.monotonic() - start > 1, "disarmed before it was calm"


def one_client(env):
    """Slow enough for a loop of them to stay below half of CALM's rate."""
    get_once(env)
    time.sleep(0.01)


def disarms_while_clients_come(env, what):
    end = time.monotonic() + 10
    while armed(env):
        assert time.monotonic() < end, \
            f"{what}: armed 10 s after the last sign of a flood"
        one_client(env)


@net_test
def test_auto_never_disarmed_with_kernel_cookies(env):
    """What the kernel counts as a full queue includes the cookies that it makes
    for Synkeeper."""
    env.nginx()
    protect(env, "on", "cookies = kernel\n" + CALM)
    env.synkeeper("service", "policy", "*:80", "auto")
    disarms_while_clients_come(env, "cookies = kernel")


@net_test
def test_auto_armed_when_syncookies_were_forced(env):
    """With tcp_syncookies = 2 the kernel counts each SYN as a full queue."""
    env.server.sysctl("net.ipv4.tcp_syncookies", 2)
    env.nginx()
    protect(env, "auto")
    end = time.monotonic() + 1
    while time.monotonic() < end:
        one_client(env)
        assert not armed(env), "clients in turn were taken for a flood"
    env.synkeeper("service", "policy", "*:80", "on")
    env.synkeeper("service", "policy", "*:80", "auto")
    disarms_while_clients_come(env, "tcp_syncookies = 2")
