# SPDX-License-Identifier: GPL-2.0-only
"""Prometheus metrics, by HTTP and by `synkeeper metrics`.

Theory of operation: requests are sent as bytes from inside the server's
namespace, so that no HTTP library changes what a test means to send. Good
responses are parsed by Prometheus' own Python parser. The endpoint's text may
be half a second old, so tests wait for what it must say.
"""
import contextlib
import os
import socket
import time

from prometheus_client.parser import text_string_to_metric_families

from goodclients import get_once
from namespace import wait_for
from nettest import mode, net_test
from session_stats import protect, wait_armed
from sockets import TIMEOUT, listen as listening

AT = ("127.0.0.1", 9790)
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
CLIENTS_MAX, IDLE_S, LIFE_S = 16, 3, 10  # metrics_server.h
VOLATILE = ("synkeeper_key_age_seconds ",)


def dial(env, at=AT):
    with env.server.inside():
        return socket.create_connection(at, TIMEOUT)


def read_all(s):
    """Everything until the end; None if the connection was reset."""
    got = b""
    try:
        while part := s.recv(65536):
            got += part
    except ConnectionResetError:
        return got or None
    return got


def http(env, request=GET, at=AT):
    """(status, head, body); status 0 if it was closed without a response."""
    with contextlib.closing(dial(env, at)) as s:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.sendall(request)
        got = read_all(s)
    if not got:
        return 0, "", ""
    head, _, body = got.decode().partition("\r\n\r\n")
    return int(head.split()[1]), head, body


def scrape(env, at=AT):
    status, head, body = http(env, at=at)
    assert status == 200, f"GET /metrics: expected 200, got {head}"
    return body


