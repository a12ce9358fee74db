# SPDX-License-Identifier: GPL-2.0-only
"""Which cookies this kernel can be served with, and what tests make of that.

Theory of operation: without bpf_sk_assign_tcp_reqsk() (Linux 6.9) no socket
comes of a cookie of our own: the listener's own cookies do instead, and who
comes by one is counted as kernel_cookie. ADMITTED is the reason that is counted
on this kernel for a client that a service without `cookies =` let in; tests
about something else ask for it by that name. needs_own_cookies() skips what
cannot be there: options without net.ipv4.tcp_timestamps = 2, keys that rotate,
the daemon's probes. The kernel is asked, not Synkeeper: where it can be served
with our own cookies, nothing else will do.
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
    """For tests that need them: see net.ipv4.tcp_timestamps above."""
    if not OWN_COOKIES:
        server.sysctl("net.ipv4.tcp_timestamps", 2)
