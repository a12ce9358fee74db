# SPDX-License-Identifier: GPL-2.0-only
"""A minute of everything at once; hours of it: tests/soak.

Theory of operation: see tests/lib/soak.py. Each run has a seed of its own,
which it prints and every failure names. What it finds may have nothing to do
with the change at hand, so it is only run by name.
"""
import random

from nettest import net_test
from soak import soak

SECONDS = 45  # plus the time to settle, twice


@net_test(timeout=300)
def test_a_minute_of_everything(env):
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    print(soak(env, SECONDS, seed))


test_a_minute_of_everything.net_test_only_by = \
    "tests/run a_minute_of_everything"
