#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""41: the SYN-ACK to each of layouts.py, field by field.

Theory of operation: see trials.py. One listener serves all of them. The flow
label is a trial of listener.py.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import looks  # noqa: E402
import trials  # noqa: E402
from layouts import QUIRKS, SCANNERS, SYSTEMS  # noqa: E402
from trials import each  # noqa: E402


@each(41, [(o.name, o.described(), o.who, o)
           for o in SYSTEMS + SCANNERS + QUIRKS])
def signature(bed, layout):
    fields = dict(layout.tcp)
    talk = bed.shared_hand().talk(sport=fields.pop("sport", None),
                                  isn=fields.pop("seq", None))
    talk.send(layout.flags, options=layout.options(bed.v6),
              window=layout.window, **fields, **layout.ip)
    answers = talk.came()
    talk.send("R", seq=talk.isn + 1, options=b"")
    if not answers:
        return {"answer": "none"}
    seen = looks.header(answers[-1], layout.tsval())
    seen.pop("flow label", None)
    return seen


if __name__ == "__main__":
    sys.exit(trials.main(__file__, sys.argv[1:]))
