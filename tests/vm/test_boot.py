# SPDX-License-Identifier: GPL-2.0-only
"""The Debian package on a host, from installation to removal.

Theory of operation: .output/deb/ (`make deb`) is installed in a container that
systemd boots (container.py), whose network namespace is the server's. Its
configuration moves socket and pins, so everything that has to find the daemon
must read the file: reload, upgrade, removal. The NIC is removed before the host
boots, and added afterwards.
"""
import contextlib
import glob
import json
import os
import shutil

import attached
from container import Container
from goodclients import GoodClients
from namespace import run, wait_for
from netenv import ROOT, Env
from nettest import skip
from slack import slack

UNIT = "synkeeperd"
CONF = "/etc/synkeeper.conf"
PINS = "/sys/fs/bpf/keeper"
CONTROL = "/run/synkeeper/socket"
CONFIG = f"""[daemon]
interface = server0
control = {CONTROL}
pin-dir = {PINS}
[sessions]
max = 4096
[service web]
listen = *:80
"""


def boot_test(f):
    f.net_test_timeout = slack(600)
    f.net_test_only_by = "make debcheck"
    f.net_test_env = Env
    return f


def package():
    found = glob.glob(f"{ROOT}/.output/deb/synkeeper_*_*.deb")
    if not found:
        skip("no package in .output/deb: make deb")
    return found[0]


def next_package(path, folder):
    """Makes the same with a higher version; its path."""
    run(["dpkg-deb", "-R", path, f"{folder}/deb"])
    run(["sed", "-i", "s/^Version: .*/&+next/", f"{folder}/deb/DEBIAN/control"])
    run(["dpkg-deb", "-Znone", "-b", f"{folder}/deb", f"{folder}/next.deb"])
    return f"{folder}/next.deb"


def take_nic(env):
    """Out of the server's namespace, as if it were unplugged."""
    spare = f"{env.name}-server-spare"
    run(["ip", "netns", "add", spare])
    env.server.ip("link", "set", env.server.iface, "netns", spare)
    return spare


def give_nic(env, spare):
    ns = env.server
    run(["ip", "-n", spare, "link", "set", ns.iface, "netns", ns.name])
    ns.ip("addr", "add", f"{ns.ip4}/24", "dev", ns.iface)
    ns.ip("addr", "add", f"{ns.ip6}/64", "dev", ns.iface, "nodad")
    ns.ip("link", "set", ns.iface, "up")
    ns.ip("route", "add", "default", "via", env.client.ip4)


@contextlib.contextmanager
def no_nic(env):
    spare = take_nic(env)
    try:
        yield lambda: give_nic(env, spare)
    finally:
        run(["ip", "netns", "del", spare], check=False)


class Host:
    """The package in a container."""

    def __init__(self, container):
        self.c = container

    def apt(self, *args):
        self.c.run(["apt-get", "-q", "-y", *args], timeout=200,
                   env={"DEBIAN_FRONTEND": "noninteractive"})

    def show(self, name):
        return self.c.run(["systemctl", "show", "-P", name, UNIT]) \
            .stdout.strip()

    def journal(self):
        return self.c.run(["journalctl", "-n30", "--no-pager", "-u", UNIT],
                          check=False).stdout

    def wait_active(self, when):
        try:
            wait_for(lambda: self.show("ActiveState") == "active", 20,
                     f"an active unit {when}")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.journal()}") from None

    def json(self, *args):
        """Without a flag that says where: the file does."""
        return json.loads(self.c.run(["synkeeper", "-j", *args],
                                     check=False).stdout)

    def wait_armed(self, when):
        def armed():
            services = self.json("service", "list").get("services")
            return services and all(s["armed"] for s in services)
        wait_for(armed, 20, f"armed services {when}")

    def admitted(self):
        total = self.json("stats")["total"]
        return total.get("admitted", 0) + total.get("kernel_cookie", 0)

    def protects(self, env, when):
        """A client is admitted by a cookie."""
        self.wait_armed(when)
        before = self.admitted()
        env.fetch()
        wait_for(lambda: self.admitted() > before, 10,
                 f"a client admitted by its cookie {when}")

    def left(self):
        """What a removal must not leave."""
        return self.c.shell(
            f"ls -d /sys/fs/bpf/[!mp]* {PINS} /run/synkeeper /usr/sbin/synkeeperd "
            f"/usr/share/doc/synkeeper /usr/lib/synkeeper 2>/dev/null || :; "
            f"systemctl list-unit-files -q --no-legend '{UNIT}*' || :")


