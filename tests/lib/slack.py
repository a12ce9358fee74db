# SPDX-License-Identifier: GPL-2.0-only
"""How much longer than usual things may take.

Theory of operation: where a processor is emulated (guest.py), everything takes
many times longer, and what waits for something must wait for longer. All such
limits of tests/lib/ and tests/run are multiplied here, by the environment's
SYNKEEPER_TEST_SLACK. They only say when to give up: what a test requires stays
as strict as it is. Times that are the subject of a test have no slack.
"""
import os

FACTOR = float(os.environ.get("SYNKEEPER_TEST_SLACK") or 1)


def slack(seconds):
    return seconds * FACTOR
