# SPDX-License-Identifier: GPL-2.0-only
"""Who has access to the control socket, and what the others are told.

Theory of operation: users that are not root are numbers, set with setpriv; the
groups are those of the host's /etc/group. The test itself holds connections
open, so their number is certain.
"""
import contextlib
import grp
import json
import os
import shutil
import stat
import subprocess

from controlclient import dial
from namespace import run, wait_for
from netenv import OUTPUT
from nettest import net_test
from sockets import TIMEOUT

CLIENTS_MAX, WATCHERS_MAX, OTHERS_WATCHERS_MAX = 32, 24, 16
USER = 65534
WATCH = b'{"cmd":"session.watch"}\n'
HOLD = """
import socket, sys
held = []
for _ in range(int(sys.argv[2])):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(sys.argv[3].encode())
    held.append(s)
print("held", flush=True)
sys.stdin.read()
"""


def a_group():
    """A group of this host that is not the primary group of any user here."""
    for g in grp.getgrall():
        if g.gr_gid not in (0, USER):
            return g
    raise AssertionError("this host has no groups")


def read_line(s):
    got = b""
    while not got.endswith(b"\n"):
        part = s.recv(1)
        if not part:
            return None
        got += part
    return json.loads(got)


def user(*groups):
    """A prefix to run a command as a user with these additional groups."""
    how = ["--groups", ",".join(map(str, groups))] if groups else \
        ["--clear-groups"]
    return ["setpriv", "--reuid", str(USER), "--regid", str(USER), *how]


def as_user(env, *groups):
    """Runs the command like that."""
    os.chmod(env.dir, 0o755)
    command = shutil.copy(f"{OUTPUT}/synkeeper", env.dir)
    return [*user(*groups), command, "--control", env.control]


def hold(env, group, n, line):
    """A member of the group with @n connections that each sent @line."""
    p = subprocess.Popen([*user(group.gr_gid), "/usr/bin/python3", "-c", HOLD,
                          env.control, str(n), line], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"held\n", "test set-up: nothing held"
    return p


def with_group(env, group, **kwargs):
    return env.synkeeperd("-c", env.configure(
        f"[daemon]\ncontrol-group = {group.gr_name}\n"), **kwargs)


@net_test
def test_idle_watchers_locked_root_out(env):
    """As many as allowed, all root's; the next one is refused with an error,
    and status and down still work."""
    daemon = env.synkeeperd()
    with contextlib.ExitStack() as stack:
        replies = []
        for _ in range(CLIENTS_MAX):
            s = stack.enter_context(contextlib.closing(dial(env, TIMEOUT)))
            s.sendall(WATCH)
            replies.append(read_line(s))
        watching = sum(bool(r["ok"]) for r in replies)
        assert watching == WATCHERS_MAX, \
            f"expected {WATCHERS_MAX} watchers, got {watching}"
        assert "busy" in replies[-1]["error"], f"one too many: {replies[-1]}"
        p = env.synkeeper("session", "watch", check=False)
        assert p.returncode == 1 and "busy: all " in p.stderr, \
            f"session watch: {p.returncode}: {p.stderr}"
        for _ in range(3):
            env.synkeeper("key", "list", timeout=5)
        env.synkeeper("down", timeout=30)
    daemon.wait()


@net_test
def test_idle_connections_locked_root_out(env):
    """All are taken by silent ones, root's own: the oldest is closed to make
    room, and told so."""
    daemon = env.synkeeperd()
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(contextlib.closing(dial(env, TIMEOUT)))
                for _ in range(CLIENTS_MAX)]
        for s in held:
            s.sendall(b'{"cmd":"key.list"}\n')
            read_line(s)
        env.synkeeper("key", "list", timeout=5)
        told = read_line(held[0])
        assert told and told["error"].startswith("busy"), \
            f"the oldest one was told {told}"
        for n, s in enumerate(held[1:], 1):
            s.sendall(b'{"cmd":"key.list"}\n')
            assert read_line(s)["ok"], f"number {n} had to go, too"
    daemon.check_alive()