def install(env, host):
    """Not enabled by itself: it protects what the operator has named."""
    shutil.copy(package(), f"{host.c.root}/root/first.deb")
    shutil.copy(next_package(package(), env.dir),
                f"{host.c.root}/root/next.deb")
    host.apt("install", "/root/first.deb")
    assert host.show("ActiveState") == "inactive", \
        "after the installation: expected a unit that is not started"
    host.c.write(CONF, CONFIG)
    host.c.run(["systemctl", "enable", UNIT])


def check_reload(host):
    host.c.write(CONF, CONFIG + "[service more]\nlisten = *:82\n")
    host.c.run(["systemctl", "reload", UNIT])
    listed = [s["listen"] for s in host.json("service", "list")["services"]]
    assert "*:82" in listed, \
        f"systemctl reload with moved paths: expected *:82, got {listed}"
    host.c.write(CONF, CONFIG + "nonsense\n")
    p = host.c.run(["systemctl", "reload", UNIT], check=False)
    assert p.returncode, "reload with a file that is wrong: expected to fail"
    assert host.show("ActiveState") == "active", "a reload that failed ended it"
    host.c.write(CONF, CONFIG)
    host.c.run(["systemctl", "reload", UNIT])


def check_removed(env, host, when):
    xdp, tcx = attached.xdp(env.server), attached.tcx(env.server)
    left = host.left()
    assert not (xdp or tcx or left), \
        f"{when}: expected nothing, got {xdp} {tcx}\n{left}"
    env.fetch()


@boot_test
def test_life_of_a_host(env):
    package()
    with Container(f"{env.dir}/host", env.server.name) as c:
        host = Host(c)
        c.boot()
        install(env, host)
        c.halt()
        env.nginx()
        with no_nic(env) as give:
            c.boot()
            host.wait_active("after a boot without the NIC")
            give()
            host.protects(env, "when the NIC has come")
        with GoodClients(env) as good:
            good.wait_more(3)
            pid = host.show("MainPID")
            host.apt("install", "/root/next.deb")
            host.wait_active("after the upgrade")
            assert host.show("MainPID") != pid, \
                "upgrade: expected the unit to be restarted"
            host.protects(env, "after the upgrade")
            check_reload(host)
            good.wait_more(3, "after the reload")
            host.apt("remove", "synkeeper")
            good.wait_more(3, "after the removal")
        check_removed(env, host, "after the removal")
        assert os.path.exists(f"{c.root}{CONF}"), "a removal took the file"
        host.apt("purge", "synkeeper")
        assert not os.path.exists(f"{c.root}{CONF}"), "a purge left the file"


@boot_test
def test_removal_while_stopped_left_the_data_path(env):
    """on-exit = keep: the programs keep working when the unit is stopped."""
    package()
    with Container(f"{env.dir}/host", env.server.name) as c:
        host = Host(c)
        c.boot()
        install(env, host)
        env.nginx()
        c.run(["systemctl", "start", UNIT])
        host.protects(env, "after the start")
        c.run(["systemctl", "stop", UNIT])
        assert attached.xdp(env.server), "expected the data path to go on"
        host.apt("remove", "synkeeper")
        check_removed(env, host, "after a removal while it was stopped")
