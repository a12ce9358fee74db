# SPDX-License-Identifier: GPL-2.0-only
"""`synkeeper top` on a real terminal, during a flood.

Theory of operation: top runs on a pseudo-terminal (tests/lib/terminal.py); keys
are typed, the terminal is resized, the daemon stops; the screen is compared
with what must be there.
"""
import os
import select
import signal
import time

import attached
from namespace import wait_for
from nettest import net_test
from session_stats import protect
from terminal import Terminal

ATTACKER = "203.0.113.5"
KEYS = "q quit"
PORTS = range(1001, 1031)
UP, DOWN, PAGE_UP, PAGE_DOWN = "\x1bOA", "\x1bOB", "\x1b[5~", "\x1b[6~"


def top(env, *args, **kwargs):
    return Terminal(env.server.command([*env.synkeeper_command(), "top",
                                        *args]), **kwargs)


def number(text):
    return float(text.replace(",", "").replace("k", "e3").replace("M", "e6"))


def sampled(env):
    return attached.has_setting(env, "SAMPLED")


@net_test
def test_flood(env):
    """The effects of a flood are shown, at 80x24 and at every other size."""
    env.nginx()
    protect(env)
    env.fetch()  # the server knows its neighbour
    with top(env, "--interval", "0.5") as terminal:
        floods = [env.flood("syn", 60, rate=20000),
                  env.flood("ack", 60, rate=20000, src=ATTACKER)]
        text = terminal.wait_text("answered", "bad_cookie", ATTACKER,
                                  "health  ok")
        wait_for(lambda: number(terminal.row("dropped ").split()[1]) > 2000,
                 10, "the rate of drops")
        assert KEYS in terminal.text()[23], f"the keys are missing: {text}"
        bars = terminal.row("in  ").split()[2]
        assert set(bars) <= set("▁▂▃▄▅▆▇█"), f"bars: {bars}"
        # SERVICE POLICY ARMED IN/S SYN/S ANSWERED DROPPED SESSIONS
        wait_for(lambda: number(terminal.row("*:80").split()[4]) > 2000,
                 10, "the service's rate of SYNs")
        row = terminal.row("*:80").split()
        assert row[1:3] == ["on", "yes"] and len(row) == 8 and \
            row[4] == row[5], f"service: {row}"
        source = terminal.row(ATTACKER).split(ATTACKER)[1].split()
        assert source[:2] == ["100", "%"] and number(source[2]) > 2000, \
            f"source: {source}"
        assert sampled(env), "top does not watch samples"

        terminal.resize(40, 8)
        terminal.wait_text("terminal too small: 40x8, need 60x12")
        assert not any(terminal.text()[1:]), f"too small: {terminal.text()}"
        terminal.resize(120, 40)
        terminal.wait_text("SERVICE", "bad_cookie", ATTACKER)
        assert KEYS in terminal.text()[39], f"at 120x40: {terminal.text()}"
        terminal.resize(60, 12)
        terminal.wait_text("SERVICE", "*:80")
        assert KEYS in terminal.text()[11], f"at 60x12: {terminal.text()}"
        terminal.type("q")
        assert terminal.wait_end() == 0, "after q"
        terminal.check_restored("after q")
        for flood in floods:
            flood.check_alive()
    wait_for(lambda: not sampled(env), 5, "sampling to end after top")


@net_test
def test_keys(env):
    env.nginx()
    protect(env)
    for port in PORTS:
        env.synkeeper("service", "add", f"*:{port}")
    with top(env) as terminal:
        def first():
            """The first service shown; "" while the help covers them."""
            lines = terminal.text()
            heads = [i for i, line in enumerate(lines) if "SERVICE" in line]
            return lines[heads[0] + 1].split()[0] if heads else ""

        def press(keys, condition, what):
            terminal.type(keys)
            try:
                wait_for(condition, 5, "")
            except AssertionError:
                raise AssertionError(f"after {what}: got\n" + "\n".join(
                    terminal.text())) from None

        terminal.wait_text("*:1001")
        for mark in (">SYN/S", ">ANSWERED", ">DROPPED", ">SESSIONS",
                     ">SERVICE"):
            press("s", lambda m=mark: terminal.row(m), f"s, for {mark}")
        assert first() == "*:1001", f"by address: {terminal.text()}"
        press(DOWN, lambda: first() == "*:1002", "down")
        press(UP, lambda: first() == "*:1001", "up")
        press(UP, lambda: first() == "*:1001", "up at the top")
        press(PAGE_DOWN, lambda: "*:1001" < first() < "*:1015", "page down")
        press(PAGE_DOWN * 9, lambda: terminal.row("*:80"), "to the end")
        press(PAGE_UP * 9, lambda: first() == "*:1001", "to the top")
        press("?", lambda: terminal.row("HELP"), "?")
        press("x", lambda: first() == "*:1001", "any key in the help")
        press("p", lambda: terminal.row("PAUSED"), "p")
        press("p", lambda: not terminal.row("PAUSED"), "p again")
        press("s", lambda: terminal.row(">IN/S"), "s after all others")
        terminal.type("q")
        assert terminal.wait_end() == 0, "after q"


