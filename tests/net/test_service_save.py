# SPDX-License-Identifier: GPL-2.0-only
"""Keeping manual changes across a restart: `service save` and --save.

Theory of operation: a daemon with a configuration file that has comments,
unusual layout, an owner and a mode. After each change the file must be the
same, except for the lines concerned, and a new daemon must do what it says.
"""
import os

from namespace import wait_for
from nettest import net_test

CONF = """# mine
[daemon]
interface = server0   ; the only one

[service web]         ; the shop
  listen: *:80        ; both families

[service both]
listen = *:8080
listen = *:8443
"""


def start(env, path=None):
    return env.synkeeperd("-c", path or env.configure(CONF), services=())


def read(path):
    with open(path, encoding="utf-8", newline="") as f:
        return f.read()


def services(env):
    return {s["listen"]: s["policy"]
            for s in env.json("service", "list")["services"]
            if not s["why"].startswith("deleted")}


def saves(env, want, *args):
    """It succeeds, and the file is then as wanted; no other file is left."""
    path = f"{env.dir}/synkeeper.conf"
    before = os.stat(path)
    others = set(os.listdir(env.dir))
    p = env.synkeeper("service", *args)
    assert path in p.stdout and not p.stderr, f"{args}: {p}"
    assert read(path) == want, f"{args}: the file is now\n{read(path)}"
    after = os.stat(path)
    for what in ("st_mode", "st_uid", "st_gid"):
        assert getattr(before, what) == getattr(after, what), \
            f"{args}: {what} of the file: {before}, then {after}"
    assert set(os.listdir(env.dir)) == others, os.listdir(env.dir)


def refused(env, words, *args, wrap=()):
    """Exit code 1, one line with the words, the file unchanged."""
    path = f"{env.dir}/synkeeper.conf"
    before = read(path) if os.path.exists(path) else None
    p = env.server.run([*wrap, *env.synkeeper_command(), "service", *args],
                       check=False)
    assert p.returncode == 1 and p.stderr.count("\n") == 1 and \
        all(w in p.stderr for w in words), \
        f"{args}: expected exit code 1 and {words}, got {p}"
    if before is not None:
        assert read(path) == before, f"{args}: {read(path)}"


@net_test
def test_service_added_was_lost_without_a_word(env):
    """It is reported, in text and JSON; once saved, it survives a restart."""
    daemon = start(env)
    path = f"{env.dir}/synkeeper.conf"
    os.chown(path, 0, 34)
    os.chmod(path, 0o640)
    p = env.synkeeper("service", "add", "*:81", "--name", "more")
    assert "*:81 is lost when the daemon exits" in p.stderr and \
        "service save" in p.stderr, f"service add: {p}"
    got = env.json("service", "add", "[2001:db8::2]:82")
    assert got["by_hand"] is True, got
    got = env.synkeeper("service", "policy", "*:81", "monitor")
    assert "lost" in got.stderr, f"service policy: {got}"
    saves(env, CONF + "\n[service more]\nlisten = *:81\npolicy = monitor\n"
          "\n[service port-82]\nlisten = [2001:db8::2]:82\n", "save")
    got = env.json("service", "save")
    assert got == {"file": path, "saved": []}, got
    want = services(env)
    assert daemon.stop() in (0, None)
    start(env, path)
    assert services(env) == want == {
        "*:80": "on", "*:8080": "on", "*:8443": "on", "*:81": "monitor",
        "[2001:db8::2]:82": "on"}, services(env)
    assert not any(s["by_hand"]
                   for s in env.json("service", "list")["services"])


@net_test
def test_save_with_the_change(env):
    """add, policy and del; a reload finds nothing to do."""
    start(env)
    saves(env, CONF + "\n[service more]\nlisten = *:81\n", "add", "*:81",
          "--name", "more", "--save")
    assert env.json("reload")["needs_restart"] == []
    more = CONF.replace("families\n", "families\npolicy = auto\n")
    saves(env, more + "\n[service more]\nlisten = *:81\n", "policy", "*:80",
          "auto", "--save")
    saves(env, more + "\n", "del", "*:81", "--save")
    saves(env, more.replace("listen = *:8080\n", "") + "\n", "del", "*:8080",
          "--save")
    got = env.json("reload")
    assert got == {"changed": [], "needs_restart": []}, got
    assert services(env) == {"*:80": "auto", "*:8443": "on"}, services(env)


@net_test
def test_save_refused(env):
    """Each gives its reason; the change itself is made, the file untouched."""
    path = env.configure(CONF)
    daemon = start(env, path)
    refused(env, ["2 listen lines", "edit the file"], "policy", "*:8080",
            "off", "--save")
    os.chmod(path, 0o444)
    refused(env, [path, "is read-only"], "add", "*:81", "--save")
    assert "*:81" in services(env), "it was not even added"
    os.chmod(path, 0o644)
    here = f"mount --bind {env.dir} {env.dir} && " \
        f"mount -o remount,ro,bind {env.dir} && exec \"$@\""
    refused(env, [path, "Read-only file system"], "save",
            wrap=("unshare", "-m", "sh", "-c", here, "sh"))
    env.configure(CONF + "[servic x]\n")
    refused(env, [f"{path}:11:", "nothing was written"], "save")
    env.configure("[daemon]\ninterface = server0\n[service a]\nlisten = *:80\n")
    refused(env, ["last service"], "del", "*:80", "--save")
    daemon.stop()
    env.synkeeperd()
    refused(env, ["without a configuration file", "-c FILE"], "add", "*:82",
            "--save")
    refused(env, ["without a configuration file"], "save")


@net_test
def test_save_through_a_symbolic_link(env):
    """The target is changed, and the link stays."""
    os.mkdir(f"{env.dir}/real")
    real = f"{env.dir}/real/conf"
    os.rename(env.configure(CONF), real)
    link = f"{env.dir}/synkeeper.conf"
    os.symlink("real/conf", link)
    start(env, link)
    env.synkeeper("service", "add", "*:81", "--save")
    assert os.path.islink(link) and os.listdir(f"{env.dir}/real") == ["conf"]
    assert "*:81" in read(real), read(real)
    wait_for(lambda: "*:81" in services(env), 5, "the service")
