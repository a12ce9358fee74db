# SPDX-License-Identifier: GPL-2.0-only
"""The Debian package in a Debian 12 booted by systemd.

Theory of operation: .output/deb/ (`make deb`) is installed by apt in a guest,
and its unit is started, reloaded, killed, upgraded, stopped and purged, while
clients outside connect, and one connection survives all of it. What the unit
denies the daemon is checked in /proc/PID/status, and tried in the daemon's own
mount namespace.
"""
import contextlib
import glob
import os

from guest import SYSTEMD
from namespace import wait_for
from netenv import ROOT
from nettest import skip
from sockets import connect
from vmclients import admitted, connect_often, echo_through
from vmenv import ECHO_PORT, vm_test

UNIT = "synkeeperd"
CONF = "/etc/synkeeper.conf"
CONFIG = """[daemon]
interface = eth0
[sessions]
max = 4096
[service web]
listen = *:80
[service echo]
listen = *:81
"""
CAPS = {"cap_net_admin": 12, "cap_net_raw": 13, "cap_perfmon": 38,
        "cap_bpf": 39}
DROP_IN = f"/run/systemd/system/{UNIT}.service.d/test.conf"


def package():
    found = glob.glob(f"{ROOT}/.output/deb/synkeeper_*_*.deb")
    if not found:
        skip("no package in .output/deb: make deb")
    return found[0]


def newer_package(env, path):
    """Makes the same with a higher version; its path."""
    env.guest.shell(
        f"dpkg-deb -R {path} /tmp/deb; "
        "sed -i 's/^Version: .*/&+next/' /tmp/deb/DEBIAN/control; "
        "dpkg-deb -Znone -b /tmp/deb /tmp/next.deb")
    return "/tmp/next.deb"


def show(env, name):
    return env.guest.run(["systemctl", "show", "-P", name, UNIT]).stdout.strip()


def systemctl(env, verb, check=True):
    p = env.guest.run(["systemctl", verb, UNIT], check=False, timeout=150)
    if check and p.returncode:
        raise AssertionError(
            f"systemctl {verb}: exit code {p.returncode}\n{p.stdout}" +
            env.guest.run(["journalctl", "-n40", "-u", UNIT]).stdout)
    return p


def configure(env, text):
    env.guest.run(["sh", "-c", 'printf %s "$1" >"$0"', CONF, text])


def apt(env, *args):
    env.guest.run(["apt-get", "-q", "-y", *args], timeout=300,
                  env={"DEBIAN_FRONTEND": "noninteractive"})


def active(env, when, want="active"):
    wait_for(lambda: show(env, "ActiveState") == want, 15,
             f"the unit being {want} {when}")


def mask(*names):
    return sum(1 << CAPS[name] for name in names)


def check_status(env):
    """Capabilities and flags are those of the unit, and no more."""
    pid = show(env, "MainPID")
    status = dict(line.split(":\t", 1) for line in env.guest.run(
        ["cat", f"/proc/{pid}/status"]).stdout.splitlines() if ":\t" in line)
    kept = mask("cap_bpf", "cap_net_admin")
    want = {"CapInh": 0, "CapPrm": kept, "CapEff": kept, "CapAmb": 0}
    got = {name: int(status[name], 16) for name in want}
    assert got == want, f"capabilities of the daemon: expected {want}, {got}"
    bounds = int(status["CapBnd"], 16)
    assert not bounds & ~mask(*CAPS), f"CapBnd: {bounds:#x} has more than " \
        f"{', '.join(CAPS)}"
    flags = (status["NoNewPrivs"], status["Seccomp"])
    assert flags == ("1", "2"), f"NoNewPrivs, Seccomp: expected 1, 2, {flags}"


def check_sandbox(env):
    """Tried in the daemon's mount namespace, by root with all capabilities."""
    pid = show(env, "MainPID")

    def can(script):
        return not env.guest.run(["nsenter", "-t", pid, "-m", "sh", "-c",
                                  script], check=False).returncode
    for what, script, want in (
            ("make a pin", "mkdir /sys/fs/bpf/synkeeper/x && "
             "rmdir /sys/fs/bpf/synkeeper/x", True),
            ("write tcp_syncookies",
             "f=/proc/sys/net/ipv4/tcp_syncookies; v=$(cat $f); "
             "echo $v >$f", True),
            ("write another sysctl",
             "f=/proc/sys/net/ipv4/tcp_sack; v=$(cat $f); echo $v >$f", False),
            ("write /sys", "f=/sys/class/net/eth0/tx_queue_len; v=$(cat $f); "
             "echo $v >$f", False),
            ("write /etc", "echo >/etc/test-was-here", False),
            ("write /usr", "echo >/usr/test-was-here", False),
            ("write /run/synkeeper", "echo >/run/synkeeper/x && "
             "rm /run/synkeeper/x", True),
            ("see /root", "ls /root/.[a-z]*", False)):
        assert can(script) == want, f"in the sandbox: to {what} was expected " \
            f"to be {'possible' if want else 'impossible'}, and is not so"


