# SPDX-License-Identifier: GPL-2.0-only
"""Builds and unit tests in bare roots of other distributions.

Theory of operation: scripts/distcheck makes the root, builds in it and removes
it; its output is the test's.
"""
import contextlib
import subprocess

from netenv import ROOT
from nettest import EXIT_SKIP, skip
from slack import slack


def distros_test(f):
    f.net_test_timeout = slack(1200)
    f.net_test_only_by = "make distcheck"
    f.net_test_env = contextlib.nullcontext
    return f


def distcheck(what):
    p = subprocess.run([f"{ROOT}/scripts/distcheck", what], check=False,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    print(p.stdout)
    if p.returncode == EXIT_SKIP:
        skip(p.stdout.strip().splitlines()[-1])
    assert not p.returncode, f"scripts/distcheck {what}: exit code " \
        f"{p.returncode}, see above"


@distros_test
def test_debian_12(_env):
    distcheck("bookworm")


@distros_test
def test_debian_13(_env):
    distcheck("trixie")


@distros_test
def test_debian_12_for_arm64(_env):
    distcheck("arm64")
