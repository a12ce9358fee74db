# SPDX-License-Identifier: GPL-2.0-only
"""`make install` and `make uninstall`, into a directory.

Theory of operation: what is installed must be complete, contain the paths it
was installed to, and be removed again; the operator's configuration must be
neither overwritten nor removed. Nothing of this machine is touched: DESTDIR or
PREFIX is a directory of the test.
"""
import os
import socket

from namespace import run, wait_for
from netenv import ROOT
from nettest import net_test, skip

FILES = """
/etc/synkeeper.conf
/lib/systemd/system/synkeeperd.service
/usr/bin/synkeeper
/usr/lib/synkeeper/synkeeper.bpf.o
/usr/sbin/synkeeperd
/usr/share/doc/synkeeper/NEWS
/usr/share/doc/synkeeper/README.md
/usr/share/doc/synkeeper/synkeeper.conf
/usr/share/man/man5/synkeeper.conf.5
/usr/share/man/man8/synkeeper.8
/usr/share/man/man8/synkeeperd.8
""".split()


def make(target, **variables):
    # an outer make's exports must have no effect here
    names = ("DESTDIR", "PREFIX", "SYSCONFDIR", "UNITDIR", "MAKEFLAGS")
    clean = {k: v for k, v in os.environ.items() if k not in names}
    run(["make", "-s", "-C", ROOT, target,
         *(f"{k}={v}" for k, v in variables.items())], env=clean, timeout=100)


def files_in(root):
    return {os.path.join(folder, name)[len(root):]
            for folder, _, names in os.walk(root) for name in names}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


@net_test
def test_destdir(env):
    root = f"{env.dir}/root"
    where = {"DESTDIR": root, "PREFIX": "/usr",
             "UNITDIR": "/lib/systemd/system"}
    make("install", **where)
    missing = set(FILES) - files_in(root)
    assert not missing, f"make install: expected {sorted(missing)}, got none"
    unit = read(f"{root}/lib/systemd/system/synkeeperd.service")
    assert root not in unit, "DESTDIR got into the unit"
    assert "ExecStart=/usr/sbin/synkeeperd -c /etc/synkeeper.conf" in unit, \
        f"unit: expected the paths of PREFIX=/usr, got\n{unit}"
    run([f"{root}/usr/sbin/synkeeperd", "--check", "-c",
         f"{root}/etc/synkeeper.conf"])

    mine = "# the operator's\n"
    with open(f"{root}/etc/synkeeper.conf", "w", encoding="utf-8") as f:
        f.write(mine)
    make("install", **where)
    got = read(f"{root}/etc/synkeeper.conf")
    assert got == mine, f"make install overwrote the configuration: {got!r}"

    make("uninstall", **where)
    left = files_in(root)
    assert left == {"/etc/synkeeper.conf"}, \
        f"make uninstall: expected the configuration to stay, got {left}"


@net_test
def test_half_installed_package(env):
    """Unpacking was interrupted, so only some of its files are there: each that
    is either works or says in one line what is missing, and the package can
    be removed."""
    only = f"{env.dir}/bin"
    os.mkdir(only)
    bare = {"PATH": only}
    p = run(["/bin/sh", f"{ROOT}/debian/prerm", "remove"], env=bare)
    assert not p.stdout and not p.stderr, \
        f"prerm without the command: expected silence, got {p.stdout}{p.stderr}"

    os.symlink(f"{ROOT}/.output/synkeeper", f"{only}/synkeeper")
    p = run([f"{only}/synkeeper", "--control", f"{env.dir}/none", "status"],
            env=bare, check=False)
    assert p.returncode == 1 and len(p.stderr.splitlines()) == 1 and \
        "start" in p.stderr, \
        f"the command without the daemon: expected one line that says how to " \
        f"start it, got {p.returncode}: {p.stderr}"

    p = run([f"{ROOT}/.output/synkeeperd", "-c", f"{env.dir}/no.conf"],
            env=bare, check=False)
    assert p.returncode and len(p.stderr.splitlines()) == 1 and \
        f"{env.dir}/no.conf" in p.stderr, \
        f"the daemon without a configuration: expected one line that names " \
        f"the file, got {p.returncode}: {p.stderr}"


