# SPDX-License-Identifier: GPL-2.0-only
"""A virtual machine with another kernel, to run commands in.

Theory of operation: `with Guest("6.1") as guest:` boots Debian's cloud kernel
of that series in QEMU, from what scripts/vmimage made; guest.run(cmd) runs a
command there as root, in a copy of this checkout with its build output, and
streams the command's output. The processor is emulated (KVM is not used: it is
rarely available where tests run) and thus ten to twenty times slower, so guests
test function, not speed. Time-outs have slack: see slack.py.

Two disks: the root, whose changes qemu discards, and the checkout, created for
each guest. Two serial ports: the console, logged to a file, and one for
tests/lib/guestagent.py. The guest's only network is the taps it is given, in
the namespace in which qemu runs. Leaving the `with` ends qemu; the kernel ends
it if this process is killed.
"""
import contextlib
import itertools
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass

from nettest import EXIT_SKIP, skip

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
IMAGES = os.path.join(ROOT, ".output/vm")
KERNELS = ("6.1", "6.12")
TEST_INIT = "/checkout/tests/lib/guestinit"
SYSTEMD = "/lib/systemd/systemd"
# turns off what kernel and libc would use and is slow to emulate: saves a fifth
CPU = "max,la57=off,erms=off,avx=off,avx2=off"
BOOT_S = 300
SLACK = 8  # for the tests inside, see slack.py
NO_COPY = (".git", "__pycache__", ".output/vm", ".output/www")


class GuestError(AssertionError):
    """The guest failed; with the end of its console output."""


class GuestTimeout(GuestError):
    """...by not finishing in time."""


@dataclass
class Nic:
    """A tap that the test created, and the guest's virtio-net device on it."""
    tap: str
    mac: str
    queues: int = 1

    def options(self, number):
        netdev = f"tap,id=n{number},ifname={self.tap},script=no,downscript=no"
        device = f"virtio-net-pci,romfile=,netdev=n{number},mac={self.mac}"
        if self.queues > 1:
            netdev += f",queues={self.queues}"
            device += f",mq=on,vectors={2 * self.queues + 2}"
        return ["-netdev", netdev, "-device", device]


def make_images():
    """Creates what is missing in .output/vm/, or skips with the reason."""
    p = subprocess.run([os.path.join(ROOT, "scripts/vmimage")], check=False,
                       stdin=subprocess.DEVNULL, text=True,
                       stdout=2, stderr=subprocess.PIPE)
    if p.returncode == EXIT_SKIP:
        skip(p.stderr.strip().rpartition("\n")[2])  # progress comes first
    if p.returncode:
        raise GuestError(f"scripts/vmimage: {p.stderr.strip()}")


def copy_checkout(to):
    """The checkout, except what no test needs, as hard links."""
    for folder, names, files in os.walk(ROOT):
        inside = os.path.relpath(folder, ROOT)
        names[:] = [n for n in names if n not in NO_COPY and
                    os.path.normpath(f"{inside}/{n}") not in NO_COPY]
        os.makedirs(f"{to}/{inside}", exist_ok=True)
        for name in files:
            os.link(f"{folder}/{name}", f"{to}/{inside}/{name}",
                    follow_symlinks=False)


def make_disk(path):
    """An ext4 file system with the checkout, and free space."""
    tree = f"{IMAGES}/checkout-{os.getpid()}"
    remove_stale_copies()
    try:
        copy_checkout(tree)
        subprocess.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal",
                        "-d", tree, path, "1G"], check=True,
                       stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def remove_stale_copies():
    for name in os.listdir(IMAGES):
        pid = name.removeprefix("checkout-")
        if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            shutil.rmtree(f"{IMAGES}/{name}", ignore_errors=True)


