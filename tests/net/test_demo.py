# SPDX-License-Identifier: GPL-2.0-only
"""The demo ends with its sentence and leaves nothing behind.

Theory of operation: its figures depend on the machine and are not tested; they
must be there. Each row takes a second here. What it created is found by its
process id (see netenv.py). Kernels and machines that lack something are
simulated by a command of that name in front of the real one.
"""
import contextlib
import glob
import os
import re
import signal
import stat
import subprocess

from namespace import run, wait_for
from netenv import PREFIX, ROOT
from nettest import net_test
from slack import slack
from terminal import Terminal

DEMO = [f"{ROOT}/tests/demo/demo.py", "--seconds", "1"]
WHOLE_S = 100  # all rows, on a busy machine
SENTENCE = (r"At [\d,]+ SYNs a second this host served [\d,]+ good "
            r"connections a second\s+without Synkeeper and [\d,]+ with it; "
            r"at [\d,]+, with it, [\d,]+\.$")
ROWS = ("no flood", "SYN flood", "no flood", "the same SYN flood",
        "as fast as it goes")


def command_lines():
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError), open(path, "rb") as f:
            yield f.read().replace(b"\0", b" ").decode(errors="replace")


def left_by(pid):
    """Everything named after that process's beds."""
    name = f"{PREFIX}{pid}-"
    with open("/proc/mounts", encoding="utf-8") as f:
        mounts = f.read().splitlines()
    return [p for place in ("/run/netns", "/sys/fs/bpf", "/tmp")
            for p in glob.glob(f"{place}/{name}*")] + \
        [line for line in (*mounts, *command_lines()) if name in line]


def check_gone(pid, when):
    left = left_by(pid)
    assert not left, f"{when}: expected nothing left behind, got {left}"


@net_test(timeout=300)
def test_demo_in_a_terminal(_env):
    with Terminal(DEMO, 80, 40) as terminal:
        pid = terminal.process.pid
        code = terminal.wait_end(WHOLE_S)
        text = "\n".join(terminal.text()).rstrip()
    assert code == 0, f"expected exit code 0, got {code}:\n{text}"
    assert re.search(SENTENCE, text), f"expected {SENTENCE}, got:\n{text}"
    titles = [t for line in text.splitlines() for t in dict.fromkeys(ROWS)
              if line.startswith(f"  {t} ")]
    assert tuple(dict.fromkeys(titles)) == tuple(dict.fromkeys(ROWS)) and \
        titles[-3:] == list(ROWS[-3:]), f"expected the rows {ROWS}:\n{text}"
    assert "█" in text, f"expected bars:\n{text}"
    check_gone(pid, "after its end")


@net_test(timeout=300)
def test_demo_into_a_file_and_interrupted(env):
    """Each row once, no escapes; Ctrl-C in a flood."""
    path = f"{env.dir}/demo.txt"
    with open(path, "wb") as f:
        p = subprocess.Popen(DEMO, stdin=subprocess.DEVNULL, stdout=f,
                             stderr=f, start_new_session=True)

    def text():
        with open(path, encoding="utf-8") as f:
            return f.read()

    def in_a_flood():
        assert p.poll() is None, f"it exited by itself: {text()}"
        return any("tests/flood" in c and "--run 64" in c
                   for c in command_lines())

    try:
        wait_for(in_a_flood, 20, "the demo's flood")
        os.killpg(p.pid, signal.SIGINT)
        code = p.wait(slack(20))
    finally:
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
    assert code == 130, f"Ctrl-C: expected exit code 130, got {code}: {text()}"
    assert text().endswith("demo: interrupted; everything is removed\n"), \
        f"Ctrl-C: expected a line that says so, got:\n{text()}"
    assert re.search(r"^  no flood  .* [█#]+$", text(), re.M), \
        f"expected the first row, got:\n{text()}"
    assert "\r" not in text() and "\x1b" not in text(), \
        f"a file: expected plain text, got {text()!r}"
    check_gone(p.pid, "after Ctrl-C")


def fake(env, name, script):
    """A command of that name in a directory of its own."""
    folder = f"{env.dir}/without-{name}"
    os.mkdir(folder)
    path = f"{folder}/{name}"
    with open(path, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\n{script}\n")
    os.chmod(path, stat.S_IRWXU)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def hidden(path):
    """A prefix that hides what is below @path from a command."""
    return ["unshare", "--mount", "sh", "-c",
            f'mount -t tmpfs none {path} && exec "$@"', "sh"]


@net_test
def test_demo_names_what_is_missing(env):
    """It used to end with a traceback, or after 300 MB of packages."""
    whole = [f"{ROOT}/scripts/demo"]
    refusal = "echo 'Error: refused: Operation not permitted' >&2; exit 255"
    for what, cmd, environ, cure in (
            ("root", whole, fake(env, "id", "echo 1000"), "try sudo"),
            ("a new kernel", whole, fake(env, "uname", "echo 5.10.0-9-amd64"),
             "boot 5.18 or later"),
            ("namespaces", whole, fake(env, "unshare", "exit 1"),
             "run it on the host"),
            ("/sys", [*hidden("/sys"), *whole], None, "mount -t sysfs"),
            ("BTF", [*hidden("/sys/kernel/btf"), *whole], None,
             "CONFIG_DEBUG_INFO_BTF"),
            ("IPv6", [*hidden("/proc/sys/net"), *whole], None,
             "ipv6.disable=1"),
            ("bpf()", DEMO, fake(env, "bpftool", refusal),
             "Operation not permitted): run it on the host"),
            ("nftables", DEMO, fake(env, "nft", refusal), "modprobe")):
        p = run(cmd, check=False, env=environ)
        lines = p.stderr.splitlines()
        assert p.returncode == 1 and len(lines) == 1 and \
            lines[0].startswith("demo: ") and cure in lines[0], \
            (f"without {what}: expected exit code 1 and one line with "
             f"{cure!r}, got {p.returncode}: {p.stderr}")
