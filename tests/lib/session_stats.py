# SPDX-License-Identifier: GPL-2.0-only
"""The daemon's figures: counters, services and sessions.

Theory of operation: counted() encloses packets and requires that exactly these
reasons were counted meanwhile. That tells whether a packet was dropped without
waiting for something not to happen. Reasons that are not named may change.
"""
import contextlib

from backend import ADMITTED
from namespace import wait_for
from reasons import DROPS

NO_DROPS = dict.fromkeys(DROPS, 0)


def reasons(env, service=None):
    """{reason: packets} of one service or of all."""
    args = ["--service", service] if service else []
    return env.json("stats", *args)["total"]


def deltas(before, after):
    return {k: after.get(k, 0) - before.get(k, 0)
            for k in sorted(before.keys() | after.keys())
            if after.get(k, 0) != before.get(k, 0)}


@contextlib.contextmanager
def counted(env, what, timeout=2, **want):
    """Requires that the named reasons grow by exactly these numbers. `admitted`
    stands for what this kernel counts: see backend.py."""
    if "kernel_cookie" not in want:
        want = {ADMITTED if k == "admitted" else k: n for k, n in want.items()}
    before = reasons(env)
    yield
    got = {}

    def enough():
        got.clear()
        got.update(deltas(before, reasons(env)))
        return all(got.get(k, 0) >= n for k, n in want.items())

    with contextlib.suppress(AssertionError):
        wait_for(enough, timeout, "counters")
    wrong = {k: n for k, n in want.items() if got.get(k, 0) != n}
    assert not wrong, f"{what}: expected the counts {wrong}, got {got}"


def service(env, listen):
    """One row of `synkeeper service list`."""
    rows = env.json("service", "list")["services"]
    found = [row for row in rows if row["listen"] == listen]
    assert found, f"service {listen}: not in {rows}"
    return found[0]


def wait_armed(env, listen="*:80", armed=True, timeout=3):
    wait_for(lambda: service(env, listen)["armed"] == armed, timeout,
             f"{listen} to be {'armed' if armed else 'disarmed'}")


def protect(env, *listens, config=None, **kwargs):
    """Starts synkeeperd for these services (*:80) and waits until they are
    armed. @config: further configuration text."""
    listens = listens or ("*:80",)
    args = []
    if config:
        args = ["-c", env.configure(config)]
    daemon = env.synkeeperd(*args, services=listens, **kwargs)
    for listen in listens:
        wait_armed(env, listen)
    return daemon


def sessions(env, sport=None):
    """Rows of `synkeeper session list`, of one client port or all."""
    return [row for row in env.json("session", "list")
            if sport is None or row["client"].endswith(f":{sport}")]
