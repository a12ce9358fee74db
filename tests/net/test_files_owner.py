# SPDX-License-Identifier: GPL-2.0-only
"""Files that control the daemon and that others can write.

Theory of operation: --check, a start and a reload read the configuration and
the lists of sources in the same way: whoever can write to one of them controls
a daemon with root's rights.
"""
import os

from netenv import OUTPUT
from nettest import net_test

NOBODY = 65534


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, 0o644)
    return path


def check(env, conf, code, *words):
    p = env.server.run([f"{OUTPUT}/synkeeperd", "--check", "-c", conf],
                       check=False)
    assert p.returncode == code and all(w in p.stderr for w in words), \
        f"--check: expected exit code {code} and {words}, got {p}"
    return p.stderr


def files(env):
    """(configuration, deny list, allow list)"""
    deny = write(f"{env.dir}/deny", "198.51.100.0/24\n")
    allow = write(f"{env.dir}/allow", "198.51.100.1\n")
    conf = write(f"{env.dir}/s.conf", "[daemon]\n"
                 f"interface = {env.server.iface}\n[service web]\n"
                 f"listen = *:80\n[sources]\ndeny = {deny}\nallow = {allow}\n")
    return conf, deny, allow


@net_test
def test_everybodys_file_was_believed(env):
    conf, deny, allow = files(env)
    told = check(env, conf, 0)
    assert not told, f"files of root's, 0644: told {told}"
    for path in (conf, deny, allow):
        os.chmod(path, 0o666)
        check(env, conf, 2, path, "world-writable", "chmod o-w")
        os.chmod(path, 0o664)  # root chose the group
        told = check(env, conf, 0)
        assert not told, f"{path}, 0664: told {told}"
        os.chmod(path, 0o644)


@net_test
def test_file_of_another_user_passed_in_silence(env):
    conf, deny, allow = files(env)
    for path in (conf, deny, allow):
        os.chown(path, NOBODY, NOBODY)
        check(env, conf, 0, path, f"uid {NOBODY}", "chown root")
        os.chown(path, 0, 0)


@net_test
def test_reload_believed_everybodys_file(env):
    """What is in force stays."""
    env.nginx()
    conf, deny, _ = files(env)
    env.synkeeperd("-c", conf, services=())
    env.fetch()
    for path in (conf, deny):
        os.chmod(path, 0o666)
        p = env.synkeeper("reload", check=False)
        assert p.returncode == 1 and path in p.stderr, \
            f"reload with {path} 0666: expected a refusal, got {p}"
        os.chmod(path, 0o644)
    env.fetch()
    env.synkeeper("reload")


@net_test
def test_cookies_could_be_hoarded_for_days(env):
    """Twice a key's lifetime; reported by --check and at the start."""
    conf = write(f"{env.dir}/s.conf", "[keys]\nlifetime = 24h\n")
    for text, warned in (("24h", True), ("11m", True), ("10m", False),
                         ("60s", False)):
        write(conf, f"[daemon]\ninterface = {env.server.iface}\n[service w]\n"
              f"listen = *:80\n[keys]\nlifetime = {text}\n")
        told = check(env, conf, 0, *(["lifetime", "hoard"] if warned else []))
        assert bool(told) == warned, f"lifetime = {text}: told {told!r}"
    write(conf, "[keys]\nlifetime = 24h\n")
    daemon = env.synkeeperd("-c", conf)
    assert "hoard" in daemon.output(), \
        f"at the start: expected a warning, got {daemon.output()}"
