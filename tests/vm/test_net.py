# SPDX-License-Identifier: GPL-2.0-only
"""Tests of tests/net, with client and server inside of a guest.

Theory of operation: tests/run itself runs there, with slack for emulation, and
what it says of each test is passed on: one that fails is named, with its
output. What is chosen needs no load to be told: packets by hand, options, the
ends of connections, listeners, forgeries, the daemon's comings and goings.
"""
from vmenv import vm_test

SHORT = ("net/handshake", "net/invalid_ack", "net/options")
LONG = ("net/close/", "net/close_by_hand", "net/half_close", "net/forged",
        "net/listeners", "net/session_reset", "net/odd_packets",
        "net/services", "net/reuse", "net/time_wait")
LIFE = ("net/lifecycle", "net/adoption", "net/by_hand", "net/session_verbs",
        "net/accept_queue", "net/reload", "net/policy", "net/modes")
RUN_S = 1500


def run_net(env, names):
    lines = []
    code = env.guest.stream(["tests/run", *names], lines.append, RUN_S)
    lines = "".join(lines).splitlines()
    for line in lines:
        if line.startswith(("skip", "ok")):
            print(line)
    failed = [line.split()[1] for line in lines if line.startswith("FAIL")]
    told = "\n".join(line for line in lines if not line.startswith("ok"))
    assert not failed, f"Linux {env.guest.release}: {len(failed)} failed: " \
        f"{', '.join(failed)}\n{told}"
    assert code == 0, f"tests/run: exit code {code}\n{told}"
    print(f"Linux {env.guest.release}: {lines[-1]}")


@vm_test("6.1", only_by="make vmcheck")
def test_handshakes_6_1(env):
    run_net(env, SHORT)


@vm_test("6.1", timeout=1800, only_by="make vmcheck")
def test_ends_6_1(env):
    run_net(env, LONG)


@vm_test("6.1", timeout=1800, only_by="make vmcheck")
def test_life_6_1(env):
    run_net(env, LIFE)


@vm_test("6.12", only_by="make vmcheck")
def test_handshakes_6_12(env):
    run_net(env, SHORT)


@vm_test("6.12", timeout=1800, only_by="make vmcheck")
def test_ends_6_12(env):
    run_net(env, LONG)


@vm_test("6.12", timeout=1800, only_by="make vmcheck")
def test_life_6_12(env):
    run_net(env, LIFE)
