# SPDX-License-Identifier: GPL-2.0-only
"""Commands, background processes and settings in one network namespace.

Theory of operation: commands enter with nsenter, not `ip netns exec`, which
would mount a fresh /sys and hide the pins in bpffs. Every background process
leads a session of its own, so Ctrl-C reaches only the Python program, which
then stops them in order. Their output goes to a log file.
"""
import contextlib
import ctypes
import glob
import itertools
import json
import os
import re
import signal
import subprocess
import time

from slack import slack

CLONE_NEWNET = 0x40000000
THREADED = """
trap '' HUP INT TERM
mkdir -p "$1" && mount -t sysfs sysfs "$1" || exit
echo 1 >"$1/class/net/$2/threaded"
code=$?
umount "$1"
exit $code
"""
_libc = ctypes.CDLL(None, use_errno=True)


class CommandError(AssertionError):
    """A command failed that should have succeeded; says how."""


def run(cmd, check=True, timeout=30, **kwargs):
    """subprocess.run() that captures text, with helpful errors."""
    if "input" not in kwargs:
        kwargs.setdefault("stdin", subprocess.DEVNULL)
    p = subprocess.run(cmd, check=False, timeout=slack(timeout),
                       capture_output=True, text=True, errors="replace", **kwargs)
    if check and p.returncode:
        raise CommandError(f"{' '.join(map(str, cmd))}: exit code "
                           f"{p.returncode}\n{p.stdout}{p.stderr}".rstrip())
    return p


def wait_for(condition, timeout, what):
    """Polls until condition() is true and returns its value."""
    timeout = slack(timeout)
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out after {timeout} s waiting for "
                                 f"{what}")
        time.sleep(slack(0.02))  # in a guest, checking itself is slow


def kill_all_in(name):
    """Kills every process in one of our namespaces."""
    for pid in run(["ip", "netns", "pids", name], check=False).stdout.split():
        with contextlib.suppress(ProcessLookupError):
            if int(pid) != os.getpid():
                os.kill(int(pid), signal.SIGKILL)


