# SPDX-License-Identifier: GPL-2.0-only
"""The daemon is started with wrong input.

Theory of operation: each wrong start must exit by itself with code 2 (wrong
input) or 1 (it could not be done), with one line on standard error that names
the cause and the remedy, and with nothing attached, pinned or changed.
JOURNAL_STREAM makes the daemon mark lines with their level, which separates the
error from progress messages.
"""
import contextlib
import os
import re
import shutil

import attached
from goodclients import GoodClients, get_once
from netenv import OUTPUT
from nettest import net_test
from sockets import listen


def daemon(env, *args, command=(), iface=True, service=True):
    """Runs a daemon that should fail; returns (exit code, error lines)."""
    cmd = [*command, f"{OUTPUT}/synkeeperd", "--pin-dir", env.pin_dir,
           "--control", env.control]
    cmd += ["-i", env.server.iface] if iface else []
    cmd += ["-s", "*:80"] if service else []
    p = env.server.run([*cmd, *args], check=False, timeout=20,
                       env={**os.environ, "JOURNAL_STREAM": "1:1"})
    lines = [line for line in p.stderr.splitlines()
             if not re.match("<[4-7]>", line)]
    return p.returncode, lines


def refused(env, what, code, *args, left=True, **kwargs):
    """It fails with `code` and one line that has every word of `what`."""
    got, lines = daemon(env, *args, **kwargs)
    told = " ".join(args)
    assert got == code, \
        f"synkeeperd {told}: expected exit code {code}, got {got}: {lines}"
    assert len(lines) == 1, \
        f"synkeeperd {told}: expected one line of error, got {lines}"
    for word in what:
        assert word in lines[0], \
            f"synkeeperd {told}: expected {word!r} in the error, got {lines}"
    if left:
        attached.nothing_left(env, f"synkeeperd {told}")


@net_test
def test_flags(env):
    before = env.snapshot()
    refused(env, ["--frobnicate", "--help"], 2, "--frobnicate")
    refused(env, ["-x", "--help"], 2, "-x")
    refused(env, ["-i", "value"], 2, "-i")
    refused(env, ["--pin-dir", "value"], 2, "--pin-dir")
    refused(env, ["extra", "-i"], 2, "extra")
    refused(env, ["turbo", "native"], 2, "-m", "turbo")
    refused(env, ["--on-exit", "linger", "keep"], 2, "--on-exit", "linger")
    refused(env, ["no interface", "-i"], 2, iface=False)
    refused(env, ["no service", "-s"], 2, service=False)
    refused(env, ["'*:80'", "twice"], 2, "-s", "*:80")
    refused(env, ["'relative'", "/"], 2, "--pin-dir", "relative")
    refused(env, ["control", "/"], 2, "--control", "relative")
    refused(env, ["control", "too long"], 2, "--control", "/" + 200 * "x")
    assert env.snapshot() == before, "a wrong flag changed a setting"


@net_test
def test_bad_services(env):
    for service, words in (
            ("80", ["'80'", "192.0.2.1:443"]),
            ("*:0", ["'*:0'", "65535"]),
            ("*:70000", ["'*:70000'", "65535"]),
            ("*:http", ["'*:http'", "65535"]),
            ("192.0.2.300:80", ["'192.0.2.300:80'"]),
            ("2001:db8::2:80", ["'2001:db8::2:80'", "brackets"]),
            ("[2001:db8::2:80", ["'[2001:db8::2:80'", "bracket"]),
            ("0.0.0.0:80", ["'0.0.0.0:80'", "*"]),
            ("", ["''"])):
        refused(env, words, 2, "-s", service)


@net_test
def test_config_file(env):
    conf = f"{env.dir}/synkeeper.conf"
    for text, words in (
            ("[daemon]\ninterfaces = x\n", [":2:", "interfaces", "interface'"]),
            ("[demon]\n", [":1:", "[demon]", "[daemon]"]),
            ("[service web]\nlisten = *:0\n", [":2:", "'*:0'", "65535"]),
            ("[service web]\npolicy = on\n", [":1:", "listen"]),
            ("[keys]\nlifetime = 60\n", [":2:", "'60'", "60s"]),
            ("[keys]\nlifetime = 1s\n", [":2:", "'1s'", "5s"]),
            ("nonsense\n", [":1:"])):
        with open(conf, "w", encoding="utf-8") as f:
            f.write(text)
        refused(env, [conf, *words], 2, "-c", conf)
    refused(env, ["/nonexistent", "No such file"], 2, "-c", "/nonexistent")


