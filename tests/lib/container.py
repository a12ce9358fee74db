# SPDX-License-Identifier: GPL-2.0-only
"""A Debian 12 system booted by systemd on this kernel, in a network namespace.

Theory of operation: `with Container(path, namespace) as c:` puts an overlay on
the root that scripts/vmimage made for guests. c.boot() starts systemd-nspawn on
it, c.halt() shuts it down; changes to the disk are kept until the next boot.
It has its own /sys/fs/bpf, so a halt also removes what was pinned there, as a
reboot does. c.run() has the interface of guest.Guest. It boots in seconds
where an emulated guest takes minutes. It changes nothing outside its own
namespaces.
"""
import contextlib
import os
import shutil
import subprocess

from guest import IMAGES, make_images
from namespace import run, wait_for
from nettest import skip
from slack import slack

MOUNT_BPFFS = """[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/mount -t bpf bpf /sys/fs/bpf
[Install]
WantedBy=sysinit.target
"""


class Container:
    """@dir: created, and removed with all its contents."""

    def __init__(self, dir, namespace):
        self.dir = dir
        self.root = f"{dir}/root"
        self.name = os.path.basename(os.path.dirname(dir))
        self._namespace = namespace
        self._nspawn = None
        self._leader = None

    def __enter__(self):
        if not shutil.which("systemd-nspawn"):
            skip("systemd-nspawn is not installed: scripts/deps --vm")
        make_images()
        for name in ("image", "root", "upper", "work"):
            os.makedirs(f"{self.dir}/{name}")
        try:
            # changes to the disk stay in memory
            run(["mount", "-t", "tmpfs", "tmpfs", f"{self.dir}/upper"])
            for name in ("upper", "work"):
                os.mkdir(f"{self.dir}/upper/{name}")
            run(["mount", "-o", "loop,ro", f"{IMAGES}/root.img",
                 f"{self.dir}/image"])
            run(["mount", "-t", "overlay", "overlay", "-o",
                 f"lowerdir={self.dir}/image,"
                 f"upperdir={self.dir}/upper/upper,"
                 f"workdir={self.dir}/upper/work", self.root])
            self._prepare()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _prepare(self):
        units = f"{self.root}/etc/systemd/system"
        with open(f"{units}/bpffs.service", "w", encoding="utf-8") as f:
            f.write(MOUNT_BPFFS)
        for unit, enable in (("bpffs", True), ("guestagent", False)):
            run(["systemctl", "--root", self.root,
                 "enable" if enable else "disable", f"{unit}.service"])

    def boot(self):
        """Returns when systemd has finished booting."""
        with open(f"{self.dir}/console", "ab") as log:
            self._nspawn = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "systemd-nspawn", "-q",
                 "-b", "-D", self.root, "-M", self.name, "--register=no",
                 "--keep-unit", "--console=pipe", "--capability=all",
                 "--system-call-filter=bpf perf_event_open",
                 f"--network-namespace-path=/run/netns/{self._namespace}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self._leader = wait_for(self._find_leader, 30, "a container's init")
        wait_for(lambda: self.run(["systemctl", "is-system-running"],
                                  check=False).stdout.strip()
                 in ("running", "degraded"), 90,
                 "systemd to boot the container")

    def _find_leader(self):
        if self._nspawn.poll() is not None:
            raise AssertionError(f"systemd-nspawn ended:\n{self.console()}")
        pid = self._nspawn.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            children = f.read().split()
        # the first is a helper that exits once it has created init's process
        for child in children:
            with contextlib.suppress(OSError):
                with open(f"/proc/{child}/comm", encoding="ascii") as f:
                    if f.read() == "systemd\n":
                        return child
        return None

    def halt(self):
        if self._nspawn:
            self._nspawn.terminate()  # an orderly shutdown
            try:
                self._nspawn.wait(slack(60))
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
        self._nspawn = None

    def run(self, cmd, check=True, timeout=60, env=None):
        """Runs @cmd in it, as root. A CompletedProcess, stderr in stdout."""
        p = subprocess.run(
            ["nsenter", "-t", self._leader, "-m", "-u", "-i", "-n", "-p",
             "-C", *map(str, cmd)], check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=slack(timeout),
            env={**os.environ, **(env or {})})
        if check and p.returncode:
            raise AssertionError(f"container: {' '.join(map(str, cmd))}: exit "
                                 f"code {p.returncode}\n{p.stdout}".rstrip())
        return p

    def shell(self, script, **kwargs):
        """Runs a sh script; its output."""
        return self.run(["sh", "-euc", script], **kwargs).stdout

    def write(self, path, text):
        with open(f"{self.root}{path}", "w", encoding="utf-8") as f:
            f.write(text)

    def console(self):
        with open(f"{self.dir}/console", encoding="utf-8",
                  errors="replace") as f:
            return f.read()

    def close(self):
        self.halt()
        for name in ("root", "image", "upper"):
            run(["umount", f"{self.dir}/{name}"], check=False)
        with contextlib.suppress(OSError):
            os.rmdir(f"/run/systemd/nspawn/propagate/{self.name}")
        shutil.rmtree(self.dir, ignore_errors=True)
