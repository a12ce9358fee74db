# SPDX-License-Identifier: GPL-2.0-only
"""How often the daemon sends the kernel requests.

Theory of operation: while the `with` lasts, strace counts the netlink messages
that the daemon sends and the sysctls that it opens for writing. Tests are
skipped, with a message, where strace is not permitted.
"""
import re
import shutil
import signal

from namespace import wait_for
from nettest import skip


class Asked:
    """with Asked(bed) as asked: ...; asked.count, asked.at_most(n, what)"""

    def __init__(self, bed):
        if not shutil.which("strace"):
            skip("strace is not installed: cannot count the daemon's requests")
        self.bed = bed
        self.count = self.destroyed = self.sysctls = 0

    def __enter__(self):
        self.process = self.bed.env.server.start(
            ["strace", "-f", "-qq", "-p", self.bed.daemon.pid,
             "-e", "trace=sendto,sendmsg,openat", "-e", "signal=none",
             "-o", f"{self.bed.env.dir}/strace"], name="strace")

        def traces():
            self.process.check_alive()
            with open(f"/proc/{self.bed.daemon.pid}/status",
                      encoding="ascii") as f:
                return re.search(r"^TracerPid:\t[1-9]", f.read(), re.M)

        try:
            wait_for(traces, 5, "strace to attach to the daemon")
        except AssertionError as e:
            skip(str(e))
        return self

    def __exit__(self, *_):
        self.process.signal(signal.SIGINT)
        self.process.wait(10)
        with open(f"{self.bed.env.dir}/strace", encoding="utf-8",
                  errors="replace") as f:
            for line in f:
                self.count += "AF_NETLINK" in line
                self.destroyed += "SOCK_DESTROY" in line
                self.sysctls += "/proc/sys" in line and "O_RDONLY" not in line

    def at_most(self, n, what):
        assert self.count <= n, f"{self.bed.name}: {what} made the daemon " \
            f"send {self.count} requests to the kernel, {self.destroyed} of " \
            f"them to end a socket; at most {n} were expected"
