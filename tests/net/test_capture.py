# SPDX-License-Identifier: GPL-2.0-only
"""`synkeeper capture`: the contents of the file, read by another program.

Theory of operation: packets are dropped for known reasons while `capture` runs,
and tshark reads what it wrote. However it ended, the file must be complete and
contain only what was requested.
"""
import contextlib
import os
import re
import signal

from namespace import run, wait_for
from nettest import net_test
from reasons import REASONS
from scapytools import Peer
from session_stats import protect
from sockets import listen
from terminal import Terminal

DATA = b"x" * 500
DROP = "[answer]\ninvalid-ack = drop\n"
HEAD = 128  # bytes of a frame that are kept
FIELDS = ("comment", "interface_name", "len", "cap_len")


def tshark(path):
    """{field: value} for each packet; tshark must find the file complete."""
    fields = [f"frame.{name}" for name in FIELDS] + ["tcp.dstport"]
    out = run(["tshark", "-r", path, "-T", "fields",
               *(word for f in fields for word in ("-e", f))]).stdout
    return [dict(zip((*FIELDS, "port"), line.split("\t")))
            for line in out.splitlines()]


class Capture:
    """`capture -w FILE`, from now on."""

    def __init__(self, env, *args, path=None):
        self.path = path or f"{env.dir}/capture.pcapng"
        self.process = env.server.start(
            [*env.synkeeper_command(), "capture", "-w", self.path, *args],
            name="capture")

        def begun():
            if os.path.exists(self.path) and os.path.getsize(self.path):
                return True  # it may have ended already: a full disk
            self.process.check_alive()
            return False

        wait_for(begun, 5, "`capture` to start its file")

    def wait(self, code, *words):
        """Waits until it exits; the number of packets it reports."""
        got = self.process.wait(10)
        output = self.process.output()
        assert got == code and all(word in output for word in words), \
            f"capture: expected exit code {code} and {words}, got {got}: " \
            f"{output}"
        found = re.search(r"^([\d,]+) packets? captured", output, re.M)
        assert found, f"capture: no number of packets: {output}"
        return int(found[1].replace(",", ""))

    def check_file(self, n):
        packets = tshark(self.path)
        assert len(packets) == n, \
            f"capture says {n} packets, tshark finds {len(packets)}"
        return packets


def drop_three(peer):
    """One packet for each of three reasons."""
    peer.flow().send("A", DATA)
    peer.flow().send("R")
    peer.flow().send("SF")


@net_test
def test_reasons_lengths_and_interface(env):
    with listen(env), Peer(env) as peer:
        protect(env, config=DROP)
        capture = Capture(env, "--count", "3")
        drop_three(peer)
        packets = capture.check_file(capture.wait(0))
    lengths = {"bad_cookie": 14 + 20 + 20 + len(DATA), "stray_rst": 54,
               "bad_flags": 54}
    for packet, (reason, length) in zip(packets, lengths.items()):
        want = {"comment": f"{reason}: {REASONS[reason].text}",
                "interface_name": env.server.iface, "len": str(length),
                "cap_len": str(min(length, HEAD)), "port": "80"}
        assert packet == want, f"expected {want}, got {packet}"


@net_test
def test_only_what_is_asked_for(env):
    with listen(env), listen(env, port=81), Peer(env) as peer:
        protect(env, "*:80", "*:81", config=DROP)
        reasons = Capture(env, "--reason", "bad_flags,stray_rst",
                          "--count", "2")
        drop_three(peer)
        got = [p["comment"].partition(":")[0]
               for p in reasons.check_file(reasons.wait(0))]
        assert got == ["stray_rst", "bad_flags"], f"--reason: got {got}"

        service = Capture(env, "--service", "*:81", "--count", "1",
                          path=f"{env.dir}/service.pcapng")
        peer.flow(80).send("A")
        peer.flow(81).send("A")
        got = [p["port"] for p in service.check_file(service.wait(0))]
        assert got == ["81"], f"--service *:81: got packets to {got}"


