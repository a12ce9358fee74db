# SPDX-License-Identifier: GPL-2.0-only
"""The attacks of tests/attack/, each for a second.

Theory of operation: see tests/attack/bed.py. Each row here is a test named
after the attack, the cookies and the family: disarm_unused_own_v6. Every attack
covers both families, and the kinds of cookies where they make a difference.
"""
import os
import sys

from backend import OWN_COOKIES
from nettest import net_test, skip

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "../attack"))
import at_session  # noqa: E402
import badsums  # noqa: E402
import bed  # noqa: E402
import disarm  # noqa: E402
import holder  # noqa: E402
import stale_socket  # noqa: E402
import tagged  # noqa: E402
import unread  # noqa: E402

SECONDS = 1
# the name, the attack, cookies with IPv4, cookies with IPv6
ROWS = (
    ("disarm_unused", disarm.unused, "auto own kernel", "auto own kernel"),
    ("disarm_busy", disarm.busy, "auto own kernel", "auto"),
    ("each_form", unread.each, "own", "own"),
    ("flood_of_all_forms", unread.flood, "own kernel", "own kernel"),
    ("behind_4_kb_of_options", unread.jumbo, "", "own"),
    ("denied_in_all_forms", unread.denied, "own", "kernel"),
    ("clients_in_tags", tagged.clients, "auto kernel", "own"),
    ("wrong_checksums", badsums.wrong, "own", "own kernel"),
    ("what_the_kernel_drops", badsums.unfit, "own kernel", "own"),
    ("cookies_into_time_wait", stale_socket.time_wait, "own", "own"),
    ("forged_at_a_connection", at_session.forged, "own", "kernel"),
    ("wrong_checksums_of_a_holder", holder.wrong, "own", "own kernel"),
)


def make(name, attack, v6, cookies):
    @net_test
    def test(env):
        if cookies == "own" and not OWN_COOKIES:
            skip("cookies of our own need Linux 6.9")
        bed.stage(env, attack, v6, SECONDS, cookies)
    test.__name__ = f"test_{name}_{cookies}{'_v6' if v6 else ''}"
    return test


for _name, _attack, *_kinds in ROWS:
    for _v6, _each in enumerate(_kinds):
        for _cookies in _each.split():
            _test = make(_name, _attack, bool(_v6), _cookies)
            globals()[_test.__name__] = _test
