# SPDX-License-Identifier: GPL-2.0-only
"""A pin directory that somebody else can change is not used.

Theory of operation: a bpf file system mounted by hand has mode 1777, so anybody
can create directories in it. Whoever created the pin directory first could
later remove pins, replace them, or hold its lock. The daemon and the commands
that access it directly must refuse it, name it and the remedy, and touch
nothing; a directory of root's on such a file system is fine.
"""
import contextlib
import os

from namespace import run
from nettest import net_test

NOBODY = 65534


@contextlib.contextmanager
def bpffs(env):
    """The test's own bpf file system, which all users may write."""
    path = f"{env.dir}/bpf"
    os.mkdir(path)
    run(["mount", "-t", "bpf", "bpf", path])
    try:
        yield path
    finally:
        run(["umount", "-l", path])


def as_nobody(*cmd):
    run(["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY),
         "--clear-groups", *cmd])


def refused(env, pins, *words):
    """By the daemon, `down` and a command that reads the table."""
    daemon = env.server.start(
        [f"{env.synkeeper_command()[0]}d", "-i", env.server.iface, "-s",
         "*:80", "--pin-dir", pins, "--control", env.control],
        name="synkeeperd")
    code = daemon.wait(20)
    out = daemon.output()
    assert code == 1 and all(w in out for w in words), \
        f"the daemon on {pins}: expected exit code 1 and {words}, got " \
        f"{code}: {out}"
    for args in (["down"], ["session", "list"]):
        p = env.server.run(
            [env.synkeeper_command()[0], "--control", env.control,
             "--pin-dir", pins, *args], check=False)
        assert p.returncode == 1 and all(w in p.stderr for w in words), \
            f"{args} on {pins}: expected exit code 1 and {words}, got {p}"
    xdp = env.server.run(["ip", "link", "show", env.server.iface]).stdout
    assert "xdp" not in xdp, f"attached nevertheless: {xdp}"


@net_test
def test_directory_of_nobodys_was_taken(env):
    with bpffs(env) as path:
        os.chmod(env.dir, 0o711)
        as_nobody("mkdir", "-m", "0700", f"{path}/synkeeper")
        refused(env, f"{path}/synkeeper", f"{path}/synkeeper",
                f"uid {NOBODY}", "remove it")
        as_nobody("rmdir", f"{path}/synkeeper")  # nothing was put there


@net_test
def test_link_of_nobodys_was_followed(env):
    """In place of the directory, or of one above it."""
    with bpffs(env) as path:
        os.chmod(env.dir, 0o711)
        os.mkdir(f"{path}/ours", 0o700)
        os.mkdir(f"{path}/ours/pins", 0o700)
        as_nobody("ln", "-s", f"{path}/ours", f"{path}/link")
        refused(env, f"{path}/link", "symbolic link")
        refused(env, f"{path}/link/pins", "symbolic link")


@net_test
def test_reader_held_the_lock(env):
    """Opening a directory for reading is all that a lock needs."""
    with bpffs(env) as path:
        os.chmod(env.dir, 0o711)
        pins = f"{path}/synkeeper"
        os.mkdir(pins)
        for mode in (0o755, 0o777, 0o1777, 0o770):
            os.chmod(pins, mode)
            refused(env, pins, pins, f"{mode:04o}", "chmod 0700")


@net_test
def test_folders_in_it_were_not_looked_at(env):
    with bpffs(env) as path:
        pins = f"{path}/synkeeper"
        os.mkdir(pins, 0o700)
        for name in ("maps", "links"):
            os.mkdir(f"{pins}/{name}", 0o700)
            os.chmod(f"{pins}/{name}", 0o777)
            refused(env, pins, f"{pins}/{name}", "0777")
            os.chmod(f"{pins}/{name}", 0o700)
            os.chown(f"{pins}/{name}", NOBODY, NOBODY)
            refused(env, pins, f"{pins}/{name}", f"uid {NOBODY}")
            os.rmdir(f"{pins}/{name}")
            os.symlink("/tmp", f"{pins}/{name}")
            refused(env, pins, f"{pins}/{name}")
            os.unlink(f"{pins}/{name}")


@net_test
def test_directory_above_could_be_renamed(env):
    """Not sticky, or another user's: its contents can be replaced."""
    with bpffs(env) as path:
        os.chmod(path, 0o777)
        os.mkdir(f"{path}/synkeeper", 0o700)
        refused(env, f"{path}/synkeeper", path, "0777", "mode=0700")
        os.chmod(path, 0o700)
        os.mkdir(f"{path}/a", 0o755)
        os.mkdir(f"{path}/a/b", 0o700)
        os.chown(f"{path}/a", NOBODY, NOBODY)
        refused(env, f"{path}/a/b", f"{path}/a", f"uid {NOBODY}")


@net_test
def test_directory_of_roots_on_a_shared_file_system(env):
    """The usual one after `mount -t bpf` by hand: only root gets in."""
    env.nginx()
    with bpffs(env) as path:
        os.chmod(env.dir, 0o711)
        env.pin_dir = f"{path}/synkeeper"
        env.synkeeperd()
        env.fetch()
        lock = run(["setpriv", "--reuid", str(NOBODY), "--clear-groups",
                    "flock", "-n", env.pin_dir, "true"], check=False)
        assert lock.returncode, "user nobody has had the lock"
        out = env.synkeeper("down").stdout
        assert "everything removed" in out, f"down: {out}"
