# SPDX-License-Identifier: GPL-2.0-only
"""The command finds the daemon whose configuration file moved its paths.

Theory of operation: a daemon runs with `control` and `pin-dir` in its file and
nothing on its command line. The command is given the file by -c or by
SYNKEEPER_CONFIG, and must reach the daemon, as the unit's ExecReload and the
removal of the package do. That /etc/synkeeper.conf is the default is tested in
vm/package, on a host of its own.
"""
import os

import attached
from namespace import wait_for
from netenv import OUTPUT
from nettest import mode, net_test

FILE = """\ufeff; paths of its own
[service web]
listen = *:80
[ daemon ] # those of the others are the defaults
interface = {iface}
mode = {mode}
  control : {control} ; moved
pin-dir = {pin_dir}
"""


def command(env, *args, config=None, check=True):
    """The command without --control and --pin-dir. A CompletedProcess."""
    clean = {k: v for k, v in os.environ.items() if k != "SYNKEEPER_CONFIG"}
    if config is not None:
        clean["SYNKEEPER_CONFIG"] = config
    return env.server.run([f"{OUTPUT}/synkeeper", *args], env=clean,
                          check=check)


def start(env):
    """A daemon with nothing but its file; the file's path."""
    path = env.configure(FILE.format(
        iface=env.server.iface, mode=mode(), control=env.control,
        pin_dir=env.pin_dir))
    p = env.server.start([f"{OUTPUT}/synkeeperd", "-c", path],
                         name="synkeeperd")

    def answers():
        p.check_alive()
        return env.synkeeper("status", check=False).returncode == 0
    wait_for(answers, 10, "the daemon with a control socket of its own")
    return path


def refused(p, *words):
    told = p.stderr.splitlines()
    assert p.returncode == 1 and len(told) == 1 and \
        all(word in told[0] for word in words), \
        f"expected exit code 1 and one line with {words}, got " \
        f"{p.returncode}, {told}, {p.stdout!r}"


@net_test
def test_reload_and_down_missed_moved_paths(env):
    env.nginx()
    path = start(env)
    p = command(env, "reload", config=path)
    assert "nothing changed" in p.stdout, \
        f"reload by SYNKEEPER_CONFIG: {p.stdout!r}"
    # errors in the file are reported by the daemon
    with open(path, "a", encoding="utf-8") as f:
        f.write("nonsense\n[keys\n")
    refused(command(env, "-c", path, "reload", check=False), f"{path}:9:")
    command(env, f"--config={path}", "session", "totals")  # by pins alone
    command(env, "-c", path, "down")
    assert not os.path.exists(env.pin_dir), f"down left {env.pin_dir}"
    wait_for(lambda: not attached.xdp(env.server), 10,
             "the daemon to exit, with nothing attached")


@net_test
def test_down_after_a_daemon_that_died_missed_the_pins(env):
    path = start(env)
    env.server.stop_all()
    assert os.path.exists(env.pin_dir), "expected the data path to stay"
    command(env, "down", config=path)
    assert not os.path.exists(env.pin_dir), f"down left {env.pin_dir}"


@net_test
def test_precedence(env):
    """Options override what is in the file; -c overrides the environment."""
    mine, theirs = start(env), f"{env.dir}/theirs.conf"
    control, pin_dir = f"{env.dir}/theirs", f"{env.pin_dir}-theirs"
    with open(theirs, "w", encoding="utf-8") as f:
        f.write(f"[daemon]\ncontrol = {control}\npin-dir = {pin_dir}\n")
    command(env, "-c", mine, "status", config=theirs)
    refused(command(env, "-c", theirs, "status", config=mine, check=False),
            control)
    refused(command(env, "-c", mine, "--control", control, "status",
                    check=False), control)
    refused(command(env, "--pin-dir", pin_dir, "-c", mine, "session", "list",
                    check=False), pin_dir)
    command(env, "-c", theirs, "--control", env.control, "status")


@net_test
def test_a_named_file_that_cannot_be_read(env):
    """Never falls back to the defaults, which are another instance's."""
    gone = f"{env.dir}/gone.conf"
    for p in (command(env, "-c", gone, "down", check=False),
              command(env, "down", config=gone, check=False)):
        refused(p, gone, "No such file")
    refused(command(env, "-c", env.dir, "status", check=False), env.dir,
            "Is a directory")
