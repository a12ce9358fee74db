# SPDX-License-Identifier: GPL-2.0-only
"""tests/run itself: its output, and what becomes of it.

Theory of operation: the runner is started on unit tests, which need nothing.
"""
import os
import subprocess

from namespace import run
from netenv import ROOT
from nettest import net_test
from slack import slack

RUN = f"{ROOT}/tests/run"


@net_test
def test_a_reader_that_left_got_a_traceback(env):
    """As in `tests/run | head`."""
    del env
    for args in (["--list"], ["unit/siphash"]):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer) as out:
            p = subprocess.run([RUN, *args], check=False, stdout=out,
                               stderr=subprocess.PIPE, text=True,
                               timeout=slack(60))
        assert p.returncode == 141 and not p.stderr, \
            f"tests/run {args} without a reader: expected exit code 141 and " \
            f"no output, got {p.returncode}: {p.stderr}"


@net_test
def test_slack_is_said(env):
    del env
    lines = {}
    for factor in ("1", "2.5"):
        told = run([RUN, "unit/siphash"], env={
            **os.environ, "SYNKEEPER_TEST_SLACK": factor}).stdout
        lines[factor] = [x for x in told.splitlines() if "slack" in x]
    assert not lines["1"] and len(lines["2.5"]) == 1 and \
        "2.5 times" in lines["2.5"][0], f"expected 2.5 times, got {lines}"