@net_test
def test_loopback(env):
    """No client comes that way: it says so, and nothing is left behind."""
    refused(env, ["lo", "clients' packets"], 1, "-i", "lo", iface=False)
    assert not attached.xdp(env.server, "lo"), "lo still has an XDP program"
    assert not attached.tcx(env.server, "lo"), "lo still has a tcx program"


@net_test
def test_second_interface_bad(env):
    """The first is detached again."""
    refused(env, ["lo", "clients' packets"], 1, "-i", "lo")


@net_test
def test_not_root(env):
    binary = shutil.copy(f"{OUTPUT}/synkeeperd", env.dir)
    os.chmod(env.dir, 0o755)
    cmd = ["setpriv", "--reuid", "65534", "--clear-groups", binary]
    p = env.server.run([*cmd, "-i", env.server.iface, "-s", "*:80",
                        "--pin-dir", env.pin_dir, "--control", env.control],
                       check=False)
    lines = p.stderr.splitlines()
    assert p.returncode == 1 and len(lines) == 1 and "root" in lines[0], \
        f"as uid 65534: expected exit code 1 and one line that says root, " \
        f"got {p.returncode}: {lines}"
    attached.nothing_left(env, "as uid 65534")
    p = env.server.run([*cmd, "-i", "eth0", "-s", "*:80", "--check"],
                       check=False)
    assert p.returncode == 0, \
        f"--check as uid 65534: got exit code {p.returncode}: {p.stderr}"


@net_test
def test_pin_dir_no_bpffs(env):
    parent = f"{env.dir}/empty"
    os.mkdir(parent)
    where = f"{parent}/pins"
    refused(env, [where, f"mount -t bpf bpf {parent},", "--pin-dir"], 1,
            "--pin-dir", where)
    assert not os.path.exists(where), f"{where} was created"


@net_test
def test_advice_was_to_mount_over_what_is_there(env):
    """A directory with something in it, or one that does not exist."""
    os.mkdir(f"{env.dir}/data")
    with open(f"{env.dir}/data/file", "w", encoding="utf-8") as f:
        f.write("precious")
    for parent in ("data", "nosuch"):
        where = f"{env.dir}/{parent}/pins"
        refused(env, [where, "not on a bpf file system", "/sys/fs/bpf"], 1,
                "--pin-dir", where)
        lines = daemon(env, "--pin-dir", where)[1]
        assert "mount -t" not in lines[0], f"{parent}: {lines}"


@net_test
def test_check(env):
    """--check reports errors and touches nothing."""
    got, lines = daemon(env, "--check")
    assert got == 0 and not lines, f"--check: got {got}, {lines}"
    attached.nothing_left(env, "--check")
    refused(env, ["'*:0'"], 2, "--check", "-s", "*:0")
    conf = f"{env.dir}/synkeeper.conf"
    with open(conf, "w", encoding="utf-8") as f:
        f.write("[daemon]\ninterface = nosuch0\n"
                "[service web]\nlisten = *:80\n")
    got, lines = daemon(env, "-c", conf, "--check", iface=False, service=False)
    assert got == 0 and lines == [
        "synkeeperd: nosuch0: no such interface yet: would wait for it"], \
        f"--check -c: got {got}, {lines}"


@net_test
def test_second_instance(env):
    """The first keeps running, whatever the second was told."""
    env.nginx()
    first = env.synkeeperd()
    program = attached.xdp_id(env.server)
    with GoodClients(env) as good:
        refused(env, [env.pin_dir, "synkeeper down"], 1, left=False)
        refused(env, [env.pin_dir], 1, "--control", f"{env.dir}/other",
                left=False)
        other = env.pin_dir + "-bed/other"
        refused(env, [env.control, "--control"], 1, "--pin-dir", other,
                left=False)
        assert not os.path.exists(other), f"{other} still exists"
        good.wait_more(5)
    first.check_alive()
    assert attached.xdp_id(env.server) == program, \
        "a second instance replaced the first one's program"
    assert env.json("status")["pid"] == first.pid