@net_test
def test_every_way_out(env):
    """Exit code 0 and the terminal as it was; without UTF-8 all is ASCII."""
    env.nginx()
    protect(env)
    for when, leave in (
            ("q", lambda t: t.type("q")),
            ("Esc", lambda t: t.type("\x1b")),
            ("Ctrl-C", lambda t: t.interrupt()),
            ("SIGTERM", lambda t: t.process.send_signal(signal.SIGTERM)),
            ("SIGHUP", lambda t: t.process.send_signal(signal.SIGHUP))):
        with top(env, locale="C") as terminal:
            terminal.wait_text("*:80", KEYS)
            assert "".join(terminal.text()).isascii(), \
                f"not ASCII in the locale C: {terminal.text()}"
            leave(terminal)
            assert terminal.wait_end() == 0, f"after {when}"
            terminal.check_restored(f"after {when}")
    with top(env) as terminal:
        terminal.wait_text(KEYS)
        os.close(terminal.master)
        assert terminal.process.wait(5) == 0, "after hanging up"


@net_test
def test_monitored(env):
    """What a monitored service would have done."""
    env.nginx()
    protect(env)
    env.synkeeper("service", "policy", "*:80", "monitor")
    with top(env, "--interval", "0.5") as terminal:
        terminal.wait_text("monitor")
        env.flood("ack", 60, rate=5000, src=ATTACKER)
        wait_for(lambda: terminal.row("*:80").split()[6:7] and
                 terminal.row("*:80").split()[6][0] == "~" and
                 number(terminal.row("*:80").split()[6][1:]) > 1000, 10,
                 "the rate of what would be dropped")
        terminal.type("q")
        assert terminal.wait_end() == 0, "after q"


@net_test
def test_stopped_terminal(env):
    """Ctrl-S: it waits for the user, and exits when told to."""
    env.nginx()
    protect(env)
    with top(env, "--interval", "0.1") as terminal:
        terminal.wait_text("health  ok", KEYS)
        terminal.type("\x13")  # Ctrl-S
        env.flood("ack", 60, rate=5000, src=ATTACKER)
        wait_for(lambda: env.json("stats")["total"].get("bad_cookie", 0) >
                 5000, 10, "a second of flood")
        terminal.type("\x11")  # Ctrl-Q
        terminal.wait_text("bad_cookie", ATTACKER)
        terminal.type("\x13")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait_end() == 0, "SIGTERM after Ctrl-S"
        terminal.check_restored("SIGTERM after Ctrl-S")


@net_test
def test_terminal_that_takes_nothing(env):
    """The reader stops reading: the buffer fills, and it still exits."""
    env.nginx()
    protect(env)
    with top(env, cols=200, lines=60) as terminal:
        terminal.wait_text("health  ok", KEYS)
        for _ in range(120):  # the help comes and goes, 1 kB each
            terminal.type("?")
            time.sleep(0.02)
        assert not select.select([], [terminal.slave], [], 0)[1], \
            "test set-up: the terminal would take more"
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.process.wait(5) == 0, "SIGTERM"


@net_test
def test_daemon_goes_and_comes(env):
    env.nginx()
    daemon = protect(env)
    with top(env, "--interval", "0.2") as terminal:
        terminal.wait_text("health  ok", "*:80")
        daemon.signal(signal.SIGSTOP)
        terminal.wait_text("no answer from the daemon", "timed out", "*:80")
        daemon.signal(signal.SIGCONT)
        terminal.wait_text("health  ok")
        daemon.kill()
        terminal.wait_text("no answer from the daemon", "Connection refused", "*:80")
        protect(env)
        terminal.wait_text("health  ok")
        env.flood("ack", 60, rate=5000, src=ATTACKER)
        terminal.wait_text(ATTACKER, "bad_cookie")
        terminal.type("q")
        assert terminal.wait_end() == 0, "after q"


@net_test
def test_refusals(env):
    p = env.synkeeper("top", check=False)
    assert p.returncode == 1 and "not a terminal" in p.stderr and \
        "stats --watch" in p.stderr, f"not a terminal: {p}"
    p = env.synkeeper("-j", "top", check=False)
    assert p.returncode == 2 and "-j status" in p.stderr, f"-j: {p}"
    with top(env) as terminal:
        assert terminal.wait_end() == 1, "no daemon"
        terminal.wait_text("no daemon is listening")
    env.nginx()
    protect(env)
    with top(env, term="nonsense") as terminal:
        assert terminal.wait_end() == 1, "an unknown terminal"
        terminal.wait_text('unknown terminal "nonsense"')
