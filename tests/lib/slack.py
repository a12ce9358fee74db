# SPDX-License-Identifier: GPL-2.0-only
"""How much longer than usual things may take.

Theory of operation: on an emulated processor (guest.py) everything takes many
times longer, so time-outs must be longer, too. All those of tests/lib/ and
tests/run are multiplied by the environment's SYNKEEPER_TEST_SLACK. They only
say when to give up: what a test requires stays as strict as before. Times that
are themselves under test have no slack.
"""
import os

FACTOR = float(os.environ.get("SYNKEEPER_TEST_SLACK") or 1)


def slack(seconds):
    return seconds * FACTOR