@net_test
def test_second_instance_same_interface(env):
    """A pin directory and socket of its own, but the interface is taken."""
    env.nginx()
    first = env.synkeeperd()
    other = env.pin_dir + "-bed/other"
    refused(env, [env.server.iface], 1, "--pin-dir", other, "--control",
            f"{env.dir}/other", left=False)
    assert not os.path.exists(other), f"{other} still exists"
    first.check_alive()
    answered = env.json("status")["total"].get("answered", 0)
    get_once(env)
    now = env.json("status")["total"].get("answered", 0)
    assert now == answered + 1, \
        f"the first instance answered {now - answered} SYNs instead of one " \
        "after the second one had been refused"


@net_test
def test_foreign_program(env):
    """Is left alone, unless --replace is given."""
    env.nginx()
    env.xdp(env.server, "client")
    foreign = attached.xdp_id(env.server)
    got, lines = daemon(env)
    assert got == 1 and len(lines) == 1, f"got {got}, {lines}"
    for word in (env.server.iface, "--replace", "xdp off"):
        assert word in lines[0], f"expected {word!r} in {lines[0]}"
    assert attached.xdp_id(env.server) == foreign, \
        "the foreign program is gone"
    assert not attached.tcx(env.server), "a tcx program is left"
    assert not os.path.exists(env.pin_dir), f"{env.pin_dir} is left"

    daemon_process = env.synkeeperd("--replace")
    got = attached.xdp(env.server)
    assert got == ("synkeeper_xdp", "native"), f"--replace: got {got}"
    env.fetch()
    got = env.json("status")["total"].get("admitted", 0)
    assert got == 1, f"--replace: {got} connections admitted instead of one"
    daemon_process.check_alive()
    env.synkeeper("down")
    daemon_process.wait(10)
    attached.nothing_left(env, "down after --replace")


@net_test
def test_failed_takeover(env):
    """A wrong start on what a crashed instance left: that keeps working, and
    what the wrong start attached in addition is detached again."""
    env.nginx()
    attached.add_pair(env)
    env.synkeeperd().kill()
    assert attached.xdp(env.server), "nothing to take over"
    with GoodClients(env) as good:
        got, lines = daemon(env, "-i", "server1", "-i", "lo")
        assert got == 1 and len(lines) == 1 and "lo: cannot" in lines[0], \
            f"expected exit code 1 and a line on lo, got {got}, {lines}"
        good.wait_more(5)
    assert attached.xdp(env.server) and attached.tcx(env.server) == 1, \
        "the crashed instance's attachment is gone after a wrong start"
    got = attached.xdp(env.server, "server1"), \
        attached.tcx(env.server, "server1")
    assert got == (None, 0), \
        f"server1, attached by the wrong start only, still has {got}"


@net_test
def test_metrics_address(env):
    """No address, not this host's, or taken: by another program, and by
    another daemon, which keeps running."""
    taken = "127.0.0.1:9790"
    for address, words in (("9790", ["port missing"]),
                           ("localhost:9790", ["names are not looked up"]),
                           ("127.0.0.1:99999", ["65535"]),
                           ("", ["''"])):
        refused(env, ["--metrics", *words], 2, "--metrics", address)
    config = f"{env.dir}/metrics.conf"
    with open(config, "w", encoding="utf-8") as f:
        f.write("[daemon]\nmetrics = ::1:9790\n")
    refused(env, [f"{config}:2", "[daemon] metrics", "brackets"], 2, "-c",
            config)
    refused(env, ["--metrics", "192.0.2.99:9790", "no interface"], 1,
            "--metrics", "192.0.2.99:9790")
    with contextlib.closing(listen(env, "127.0.0.1", 9790)):
        refused(env, ["--metrics", taken, "choose another"], 1, "--metrics",
                taken)
    first = env.synkeeperd("--metrics", taken)
    refused(env, ["--metrics", taken, "choose another"], 1, "--pin-dir",
            env.pin_dir + "-bed/second", "--control", env.control + "2",
            "--metrics", taken, left=False)
    first.check_alive()
    env.synkeeper("service", "list")


@net_test
def test_a_root_without_sys_was_called_a_kernel_without_btf(env):
    refused(env, ["/sys is not mounted", "mount -t sysfs"], 1,
            command=("unshare", "--mount", "sh", "-c",
                     'umount -l /sys && exec "$0" "$@"'))
