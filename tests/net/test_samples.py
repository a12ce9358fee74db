# SPDX-License-Identifier: GPL-2.0-only
"""Samples of dropped packets, by the control socket.

Theory of operation: clients of the control protocol request samples while a
flood runs; nothing is sampled before and after.
"""
import socket
import time

import attached
from controlclient import ControlClient
from namespace import wait_for
from nettest import net_test


class Sampler(ControlClient):
    """Reads what `sample.watch` sends."""

    def __init__(self, env, **want):
        super().__init__(env, timeout=5)
        self.reply = self.send("sample.watch", **want)


def sampled(env):
    return attached.has_setting(env, "SAMPLED")


@net_test
def test_while_somebody_asks(env):
    """A sample has what was dropped and why; after the last client left, the
    programs sample nothing."""
    env.nginx()
    env.synkeeperd()
    assert not sampled(env), "sampling before any request"
    flood = env.flood("ack", 5, rate=20000)
    with Sampler(env, reasons=["bad_cookie"]) as s:
        assert s.reply == {"ok": True, "result": {"watching": True}}, s.reply
        got = s.line()
        assert got["event"] == "sample" and got["reason"] == "bad_cookie" and \
            got["listen"] == "*:80" and got["iface"] == env.server.iface and \
            got["server"] == f"{env.server.ip4}:80", f"sample: {got}"
        data = bytes.fromhex(got["data"])
        assert len(data) == min(got["length"], 128), f"sample: {got}"
        host, port = got["client"].rsplit(":", 1)
        assert data[26:30] == socket.inet_aton(host) and \
            int.from_bytes(data[34:36], "big") == int(port), \
            f"{data.hex()} is not of {got['client']}"
        assert abs(got["time"] - time.time()) < 5, f"sample: {got}"
    flood.stop()
    wait_for(lambda: not sampled(env), 5, "sampling to end")


@net_test
def test_each_gets_what_it_asked_for(env):
    """Two clients, two rates, two reasons."""
    env.nginx()
    env.synkeeperd()
    flood = env.flood("mixed", 8, rate=50000)
    with Sampler(env, reasons=["stray_rst"], rate=5) as few, \
            Sampler(env, reasons=["bad_cookie"], rate=1000) as many:
        start = time.monotonic()
        for _ in range(2000):
            got = many.line()
            if got["event"] == "sample":
                assert got["reason"] == "bad_cookie", f"sample: {got}"
        assert time.monotonic() - start > 0.8, \
            "2000 samples at 1000 a second came at once"
        for _ in range(5):
            got = few.line()
            assert got["reason"] == "stray_rst", f"sample: {got}"
    flood.stop()


@net_test
def test_what_is_refused(env):
    """Each bad request gets a specific error, and samples nothing."""
    env.synkeeperd()
    for want, error in (
            ({"reasons": ["bad_cake"]}, "'bad_cake' is not a drop reason"),
            ({"reasons": ["session"]}, "'session' is not a drop reason"),
            ({"reasons": []}, "no reasons in the request"),
            ({"reasons": [7]}, "'' is not a drop reason"),
            ({"rate": 0}, "the rate is out of range"),
            ({"rate": 10001}, "the rate is out of range"),
            ({"listen": "*:81"}, "*:81 is not a service"),
            ({"listen": "x"}, "'x' is not an address:port")):
        with Sampler(env, **want) as s:
            assert s.reply.get("error") == error, \
                f"{want}: expected {error!r}, got {s.reply}"
    assert not sampled(env), "sampling though all were refused"
