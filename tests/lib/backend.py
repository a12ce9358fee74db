# SPDX-License-Identifier: GPL-2.0-only
"""Which cookies this kernel supports, and what that means for tests.

Theory of operation: without bpf_sk_assign_tcp_reqsk() (Linux 6.9) our own
cookies cannot become sockets. The listener's own cookies are used instead, and
a client that returns one is counted as kernel_cookie. ADMITTED is the reason
counted on this kernel for a client of a service without `cookies =`; tests that
are about something else use it. needs_own_cookies() skips tests of what kernel
cookies lack: options without net.ipv4.tcp_timestamps = 2, rotated keys, the
daemon's probes. The kernel is asked, not Synkeeper, so a kernel that supports
our own cookies must be served with them.
"""
from nettest import skip

KFUNC = "bpf_sk_assign_tcp_reqsk"


def _has_kfunc():
    try:
        with open("/sys/kernel/btf/vmlinux", "rb") as f:
            return KFUNC.encode() + b"\0" in f.read()
    except FileNotFoundError:
        return False


OWN_COOKIES = _has_kfunc()
ADMITTED = "admitted" if OWN_COOKIES else "kernel_cookie"


def needs_own_cookies(why):
    if not OWN_COOKIES:
        skip(f"needs {KFUNC}(), Linux 6.9: {why}")


def keep_timestamps(server):
    """For tests that rely on options: see net.ipv4.tcp_timestamps above."""
    if not OWN_COOKIES:
        server.sysctl("net.ipv4.tcp_timestamps", 2)