def check_watchdog(env):
    """A daemon that hangs is replaced."""
    before = show(env, "MainPID")
    env.guest.run(["kill", "-STOP", before])
    wait_for(lambda: show(env, "MainPID") not in ("0", before), 15,
             "systemd replacing a daemon that hangs")
    active(env, "after the watchdog")


def check_kill(env):
    """The data path keeps working; the daemon is restarted."""
    before = show(env, "MainPID")
    answered = env.count("answered")
    env.guest.run(["kill", "-KILL", before])
    connect_often(env, "while the daemon is dead", 3)
    wait_for(lambda: show(env, "MainPID") not in ("0", before), 10,
             "systemd starting it again")
    env.wait_armed()
    assert env.count("answered") >= answered + 3, \
        "expected the clients of the time without daemon to be counted"


def check_reload(env):
    configure(env, CONFIG + "[service more]\nlisten = *:82\n")
    systemctl(env, "reload")
    listed = [s["listen"] for s in env.json("service", "list")["services"]]
    assert "*:82" in listed, f"after reload: expected *:82, got {listed}"
    configure(env, CONFIG + "[service more]\nlisten = nonsense\n")
    p = systemctl(env, "reload", check=False)
    assert p.returncode, "reload with a file that is wrong: expected to fail"
    listed = [s["listen"] for s in env.json("service", "list")["services"]]
    assert "*:82" in listed and show(env, "ActiveState") == "active", \
        f"after a reload that failed: expected no change, got {listed}"
    configure(env, CONFIG)
    systemctl(env, "reload")


def traces(env):
    """What a purge must not leave."""
    return env.guest.shell(
        "ls -d /sys/fs/bpf/synkeeper /run/synkeeper /etc/synkeeper.conf "
        "/usr/share/doc/synkeeper /usr/sbin/synkeeperd 2>/dev/null || :; "
        "bpftool prog show | grep synkeeper || :; "
        "bpftool net show | grep synkeeper || :; "
        f"systemctl list-unit-files -q --no-legend '{UNIT}*' || :")


def run_package(env):
    old = f"/checkout/.output/deb/{os.path.basename(package())}"
    new = newer_package(env, old)
    env.bin = "/usr/bin"
    env.nginx()
    env.echo()
    apt(env, "install", old)
    assert show(env, "ActiveState") == "inactive", \
        "after installation: expected a unit that is not started"
    env.guest.shell(f"mkdir -p {os.path.dirname(DROP_IN)}; "
                    f"printf '[Service]\\nWatchdogSec=10s\\n' >{DROP_IN}; "
                    "systemctl daemon-reload")
    configure(env, CONFIG)
    with contextlib.closing(connect(env, ECHO_PORT)) as held:
        systemctl(env, "start")
        assert show(env, "Type") == "notify" and \
            show(env, "WatchdogUSec") == "10s", "the unit is another"
        env.wait_armed()
        admitted(env, 10, "under systemd")
        check_status(env)
        check_sandbox(env)
        echo_through(held, "a connection older than the unit")
        check_reload(env)
        before = show(env, "MainPID")
        systemctl(env, "restart")
        assert show(env, "MainPID") != before, "restart: the same process"
        env.wait_armed()
        admitted(env, 3, "after systemctl restart")
        check_kill(env)
        check_watchdog(env)
        before = show(env, "MainPID")
        apt(env, "install", new)
        active(env, "after the upgrade")
        assert show(env, "MainPID") != before, \
            "upgrade: expected a running unit to be restarted"
        env.wait_armed()
        admitted(env, 3, "after the upgrade")
        echo_through(held, "a connection through restart, crash and upgrade")
        systemctl(env, "stop")
        connect_often(env, "after systemctl stop", 3)
        assert "xdp" in env.guest.shell("ip link show eth0"), \
            "after systemctl stop: expected XDP to stay (on-exit = keep)"
        env.synkeeper("down")
        assert "xdp" not in env.guest.shell("ip link show eth0"), \
            "after synkeeper down: expected no XDP program"
        connect_often(env, "after synkeeper down", 3)
        systemctl(env, "start")
        env.wait_armed()
        apt(env, "purge", "synkeeper")
        left = traces(env)
        assert not left, f"after purge: expected nothing, got\n{left}"
        connect_often(env, "after purge", 3)
        echo_through(held, "the same connection, after the purge")


@vm_test("6.12", init=SYSTEMD, timeout=1200, only_by="make debcheck")
def test_life_6_12(env):
    run_package(env)