@net_test
def test_until_ctrl_c(env):
    """The file is complete, and an older one of that name is gone."""
    env.nginx()
    protect(env, config=DROP)
    path = f"{env.dir}/capture.pcapng"
    with open(path, "wb") as f:
        f.write(b"x" * (4 << 20))
    flood = env.flood("ack", 20, rate=20000)
    capture = Capture(env, "--rate", "1000")
    wait_for(lambda: 20000 < os.path.getsize(path) < 4 << 20, 10,
             "the file to grow anew")
    capture.process.signal(signal.SIGINT)
    n = capture.wait(0)
    flood.stop()
    capture.check_file(n)
    assert n > 100, f"expected more than 100 packets, got {n}"


@net_test
def test_into_a_pipe(env):
    """tshark reads it as it is written; a reader that leaves is no error."""
    env.nginx()
    protect(env, config=DROP)
    env.flood("ack", 20, rate=20000)
    command = " ".join(env.synkeeper_command())
    out = env.server.run(
        ["bash", "-o", "pipefail", "-c",
         f"{command} capture -w - --count 5 | tshark -r - -T fields "
         "-e frame.comment"]).stdout
    want = [f"bad_cookie: {REASONS['bad_cookie'].text}"] * 5
    assert out.splitlines() == want, f"expected {want}, got {out}"
    env.server.run(["bash", "-o", "pipefail", "-c",
                    f"{command} capture -w - | head -c 300 >/dev/null"])


@contextlib.contextmanager
def small_disk(env):
    path = f"{env.dir}/small"
    os.mkdir(path)
    run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", path])
    try:
        yield path
    finally:
        run(["umount", "-l", path])


@net_test
def test_full_disk(env):
    """Reports it, and what had room can be read to the last packet."""
    env.nginx()
    protect(env, config=DROP)
    env.flood("ack", 20, rate=20000)
    with small_disk(env) as path:
        capture = Capture(env, "--rate", "10000", path=f"{path}/c.pcapng")
        n = capture.wait(1, f"{path}/c.pcapng: No space left on device")
        capture.check_file(n)
        assert n > 50, f"expected more than 50 packets in 32 kB, got {n}"


@net_test
def test_daemon_ends(env):
    env.nginx()
    daemon = protect(env, config=DROP)
    capture = Capture(env)
    daemon.kill()
    capture.check_file(capture.wait(1, "the daemon exited"))


@net_test
def test_refusals(env):
    """Nothing is started: an older file stays as it was."""
    path = f"{env.dir}/old.pcapng"
    with open(path, "w", encoding="utf-8") as f:
        f.write("old")
    env.nginx()
    for when, args, word in (
            ("no daemon", ["-w", path], "no daemon is listening"),
            ("no such service", ["-w", path, "--service", "*:9"], "*:9"),
            ("no such folder", ["-w", f"{env.dir}/no/f"],
             "No such file or directory")):
        if when == "no such service":
            protect(env, config=DROP)
        p = env.synkeeper("capture", *args, check=False, timeout=10)
        assert p.returncode == 1 and word in p.stderr and not p.stdout, \
            f"{when}: expected exit code 1 and '{word}', got {p}"
    with open(path, encoding="utf-8") as f:
        assert f.read() == "old", "a refused capture overwrote a file"
    command = env.server.command([*env.synkeeper_command(), "capture", "-w",
                                  "-"])
    with Terminal(command) as terminal:
        code = terminal.wait_end()
        text = " ".join(terminal.text())
        assert code == 1 and "is a terminal" in text, \
            f"to a terminal: exit code {code}: {text}"


