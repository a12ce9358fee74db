# SPDX-License-Identifier: GPL-2.0-only
"""What several trials look at."""
import wire
from bed import SILENCE, slack, word
from sockets import receive


def header(segment, tsval=1000):
    """A segment field by field, without its numbers; @tsval: the client's."""
    if segment is None:
        return {"answer": "none"}
    seen = {"answer": segment.flags, "window": segment.window,
            "options": wire.shown(segment, tsval), "ttl": segment.ttl,
            "tos": segment.tos}
    if segment.v6:
        return seen | {"flow label": "set" if segment.label else "0"}
    return seen | {"df": segment.df, "id": "set" if segment.ident else "0"}


def largest(segments):
    return max((len(s.data) for s in segments), default=0)


def exchange(bed, listener, size=20000, **kwargs):
    """A client and the server send each other @size bytes. The largest
    segment of each: {"client sends": ..., "server sends": ...}."""
    sniffer = bed.sniff()
    c = bed.connect(**kwargs)
    s, _ = listener.accept()
    with c, s:
        for sock in (c, s):
            sock.settimeout(slack(2))
        c.sendall(b"x" * size)
        receive(s, size)
        s.sendall(b"y" * size)
        receive(c, size)
        return {"client sends": largest(sniffer.of_client()),
                "server sends": largest(sniffer.of_server())}


def accepted(listener, timeout=SILENCE):
    """Does accept() return something in that time?"""
    listener.settimeout(timeout)
    try:
        listener.accept()[0].close()
        return True
    except (TimeoutError, BlockingIOError):
        return False


def error_of(function, *args):
    """What a socket call says, in a word, or what it returns."""
    try:
        return function(*args)
    except OSError as e:
        return word(e)