class Guest:
    """@dir: created, and removed with all its contents. @init: TEST_INIT, or
    SYSTEMD for a complete system."""

    def __init__(self, kernel, dir, memory=1024, cpus=1, nics=(),
                 namespace=None, init=TEST_INIT):
        if kernel not in KERNELS:
            raise ValueError(f"kernel {kernel}: one of {', '.join(KERNELS)}")
        self.kernel = kernel
        self.release = ""
        self.dir = dir
        self.qemu = None
        self._port = None
        self._options = ["-m", str(memory), "-smp", str(cpus)]
        for number, nic in enumerate(nics):
            self._options += nic.options(number)
        self._enter = ["nsenter", f"--net=/run/netns/{namespace}"] \
            if namespace else []
        self._init = init
        self._ids = itertools.count(1)
        self._answers = {0: queue.SimpleQueue()}  # 0: readiness

    def open(self):
        make_images()
        os.mkdir(self.dir)
        try:
            make_disk(f"{self.dir}/checkout.img")
            self._boot()
        except BaseException:
            self.close()
            raise
        return self

    def __enter__(self):
        return self.open()

    def __exit__(self, *_):
        self.close()

    def _command(self):
        kernel = f"{IMAGES}/{self.kernel}"
        disk = "format=raw,if=virtio,snapshot=on,cache=unsafe,file="
        words = ["console=ttyS0", f"init={self._init}", "panic=-1", "quiet",
                 "mitigations=off", "net.ifnames=0", "audit=0",
                 f"SYNKEEPER_TEST_SLACK={SLACK}"]  # into init's environment
        return ["setpriv", "--pdeathsig", "KILL", *self._enter,
                "qemu-system-x86_64", "-accel", "tcg,thread=multi",
                "-cpu", CPU, "-nodefaults", "-no-user-config",
                "-display", "none", "-no-reboot", *self._options,
                "-kernel", f"{kernel}/vmlinuz", "-initrd",
                f"{kernel}/initramfs", "-append", " ".join(words),
                "-drive", f"{disk}{IMAGES}/root.img",
                "-drive", f"{disk}{self.dir}/checkout.img",
                "-serial", f"file:{self.dir}/console",
                "-serial", f"unix:{self.dir}/port,server=on,wait=off"]

    def _boot(self):
        with open(f"{self.dir}/qemu", "wb") as log:
            self.qemu = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)
        end = time.monotonic() + BOOT_S
        self._port = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self._port.connect(f"{self.dir}/port")
                break
            except OSError as e:
                if self.qemu.poll() is not None or time.monotonic() > end:
                    raise self._error("qemu did not start") from e
            time.sleep(0.02)
        threading.Thread(target=self._listen, daemon=True).start()
        answer = self._next(0, end, "boot")
        self.release = answer["ready"]

    def _listen(self):
        """A thread: passes each of the agent's lines to the waiting caller."""
        with contextlib.suppress(OSError):
            for line in self._port.makefile("rb"):
                with contextlib.suppress(ValueError):  # a line from the boot
                    message = json.loads(line)
                    self._answers[message.get("id", 0)].put(message)
        for answers in list(self._answers.values()):
            answers.put(None)

    def _next(self, number, end, what):
        try:
            message = self._answers[number].get(
                timeout=max(0, end - time.monotonic()))
        except queue.Empty:
            raise self._error(f"{what}: not done in time",
                              GuestTimeout) from None
        if message is None:
            raise self._error(f"{what}: the guest is gone")
        return message

    def _error(self, what, kind=GuestError):
        texts = []
        for name in ("qemu", "console"):
            with contextlib.suppress(OSError):
                with open(f"{self.dir}/{name}", encoding="utf-8",
                          errors="replace") as f:
                    texts += f.read().splitlines()[-60:]
        return kind("\n".join([f"guest {self.kernel}: {what}", *texts]))

    def stream(self, cmd, write, timeout=60, env=None):
        """Runs @cmd, passes its output to write(text); the exit code."""
        cmd = list(map(str, cmd))
        number = next(self._ids)
        self._answers[number] = queue.SimpleQueue()
        end = time.monotonic() + timeout
        request = {"id": number, "cmd": cmd, "env": env or {}}
        self._port.sendall(json.dumps(request).encode() + b"\n")
        try:
            while True:
                answer = self._next(number, end, " ".join(cmd))
                if "code" in answer:
                    return answer["code"]
                write(answer["out"])
        finally:
            self._answers.pop(number)

    def run(self, cmd, check=True, timeout=60, env=None):
        """Runs @cmd. A CompletedProcess, stderr in stdout."""
        texts = []
        code = self.stream(cmd, texts.append, timeout, env)
        output = "".join(texts)
        if check and code:
            raise GuestError(f"guest {self.kernel}: {' '.join(map(str, cmd))}:"
                             f" exit code {code}\n{output}".rstrip())
        return subprocess.CompletedProcess(cmd, code, output)

    def shell(self, script, **kwargs):
        """Runs a sh script; its output."""
        return self.run(["sh", "-euc", script], **kwargs).stdout

    def console(self):
        with open(f"{self.dir}/console", encoding="utf-8",
                  errors="replace") as f:
            return f.read()

    def close(self):
        if self.qemu:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.qemu.pid, signal.SIGKILL)
            self.qemu.wait()
        if self._port:
            self._port.close()
        shutil.rmtree(self.dir, ignore_errors=True)
