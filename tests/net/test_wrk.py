# SPDX-License-Identifier: GPL-2.0-only
"""Many new connections a second from a real load generator: none may fail.

Theory of operation: wrk opens connections as fast as nginx answers, one for
each request or kept alive. Its own count of errors is the verdict; the stats
must show that cookies opened connections and that nothing was dropped.
"""
import re

from nettest import net_test
from session_stats import DROPS, protect, reasons

SECONDS = 2


def load(env, what, *headers, v6=False):
    host = f"[{env.server.ip6}]" if v6 else env.server.ip4
    out = env.client.run(["wrk", "-t1", "-c32", f"-d{SECONDS}", *headers,
                          f"http://{host}/1k"]).stdout
    wrong = re.findall(r"(Socket errors.*|Non-2xx.*)", out)
    assert not wrong, f"{what}: expected no failed request, got {wrong}"
    requests = int(re.search(r"(\d+) requests in", out)[1])
    assert requests > 100, f"{what}: expected many requests, got {out}"
    return requests


@net_test
def test_a_connection_for_each_request(env):
    env.nginx()
    protect(env)
    load(env, "IPv4", "-H", "Connection: close")
    load(env, "IPv6", "-H", "Connection: close", v6=True)
    got = reasons(env)
    drops = {k: n for k, n in got.items() if k in DROPS and n}
    assert got["answered"] > 1000 and not drops, \
        f"wrk: expected thousands of cookies and no drop, got {got}"


@net_test
def test_kept_alive(env):
    env.nginx()
    protect(env)
    load(env, "kept alive")
    got = reasons(env)
    # wrk tries the address once before it starts
    assert got["admitted"] == got["answered"] == 33, \
        f"wrk, 1 + 32 connections: expected as many admitted, got {got}"
