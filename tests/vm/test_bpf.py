# SPDX-License-Identifier: GPL-2.0-only
"""The packet tables of tests/bpf, against the programs in other kernels.

Theory of operation: one boot for all; each test program runs all of its tests
in one process, so that the verifier, slow under emulation, runs once per
program. Each test that fails is named, with its output.
"""
import os
import re

from namespace import run
from netenv import ROOT
from vmenv import vm_test

# On Linux 6.1, which makes no sockets of our cookies: what needs one admitted.
NO_ADMISSION = ("bpf/ack", "bpf/admit", "bpf/corpus",
                "bpf/kernel_ack/own_cookies_in_flight",
                "bpf/rows/session_stats",
                "bpf/sessions/half_open",
                "bpf/sessions/time_wait",
                "bpf/sets/evicts_the_longest_idle",
                "bpf/sets/evicts_time_wait_first",
                "bpf/sets/overflow_refuses_nobody",
                "bpf/sets/set_being_filled",
                "bpf/sources/what_a_list_leaves_alone",
                "bpf/summary/insertion_sets_bits")

LINE = re.compile(r"^\[ +(OK|FAILED|ERROR|SKIPPED) +\] (\w+)$", re.M)


def programs():
    for entry in sorted(os.listdir(f"{ROOT}/tests/bpf")):
        if entry.startswith("test_") and entry.endswith(".c"):
            yield entry[len("test_"):-len(".c")]


def run_program(env, what):
    """[(test, verdict)], and what it printed."""
    p = env.guest.run([f".output/tests/bpf-{what}"], check=False, timeout=200)
    told = [(f"bpf/{what}/{name.removeprefix('test_')}", verdict)
            for verdict, name in LINE.findall(p.stdout)]
    want = run([f"{ROOT}/.output/tests/bpf-{what}", "--list"]).stdout.split()
    if len(told) < len(want):  # it crashed, for instance
        told.append((f"bpf/{what}: {len(told)} of {len(want)} tests, exit "
                     f"code {p.returncode}", "FAILED"))
    return told, p.stdout


def run_all(env, left_out=()):
    failed, texts, passed = [], [], 0
    for name in left_out:
        print(f"skip {name}: Linux {env.guest.release} admits no cookie of "
              "ours")
    for what in programs():
        if f"bpf/{what}" in left_out:
            continue
        told, output = run_program(env, what)
        told = [t for t in told if t[0] not in left_out]
        bad = [name for name, verdict in told if verdict in ("FAILED", "ERROR")]
        for name, verdict in told:
            if verdict == "SKIPPED":
                print(f"skip {name}")
        passed += sum(verdict == "OK" for _, verdict in told)
        failed += bad
        if bad:
            texts.append(output[-3000:])
    print(f"Linux {env.guest.release}: {passed} passed, {len(failed)} failed")
    assert not failed, f"Linux {env.guest.release}: {len(failed)} failed, " \
        f"{passed} passed: {', '.join(failed)}\n" + "\n".join(texts)
    assert passed, "no test ran"


@vm_test("6.1", timeout=1200)
def test_linux_6_1(env):
    run_all(env, NO_ADMISSION)


@vm_test("6.12", timeout=1200)
def test_linux_6_12(env):
    run_all(env)