def parse(text):
    """{(name, label values without those of the service): value} by listen."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, f"{family.name} has no HELP"
        for s in family.samples:
            labels = dict(s.labels)
            listen = labels.pop("listen", "")
            labels.pop("service", None)
            key = (s.name.removeprefix("synkeeper_"), *labels.values())
            rows = found.setdefault(listen, {})
            assert key not in rows, f"{listen}: {key} is there twice"
            rows[key] = s.value
    return found


def wanted(env):
    """The counters and sessions that parse() must find, by the command."""
    found = {}
    for row in env.json("stats")["services"]:
        found[row["listen"]] = {
            (f"{name}_total", reason): n
            for name, member in (("packets", "packets"),
                                 ("monitored_packets", "monitored"))
            for reason, n in row.get(member, {}).items()}
    for row in env.json("session", "totals")["services"]:
        rows = found[row["listen"]]
        for name, member in (("sessions", "alive"),
                             ("session_remnants", "others"),
                             ("sessions_ended_total", "ended")):
            rows.update({(name, k): n for k, n in row[member].items()})
        rows.update({("sessions_opened_total", event): row["events"][event]
                     for event in ("admitted", "adopted")})
        times = row["durations"]
        for bucket in times["buckets"]:
            le = f"{bucket['le_s']:g}" if "le_s" in bucket else "+Inf"
            rows["session_duration_seconds_bucket", le] = bucket["count"]
        rows["session_duration_seconds_sum",] = times["sum_s"]
        rows["session_duration_seconds_count",] = times["count"]
    return found


def told(text):
    """The part of parse() that wanted() covers, without verdicts."""
    return {listen: {key[:2]: n for key, n in rows.items()
                     if key[0].startswith(("packets", "monitored", "session"))}
            for listen, rows in parse(text).items() if listen}


def without_zeros(found):
    return {listen: {k: n for k, n in rows.items() if n}
            for listen, rows in found.items()}


@net_test
def test_values(env):
    """Counters, sessions and durations match stats and totals."""
    env.nginx()
    env.nginx(port=81)
    protect(env, "*:80", "192.0.2.2:81", config="[daemon]\n"
            "metrics = 127.0.0.1:9790\n[answer]\ninvalid-ack = drop\n")
    for port in (80, 80, 81):
        get_once(env, port=port)
    env.synkeeper("service", "policy", "192.0.2.2:81", "monitor")
    for port in (80, 81):
        env.flood("ack", port=port, seconds=1, rate=500).wait()
    got = want = None

    def agree():
        nonlocal got, want
        want = without_zeros(wanted(env))
        got = without_zeros(told(scrape(env)))
        return got == want

    with contextlib.suppress(AssertionError):
        wait_for(agree, 5, "agreement")
    for listen, rows in want.items():
        for key in rows.keys() | got.get(listen, {}).keys():
            there = got.get(listen, {}).get(key, 0)
            assert there == rows.get(key, 0), f"{listen} {key}: expected " \
                f"{rows.get(key, 0)}, got {there}"
    assert got["*:80"]["packets_total", "bad_cookie"] and \
        got["192.0.2.2:81"]["monitored_packets_total", "bad_cookie"] and \
        got["192.0.2.2:81"]["sessions_opened_total", "admitted"], \
        f"test set-up: too little happened: {got}"


@net_test
def test_facts(env):
    """Services, key, table, interface, version: the same as in `status`."""
    env.nginx()
    env.synkeeperd("--metrics", "127.0.0.1:9790")
    wait_armed(env)
    env.synkeeper("service", "add", "192.0.2.2:81", "--name", "spare")
    text = env.synkeeper("metrics").stdout
    status, found = env.json("status"), parse(text)
    want = {
        "": {("build_info", status["version"]): 1,
             ("interface_info", env.server.iface, mode(), "false"): 1,
             ("key_epoch",): status["key"]["epoch"],
             ("key_lifetime_seconds",): 60,
             ("sessions_max",): status["sessions"]["max"],
             ("sessions_alive",): 0, ("events_lost_total",): 0},
        "*:80": {("service_info", "on", "own"): 1, ("service_armed",): 1,
                 ("service_unprotected",): 0},
        "192.0.2.2:81": {("service_info", "on", "own"): 1,
                         ("service_armed",): 0, ("service_unprotected",): 1},
    }
    for listen, rows in want.items():
        for key, value in rows.items():
            got = found[listen].get(key)
            assert got == value, \
                f"{listen} {key}: expected {value}, got {got}"
    assert 'service="spare",listen="192.0.2.2:81"' in text and \
        'service="*:80",listen="*:80"' in text, f"names: {text}"
    age, start = (found[""][k,] for k in ("key_age_seconds",
                                          "start_time_seconds"))
    assert 0 <= age - status["key"]["age_s"] + 2 < 4, \
        f"key age: status has {status['key']['age_s']}, metrics {age}"
    assert abs(time.time() - status["uptime_s"] - start) < 3, \
        f"start time {start}, now {time.time()}, up {status['uptime_s']}"
    env.synkeeper("key", "rotate")
    got = parse(env.synkeeper("metrics").stdout)[""]["key_epoch",]
    assert got == status["key"]["epoch"] + 1, \
        f"after rotation: expected the next epoch, got {got}"


def steady(text):
    return [line for line in text.splitlines()
            if not line.startswith(VOLATILE)]


@net_test
def test_same_text(env):
    """Endpoint, command and its JSON; on IPv4, IPv6 and any address."""
    for flag, ats in (("[::1]:9790", [("::1", 9790)]),
                      ("*:9790", [("::1", 9790), AT, (env.server.ip4, 9790)])):
        daemon = env.synkeeperd("--metrics", flag)
        for at in ats:
            def same(at=at):
                texts = [scrape(env, at), env.synkeeper("metrics").stdout,
                         env.json("metrics")["text"]]
                return all(steady(t) == steady(texts[0]) for t in texts)
            wait_for(same, 5, f"the same text from {at}, `synkeeper metrics` "
                     "and its -j")
        daemon.stop()


@net_test
def test_not_asked_for(env):
    """Without --metrics nothing listens; the command still works."""
    daemon = env.synkeeperd()
    got = [s["local"] for s in env.server.ss("-ltn")]
    assert not got, f"without --metrics: expected no listener, got {got}"
    assert "synkeeper_build_info" in env.synkeeper("metrics").stdout
    daemon.check_alive()


HTTP = (  # request, status (0: closed)
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    (b"GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    (b"GET /metrics HTTP/1.0\r\n\r\n", 200),
    (b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    (b"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (b"GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (b"POST /x HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405),
    (b"PUT /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n"
     + b"x" * 999999, 405),
    (b"DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 6000 + b"\r\n\r\n",
     200),
    (b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 50000 + b"\r\n\r\n",
     431),
    (b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 50000 + b"\r\n",
     431),
    (b"GET /" + b"x" * 50000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"GET /metrics HTTP/1.1\r\n\r\n", 400),  # no Host
    (b"GET /metrics HTTP/9.9\r\nHost: x\r\n\r\n", 505),
    (b"garbage\r\n\r\n", 0),
    (b"\r\n" * 3000, 0),
)


@net_test
def test_http(env):
    """What is no request, or not for us, gets its status or is closed."""
    daemon = env.synkeeperd("--metrics", "127.0.0.1:9790")
    for request, want in HTTP:
        status, head, body = http(env, request)
        assert status == want, f"{request[:50]!r} ({len(request)} bytes): " \
            f"expected {want}, got {status}: {head}"
        assert status != 405 or "\r\nAllow: GET, HEAD" in head, \
            f"405 without Allow: {head}"
        assert not request.startswith(b"HEAD") or not body, \
            f"HEAD was answered with a body: {body[:60]!r}"
    s = dial(env)
    s.sendall(GET + b"GET / HTTP/1.1\r\n")
    s.close()  # before the response
    scrape(env)
    daemon.check_alive()


def memory_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith("VmRSS"))


def clients_held(daemon):
    """How many connections to the metrics port the daemon has open."""
    with open(f"/proc/{daemon.pid}/net/tcp", encoding="ascii") as f:
        rows = [line.split() for line in f][1:]
    held = {f"socket:[{row[9]}]" for row in rows
            if row[1].endswith(f":{AT[1]:04X}") and row[3] == "01"}
    n = 0
    for fd in os.scandir(f"/proc/{daemon.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            n += os.readlink(fd.path) in held
    return n


def closed(s, timeout):
    s.settimeout(timeout)
    with contextlib.suppress(TimeoutError):
        return not read_all(s)
    return False


@net_test
def test_idle_crowd(env):
    """A thousand who connect and are silent, and a few who are slow."""
    env.nginx()
    daemon = env.synkeeperd("--metrics", "127.0.0.1:9790")
    wait_armed(env)
    scrape(env)
    memory = memory_kb(daemon.pid)
    crowd = [dial(env) for _ in range(1000)]
    start = time.monotonic()
    slow = [dial(env) for _ in range(3)]
    get_once(env)
    env.synkeeper("key", "list", timeout=5)
    held = clients_held(daemon)
    assert 0 < held <= CLIENTS_MAX, \
        f"1000 idle connections: expected at most {CLIENTS_MAX} open, " \
        f"got {held}"
    crowd_since = time.monotonic()
    left = list(slow)

    def slow_ended():
        for s in left:
            with contextlib.suppress(OSError):
                s.sendall(b"G")
        for s in [s for s in left if closed(s, 0.1)]:
            left.remove(s)
        if crowd and time.monotonic() - crowd_since > IDLE_S + 1:
            late = sum(not closed(s, 0.01) for s in crowd)
            assert not late, f"{late} idle connections are open after " \
                f"{IDLE_S + 1} s"
            crowd.clear()
            scrape(env)  # they made room
        return not left

    wait_for(slow_ended, LIFE_S + 3, "slow clients to be closed")
    took = time.monotonic() - start
    assert took > LIFE_S - 1 and not crowd, f"slow clients: expected " \
        f"their end after {LIFE_S} s, it came after {took:.1f} s"
    grown = memory_kb(daemon.pid) - memory
    assert grown < 4096, f"the crowd cost {grown} kB of memory"
    get_once(env)
    scrape(env)


@net_test
def test_many_services(env):
    """4,096 unused ones: a few lines each, generated quickly."""
    lines = [f"listen = 198.18.{n >> 8}.{n & 255}:80\n" for n in range(4096)]
    path = f"{env.dir}/many.conf"
    with open(path, "w", encoding="utf-8") as f:
        f.write("[daemon]\nmetrics = 127.0.0.1:9790\n[service many]\n"
                + "".join(lines))
    env.synkeeperd("-c", path, services=())
    start = time.monotonic()
    text = scrape(env)
    took = time.monotonic() - start
    n = text.count('service="many"')
    assert n == 3 * 4096, f"expected three lines a service, got {n / 4096:g}"
    assert took < 2, f"4,096 services took {took:.2f} s"
    print(f"4,096 services: {len(text)} bytes in {1000 * took:.0f} ms")


@net_test
def test_kernel_cookies_were_told_as_own(env):
    """The label has what the service has, like `service list`."""
    conf = env.configure("[service plain]\nlisten = *:80\n"
                         "[service other]\nlisten = *:81\n"
                         "cookies = kernel\n")
    with listening(env), listening(env, port=81):
        env.synkeeperd("-c", conf, "--metrics", "127.0.0.1:9790", services=())
        wait_armed(env, "*:81")
        want = {s["listen"]: s["cookies"]
                for s in env.json("service", "list")["services"]}
        assert want["*:81"] == "kernel", f"service list: {want}"

        def told():
            rows = parse(scrape(env))
            return {at: key[2] for at in want
                    for key in rows.get(at, {}) if key[0] == "service_info"}

        wait_for(lambda: told() == want, 5, f"service_info to have {want}")
