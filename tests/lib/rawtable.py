# SPDX-License-Identifier: GPL-2.0-only
"""Sessions without connections, written directly into the session table.

Theory of operation: whatever walks the table (a kill, a watch) takes as long
for these as for real ones, and a hundred thousand are created at once. Layout:
synkeeper/abi.h. Their last packet is in the future, so that neither the reaper
nor the audit asks the kernel about them; the totals do not include them.
"""
import ctypes
import json
import mmap
import os
import struct
import time

import attached
from attached import SYS_BPF
from namespace import run

BPF_OBJ_GET = 7
SET_WAYS, TAG_SIZE, ENTRY_SIZE = 16, 2, 64
SERVICES_MAX, ROW_SERVICES, TOTALS_SIZE = 8192, 512, 44 * 8
TICK_SHIFT = 24
BPF_F_MMAPABLE = 1 << 10
FORMER_SETTINGS = 80  # bytes, until ABI 8
ESTABLISHED = 3
ENTRY = struct.Struct("=BBHI 16s16s HH I 16x")
V4 = b"\0" * 10 + b"\xff\xff"


class ObjGetAttr(ctypes.Structure):
    _fields_ = [("pathname", ctypes.c_char_p), ("bpf_fd", ctypes.c_uint32),
                ("file_flags", ctypes.c_uint32)]


def _map(path, size):
    attr = ObjGetAttr(pathname=path.encode())
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_BPF, BPF_OBJ_GET, ctypes.byref(attr),
                      ctypes.c_uint(ctypes.sizeof(attr)))
    if fd < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), path)
    try:
        return mmap.mmap(fd, size)
    finally:
        os.close(fd)


def _tags(ways):
    """A set of which so many ways are taken."""
    return (b"\1\0" * ways).ljust(TAG_SIZE * SET_WAYS, b"\0")


def fill(env, count, service=1):
    """Puts @count established sessions into the first lines of the table, which
    must be large enough: first ways first."""
    assert ENTRY.size == ENTRY_SIZE, f"an entry has {ENTRY.size} bytes"
    sets = attached.map_value(env, "settings", 0)["set_mask"] + 1
    assert count <= sets * SET_WAYS, f"{count} do not fit into {sets} sets"
    ways, more = divmod(count, sets)
    now = (time.monotonic_ns() >> TICK_SHIFT) & 0xffffffff
    entries = b"".join(
        ENTRY.pack(ESTABLISHED, 0, service, now + (1 << 20),
                   V4 + (0x0a000000 + n).to_bytes(4, "big"),
                   V4 + b"\xc0\0\2\2", 1024, 80 << 8, now)
        for n in range(count))
    with _map(f"{env.pin_dir}/maps/sessions", len(entries)) as table, \
            _map(f"{env.pin_dir}/maps/session_tags",
                 TAG_SIZE * SET_WAYS * sets) as tags:
        table[:] = entries
        tags[:] = _tags(ways + 1) * more + _tags(ways) * (sets - more)


def _former(path, value_size, entries):
    """A new map in place of the one that is pinned at `path`, to be filled."""
    run(["bpftool", "map", "create", f"{path}_former", "type", "array", "key",
         "4", "value", str(value_size), "entries", str(entries), "name",
         os.path.basename(path)[:15], "flags", str(BPF_F_MMAPABLE)])
    os.rename(f"{path}_former", path)
    return _map(path, value_size * entries)


def totals_index(row, service):
    """As stats_index() of synkeeper/stats_rows.h."""
    if not row or service >= ROW_SERVICES:
        return service
    return SERVICES_MAX + (row - 1) * ROW_SERVICES + service


def rows(env):
    """How many rows of totals there are."""
    shown = run(["bpftool", "-j", "map", "show", "pinned",
                 f"{env.pin_dir}/maps/totals"]).stdout
    return 1 + (json.loads(shown)["max_entries"] -
                SERVICES_MAX) // ROW_SERVICES


def _one_row(env):
    """All rows of totals, summed."""
    first, other = (TOTALS_SIZE // 8 * n for n in (SERVICES_MAX, ROW_SERVICES))
    size = (first + other * (rows(env) - 1)) * 8
    with _map(f"{env.pin_dir}/maps/totals", size) as now:
        words = list(struct.unpack(f"<{size // 8}Q", now[:]))
    for at, word in enumerate(words[first:]):
        words[at % other] = (words[at % other] + word) & (1 << 64) - 1
    return struct.pack(f"<{first}Q", *words[:first])


def make_former(env):
    """Replaces the pinned table, totals and settings by what they were until
    ABI 8: a byte a tag, a set's lines side by side, no summary, one row. Which
    set a session is in does not matter to a successor."""
    maps = f"{env.pin_dir}/maps"
    sets = attached.map_value(env, "settings", 0)["set_mask"] + 1
    with _map(f"{maps}/session_tags", TAG_SIZE * SET_WAYS * sets) as tags, \
            _map(f"{maps}/sessions", ENTRY_SIZE * SET_WAYS * sets) as table:
        all_tags = struct.unpack(f"<{SET_WAYS * sets}H", tags[:])
        lines = []
        for slot, tag in enumerate(all_tags):
            if tag:
                at = (slot % SET_WAYS * sets + slot // SET_WAYS) * ENTRY_SIZE
                lines.append(table[at:at + ENTRY_SIZE])
    with _map(f"{maps}/settings", FORMER_SETTINGS) as now:
        settings = now[:FORMER_SETTINGS]
    os.unlink(f"{maps}/session_summary")
    with _former(f"{maps}/settings", FORMER_SETTINGS, 1) as to:
        to[:FORMER_SETTINGS] = settings
    with _former(f"{maps}/session_tags", SET_WAYS, sets) as to:
        to[:len(lines)] = b"\1" * len(lines)
    with _former(f"{maps}/sessions", ENTRY_SIZE, SET_WAYS * sets) as to:
        to[:ENTRY_SIZE * len(lines)] = b"".join(lines)
    totals = _one_row(env)
    with _former(f"{maps}/totals", TOTALS_SIZE, SERVICES_MAX) as to:
        to[:] = totals
    return len(lines)