def filled(env, path):
    """Captures one packet to it; what is there afterwards."""
    with Peer(env) as peer:
        capture = env.server.start(
            [*env.synkeeper_command(), "capture", "-w", path, "--count", "1"],
            name="capture")

        def dropped():
            peer.flow().send("A", DATA)
            return capture.popen.poll() is not None

        wait_for(dropped, 10, f"`capture -w {path}` to get its packet")
    code = capture.wait(1)
    assert code == 0, f"capture -w {path}: {code}: {capture.output()}"
    return os.lstat(path)


@net_test
def test_file_of_another_user_was_written_to(env):
    """In /tmp, whoever created it first could read everything."""
    spool = f"{env.dir}/tmp"
    os.mkdir(spool)
    os.chmod(spool, 0o1777)
    with listen(env):
        protect(env, config=DROP)
        path = f"{spool}/drops.pcapng"
        with open(path, "w", encoding="ascii"):
            pass
        os.chown(path, 65534, 65534)
        os.chmod(path, 0o666)
        os.link(path, f"{spool}/other")
        with open(path, "rb") as theirs:
            st = filled(env, path)
            assert (st.st_uid, st.st_mode & 0o777) == (0, 0o600), \
                f"expected root's file, mode 600, got {st}"
            assert not theirs.read(), "it was written to the other's file"
        assert len(tshark(path)) == 1
        left = sorted(os.listdir(spool))
        assert left == ["drops.pcapng", "other"], f"left behind: {left}"


@net_test
def test_link_of_another_user_was_followed(env):
    """A link, also one to a pipe, and a pipe: nothing is written."""
    spool = f"{env.dir}/tmp"
    os.mkdir(spool)
    os.chmod(spool, 0o1777)
    precious = f"{env.dir}/precious"
    with open(precious, "w", encoding="ascii") as f:
        f.write("precious")
    os.mkfifo(f"{env.dir}/fifo")
    os.symlink(precious, f"{spool}/link")
    os.symlink(f"{env.dir}/fifo", f"{spool}/to_fifo")
    os.mkfifo(f"{spool}/fifo")
    os.symlink(f"{env.dir}/none", f"{spool}/dangling")
    os.symlink(precious, f"{env.dir}/ours")
    for name in ("link", "to_fifo", "fifo", "dangling"):
        os.chown(f"{spool}/{name}", 65534, 65534, follow_symlinks=False)
    with listen(env):
        protect(env, config=DROP)
        for path in [f"{spool}/{n}" for n in ("link", "to_fifo", "fifo",
                                              "dangling")] + \
                [f"{env.dir}/ours"]:
            p = env.synkeeper("capture", "-w", path, "--count", "1",
                              check=False, timeout=10)
            assert p.returncode == 1 and path in p.stderr, \
                f"capture -w {path}: expected a refusal, got {p}"
    with open(precious, encoding="ascii") as f:
        assert f.read() == "precious", "the link was followed"
    assert not os.path.exists(f"{env.dir}/none"), "the link was followed"


@net_test
def test_into_devices_and_pipes(env):
    """What is not a regular file stays what it is."""
    with listen(env), Peer(env) as peer:
        protect(env, config=DROP)
        filled(env, "/dev/null")
        null = os.stat("/dev/null")
        assert os.path.exists("/dev/null") and null.st_rdev == os.makedev(1, 3)
        command = " ".join(env.synkeeper_command())
        os.mkfifo(f"{env.dir}/fifo")
        for path in (f"{env.dir}/fifo", "/dev/stdout", "/dev/fd/1"):
            source = f"<{path}" if path.endswith("fifo") else ""
            script = f"{command} capture -w {path} --count 1 " + \
                ("& exec cat" if source else "| exec cat") + \
                f" {source} >{env.dir}/out"
            p = env.server.start(["bash", "-c", script], name="pipe")

            def ended():
                peer.flow().send("A", DATA)
                return p.popen.poll() is not None

            wait_for(ended, 10, f"`capture -w {path}` to end")
            got = len(tshark(f"{env.dir}/out"))
            assert got == 1, f"-w {path}: expected 1 packet, got {got}"