def pids_named(start):
    """The processes whose names start with that."""
    pids = []
    for path in glob.glob("/proc/[0-9]*/comm"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as f:
            if f.read().startswith(start):
                pids.append(int(path.split("/")[2]))
    return pids


class Process:
    """A background process; `log` is the file with its output."""

    def __init__(self, name, cmd, log, **kwargs):
        self.name = name
        self.log = log
        with open(log, "wb") as f:
            self.popen = subprocess.Popen(
                cmd, stdout=f, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, start_new_session=True, **kwargs)
        self.pid = self.popen.pid

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def alive(self):
        return self.popen.poll() is None

    def check_alive(self):
        if not self.alive():
            raise AssertionError(f"{self.name} ended with exit code "
                                 f"{self.popen.returncode}:\n{self.output()}")

    def signal(self, number):
        """Signals the process and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    @contextlib.contextmanager
    def stopped(self):
        """The process is stopped while the `with` lasts."""
        self.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def wait(self, timeout=30):
        """Waits until it exits; the exit code."""
        return self.popen.wait(slack(timeout))

    def stop(self, timeout=5):
        """SIGTERM, then SIGKILL if that does not help. The exit code."""
        if self.alive():
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(slack(timeout))
        self.signal(signal.SIGKILL)  # its children, too
        return self.popen.wait()

    def kill(self):
        """SIGKILL, as if it crashed."""
        self.signal(signal.SIGKILL)
        return self.popen.wait()


class Namespace:
    """One end: its veth `iface` and addresses ip4, ip6, mac."""

    def __init__(self, name, iface, log_dir, ip4, ip6, mac):
        self.name = name
        self.iface = iface
        self.ip4 = ip4
        self.ip6 = ip6
        self.mac = mac
        self._log_dir = log_dir
        self._processes = []
        self._numbers = itertools.count(1)

    def command(self, cmd):
        return ["nsenter", f"--net=/run/netns/{self.name}", *map(str, cmd)]

    def run(self, cmd, check=True, timeout=30, **kwargs):
        return run(self.command(cmd), check, timeout, **kwargs)

    def start(self, cmd, name=None, **kwargs):
        """Starts a Process, which is stopped with the Env at the latest."""
        name = name or os.path.basename(str(cmd[0]))
        log = f"{self._log_dir}/{name}-{next(self._numbers)}.log"
        p = Process(name, self.command(cmd), log, **kwargs)
        self._processes.append(p)
        return p

    def stop_all(self):
        for p in reversed(self._processes):
            p.stop()
        self._processes.clear()

    def ip(self, *args):
        return run(["ip", "-n", self.name, *args]).stdout

    def add_addresses(self, addresses):
        """Adds IPv4 addresses to its veth; it may have some of them already."""
        self.run(["ip", "-batch", "-"], input="".join(
            f"addr replace {a}/24 dev {self.iface}\n" for a in addresses))

    def thread_receiver(self, cpu):
        """Moves the receive path of its veth to a thread on that CPU, with a
        higher priority than any process, like an interrupt. The veth must
        already have an XDP program."""
        before = pids_named("napi/")
        # a sysfs shows the namespace in which it was mounted
        self.run(["sh", "-c", THREADED, "sh", f"{self._log_dir}/sys-{self.iface}",
                  self.iface])
        pids = set(pids_named(f"napi/{self.iface}")) - set(before)
        assert len(pids) == 1, f"expected one NAPI thread, got {len(pids)}"
        run(["taskset", "-p", "-c", str(cpu), str(*pids)])
        run(["chrt", "-f", "-p", "1", str(*pids)])

    def sysctl(self, key, value=None):
        """Reads a sysctl, or sets it and returns its previous value."""
        old = self.run(["sysctl", "-n", key]).stdout.strip()
        if value is not None:
            self.run(["sysctl", "-q", "-w", f"{key}={value}"])
        return old

    @contextlib.contextmanager
    def inside(self):
        """Puts this thread in the namespace; sockets it creates stay there."""
        with open("/proc/thread-self/ns/net", "rb") as before, \
                open(f"/run/netns/{self.name}", "rb") as there:
            _setns(there)
            try:
                yield self
            finally:
                _setns(before)

    def wait_listening(self, port, process=None):
        def listening():
            if process:
                process.check_alive()
            return self.ss("-ltn", f"sport = :{port}")
        wait_for(listening, 10, f"a listener on port {port} in {self.name}")

    def ss(self, *args):
        """`ss -H` parsed: {"state" "recv_q" "send_q" "local" "peer" "info"},
        where info is the rest of the line and those of -i, -e, -m."""
        sockets = []
        for line in self.run(["ss", "-H", "-n", "-O", *args]).stdout \
                .splitlines():
            f = line.split(None, 5)
            sockets.append({"state": f[0], "recv_q": int(f[1]),
                            "send_q": int(f[2]), "local": f[3], "peer": f[4],
                            "info": f[5] if len(f) > 5 else ""})
        return sockets

    def packets(self):
        """The veth's counters: {"rx": packets, "tx": packets}."""
        link = json.loads(self.ip("-j", "-s", "link", "show", self.iface))[0]
        stats = link.get("stats64") or link["stats"]
        return {way: stats[way]["packets"] for way in ("rx", "tx")}

    def mac_of(self, iface):
        return json.loads(self.ip("-j", "link", "show", iface))[0]["address"]

    def nstat(self):
        """The kernel's TCP counters, e.g. nstat()["TcpExtSyncookiesSent"]."""
        out = self.run(["nstat", "-asz"]).stdout
        return {m.group(1): int(m.group(2)) for m in
                re.finditer(r"^(\w+)\s+(\d+)", out, re.M)}


def _setns(ns):
    if _libc.setns(ns.fileno(), CLONE_NEWNET):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