@net_test
def test_others_locked_root_out(env):
    """Members of the group take what they can: root still gets in and may
    watch; another member is told that it is busy."""
    group = a_group()
    daemon = with_group(env, group)
    member = as_user(env, group.gr_gid)
    for line, n in ((WATCH.decode(), OTHERS_WATCHERS_MAX),
                    ('{"cmd":"key.list"}\n', CLIENTS_MAX)):
        holder = hold(env, group, n, line)
        try:
            if n == CLIENTS_MAX:
                p = run([*member, "key", "list"], check=False)
                assert p.returncode == 1 and \
                    f"busy: all {CLIENTS_MAX} control connections are in use" \
                    in p.stderr, f"one more: {p.returncode}: {p.stderr}"
            else:
                p = run([*member, "session", "watch"], check=False)
                assert p.returncode == 1 and "busy" in p.stderr, \
                    f"one watcher more: {p.returncode}: {p.stderr}"
            env.synkeeper("key", "list", timeout=5)
            with contextlib.closing(dial(env, TIMEOUT)) as s:
                s.sendall(WATCH)
                assert read_line(s)["ok"], "root may not watch"
        finally:
            holder.kill()
            holder.wait()
        asks = [*member, "key", "list"]
        wait_for(lambda: run(asks, check=False).returncode == 0, 5,
                 "room after they left")
    daemon.check_alive()


@net_test
def test_group_of_the_configuration(env):
    """A supplementary member is answered, also after a restart; others are
    not."""
    group = a_group()
    no_chown = ("setpriv", "--bounding-set=-chown")  # as the unit has it
    for wrap in ((), (), (*no_chown, "--groups", str(group.gr_gid))):
        daemon = with_group(env, group, wrap=wrap)
        st = os.stat(env.control)
        assert st.st_gid == group.gr_gid and \
            stat.S_IMODE(st.st_mode) == 0o660, \
            f"expected group {group.gr_gid} and 660, got {st.st_gid} and " \
            f"{st.st_mode:o}"
        run([*as_user(env, group.gr_gid), "key", "list"])
        p = run([*as_user(env), "key", "list"], check=False)
        assert p.returncode == 1 and "no permission" in p.stderr, \
            f"an outsider: {p.returncode}: {p.stderr}"
        daemon.stop()
    daemon = with_group(env, group, wrap=(*no_chown, "--clear-groups"),
                        wait=False)
    assert daemon.wait() == 1 and "SupplementaryGroups" in daemon.output(), \
        f"neither CAP_CHOWN nor member: {daemon.output()}"


@net_test
def test_outsider_was_told_that_the_daemon_had_ended(env):
    """A user who may connect but is in none of the groups."""
    daemon = env.synkeeperd()
    os.chmod(env.control, 0o666)
    p = run([*as_user(env, a_group().gr_gid), "key", "list"], check=False)
    assert p.returncode == 1 and "no permission" in p.stderr, \
        f"expected 'no permission', got {p.returncode}: {p.stderr}"
    daemon.check_alive()


@net_test
def test_unknown_group(env):
    """An error that names file, line and remedy; reload says what a change
    requires."""
    path = env.configure("[daemon]\ncontrol-group = nosuchgroup\n"
                         "interface = x\n[service a]\nlisten = *:80\n")
    p = run([f"{OUTPUT}/synkeeperd", "--check", "-c", path], check=False)
    assert p.returncode == 2 and f"{path}:2: [daemon] control-group: " \
        "'nosuchgroup'" in p.stderr and "groupadd" in p.stderr, \
        f"--check: {p.returncode}: {p.stderr}"
    daemon = env.synkeeperd("-c", env.configure("[daemon]\n"))
    with_name = f"[daemon]\ncontrol-group = {a_group().gr_name}\n"
    env.configure(with_name)
    out = env.synkeeper("reload").stdout
    assert "[daemon] control-group: none -> " in out and "restart" in out, \
        f"reload: {out}"
    daemon.check_alive()
