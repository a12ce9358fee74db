#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""36: servers whose accept queue is full.

Theory of operation: see trials.py. Clients fill the queue of a listener that
nobody accepts from; then another one comes.
"""
import os
import select
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import trials  # noqa: E402
import sockets  # noqa: E402
from bed import slack, word  # noqa: E402
from namespace import wait_for  # noqa: E402
from trials import trial  # noqa: E402

BACKLOG = 1


def fill(bed):
    """A listener that is full: the kernel queues one more than the backlog."""
    listener = bed.listen(backlog=BACKLOG)
    for _ in range(BACKLOG + 2):
        bed.connect(wait=False)

    def full():
        rows = bed.server.ss("-ltn", f"sport = :{bed.port}")
        return rows[0]["recv_q"] > BACKLOG
    wait_for(full, 3, "the accept queue to be full")
    return listener


@trial(36, "a hung server", "health checks of haproxy, keepalived and "
       "Kubernetes that only connect")
def check(bed):
    fill(bed)
    return bed.learned(lambda: {"a connect check": bed.attempt()})


@trial(36, "a moment of a full queue", "servers that pause for a second: "
       "garbage collection, a reload")
def moment(bed):
    listener = fill(bed)
    sniffer = bed.sniff()
    c = bed.connect(wait=False)
    wait_for(sniffer.of_client, 2, "the client's SYN")
    sockets.Server(listener)
    c.settimeout(slack(3))
    try:
        select.select([], [c], [], slack(3))
        c.sendall(b"ping")
        got = c.recv(4)
    except OSError as e:
        got = word(e)
    syns = [s for s in sniffer.of_client() if "S" in s.flags and
            s.sport == c.getsockname()[1]]
    return {"served": got == b"ping", "a SYN's retransmission at most":
            len(syns) <= 2}


if __name__ == "__main__":
    sys.exit(trials.main(__file__, sys.argv[1:]))