@net_test
def test_hardening_flags_were_ignored(env):
    """A distribution's CPPFLAGS and LDFLAGS are used where they should be."""
    del env
    clean = {k: v for k, v in os.environ.items() if k != "MAKEFLAGS"}
    out = run(["make", "-C", ROOT, "-n", "-B", "all", "tests", "CC=the-cc",
               "CPPFLAGS=-DOF_CPPFLAGS", "LDFLAGS=-Wl,-z,of_ldflags"],
              env=clean, timeout=100).stdout
    lines = [line for line in out.splitlines() if line.startswith("the-cc ")]
    links = [line for line in lines if " -c " not in line]
    assert len(links) > 10 < len(lines) - len(links), \
        f"found only {len(lines)} lines, {len(links)} of them link"
    for line in lines:
        assert "-DOF_CPPFLAGS" in line, f"without CPPFLAGS: {line}"
    for line in links:
        assert "-Wl,-z,of_ldflags" in line, f"without LDFLAGS: {line}"


def install_unit(env):
    """Installs for real below a directory; returns the unit's path."""
    prefix = f"{env.dir}/usr"
    make("install", PREFIX=prefix, UNITDIR=f"{env.dir}/units")
    return f"{env.dir}/units/synkeeperd.service"


def analyze(*args):
    try:
        return run(["systemd-analyze", *args], check=False)
    except FileNotFoundError:
        return skip("systemd-analyze is not installed")


@net_test
def test_unit(env):
    """systemd finds nothing to report; the exposure is as intended."""
    unit = install_unit(env)
    for line in ("ExecStart", "ExecReload"):
        path = read(unit).split(f"{line}=")[1].split()[0]
        assert os.access(path, os.X_OK), f"{line}: {path} is no program"
    p = analyze("verify", "--man=no", unit)
    told = [line for line in (p.stdout + p.stderr).splitlines()
            if "synkeeper" in line]
    assert p.returncode == 0 and not told, \
        f"systemd-analyze verify: exit code {p.returncode}, {told}"
    p = analyze("security", "--offline=true", "--threshold=25", unit)
    assert p.returncode == 0, \
        f"systemd-analyze security: expected an exposure of 2.5 at most, got" \
        f"\n{p.stdout[-300:]}{p.stderr}"


def unit_values(key):
    """The words of a key of the unit, of all its lines."""
    lines = read(f"{ROOT}/dist/synkeeperd.service").splitlines()
    return [word for line in lines if line.startswith(f"{key}=")
            for word in line.split("=", 1)[1].split()]


@net_test
def test_unit_allowed_core_dumps(env):
    """They would hold the cookie keys."""
    del env
    got = unit_values("LimitCORE")
    assert got == ["0"], f"LimitCORE: expected 0, got {got}"


@net_test
def test_capabilities(env):
    """Those of the unit are enough to start, take over, protect and end."""
    caps = [c.removeprefix("CAP_").lower()
            for c in unit_values("CapabilityBoundingSet")]
    confined = ["setpriv", "--no-new-privs", "--inh-caps=-all",
                "--bounding-set=-all," + ",".join(f"+{c}" for c in caps)]
    env.nginx()
    for start in ("first start", "restart"):
        p = env.server.start(
            [*confined, f"{ROOT}/.output/synkeeperd", "-i", env.server.iface,
             "-s", "*:80", "--pin-dir", env.pin_dir, "--control",
             env.control], name="synkeeperd")
        wait_armed(env, p)
        before = env.json("stats")["total"].get("admitted", 0)
        env.fetch()
        after = env.json("stats")["total"].get("admitted", 0)
        assert after > before, f"{start}: no cookie was admitted"
        code = p.stop()
        assert code == 0, f"{start}: expected exit code 0, got {code}:\n" \
            f"{p.output()}"


def wait_armed(env, process):
    def armed():
        process.check_alive()
        try:
            return all(s["armed"]
                       for s in env.json("service", "list")["services"])
        except AssertionError:
            return False
    wait_for(armed, 10, "an armed service")


@net_test
def test_watchdog(env):
    """The daemon tells systemd that it is ready, and then that it is alive."""
    path = f"{env.dir}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(10)
        env.server.start(
            [f"{ROOT}/.output/synkeeperd", "-i", env.server.iface, "-s",
             "*:80", "--pin-dir", env.pin_dir, "--control", env.control],
            name="synkeeperd",
            env={**os.environ, "NOTIFY_SOCKET": path,
                 "WATCHDOG_USEC": "400000"})
        told = []
        while not ("READY=1" in told and told.count("WATCHDOG=1") >= 3):
            try:
                told += s.recv(4096).decode().splitlines()
            except TimeoutError:
                raise AssertionError("expected READY=1 and three WATCHDOG=1 "
                                     f"within 10 s, got {told}") from None
