# SPDX-License-Identifier: GPL-2.0-only
"""Somebody else's programs at tc, before or after ours.

Theory of operation: a two-instruction program that returns a given verdict is
loaded with the BPF system call and linked at tcx, in front. The link lives as
long as this process holds it, or until detach(). Where the kernel lacks tcx it
is a filter on the clsact qdisc.
"""
import contextlib
import ctypes
import errno
import itertools
import os
import struct

from attached import (BPF_TCX_EGRESS, BPF_TCX_INGRESS, SYS_BPF, QueryAttr,
                      ifindex)

PROG_LOAD, OBJ_PIN, PROG_QUERY, LINK_CREATE, LINK_DETACH = 5, 6, 16, 28, 34
SCHED_CLS = 3
BEFORE = 1 << 3
TC_ACT_OK, TCX_NEXT = 0, -1
WAYS = {"ingress": BPF_TCX_INGRESS, "egress": BPF_TCX_EGRESS}
_numbers = itertools.count(1)


def bpf(cmd, attr):
    """The system call; @attr: the bytes of its union. Returns a number."""
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(attr, max(len(attr), 128))
    got = libc.syscall(SYS_BPF, cmd, buf, ctypes.c_uint(len(buf)))
    if got < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"bpf({cmd}): {os.strerror(error)}")
    return got


def load(verdict, name=b"neighbour"):
    """A program that returns @verdict: its file descriptor."""
    insns = struct.pack("=BBhi", 0xb7, 0, 0, verdict) + \
        struct.pack("=BBhi", 0x95, 0, 0, 0)
    code = ctypes.create_string_buffer(insns)
    gpl = ctypes.create_string_buffer(b"GPL")
    return bpf(PROG_LOAD, struct.pack(
        "=IIQQIIQII16s", SCHED_CLS, 2, ctypes.addressof(code),
        ctypes.addressof(gpl), 0, 0, 0, 0, 0, name))


class Neighbour:
    """@verdict at tc of the server's interface, before all other programs."""

    def __init__(self, env, way, verdict=TC_ACT_OK, iface=None):
        self.env, self.way = env, way
        self.iface = iface or env.server.iface
        self.prog = load(verdict)
        self.link = None
        try:
            with env.server.inside():
                self.link = bpf(LINK_CREATE, struct.pack(
                    "=IIII", self.prog, ifindex(env.server, self.iface),
                    WAYS[way], BEFORE))
        except OSError as e:
            if e.errno != errno.EINVAL:
                raise
            self._filter()

    def _filter(self):
        pin = f"{self.env.bed_dir}/neighbour{next(_numbers)}"
        path = ctypes.create_string_buffer(pin.encode())
        bpf(OBJ_PIN, struct.pack("=QI", ctypes.addressof(path), self.prog))
        self.env.server.run(["tc", "qdisc", "add", "dev", self.iface, "clsact"],
                            check=False)
        self.env.server.run(["tc", "filter", "add", "dev", self.iface, self.way,
                             "prio", "1", "handle", "7", "bpf", "da", "pinned",
                             pin])

    def detach(self):
        if self.link is None:
            self.env.server.run(["tc", "filter", "del", "dev", self.iface,
                                 self.way, "prio", "1", "handle", "7", "bpf"])
            return
        bpf(LINK_DETACH, struct.pack("=I", self.link))
        os.close(self.link)


def order(env, way, iface=None):
    """The ids of the programs at tc in the order in which they run; None if
    this kernel has no tcx to query."""
    ids = (ctypes.c_uint32 * 64)()
    attr = QueryAttr(ifindex=ifindex(env.server, iface),
                     attach_type=WAYS[way],
                     prog_ids=ctypes.addressof(ids), count=64)
    with env.server.inside(), contextlib.suppress(OSError):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syscall(SYS_BPF, PROG_QUERY, ctypes.byref(attr),
                        ctypes.c_uint(ctypes.sizeof(attr))):
            if ctypes.get_errno() == errno.EINVAL:
                return None
            return []
    return list(ids)[:attr.count]
