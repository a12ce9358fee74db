# SPDX-License-Identifier: GPL-2.0-only
"""A guest with another kernel, and real clients of its servers outside.

Theory of operation: what a file tests/vm/test_*.py is made of:

	@vm_test("6.1", queues=2, cpus=2)
	def test_curl(env):
		env.nginx()
		env.synkeeperd()
		env.curl("/1k")

makes for each test a network namespace of its own with a tap in it, and boots
a guest (guest.py) whose virtio-net device is the tap's other end:

	192.0.2.1, 2001:db8::1  tap0 ------ eth0  192.0.2.2, 2001:db8::2
	env.client: curl, floods            env.guest: nginx, synkeeperd

only_by="make vmcheck" keeps a test out of `make check`, which says so.
Namespace and directory are named and removed as those of netenv.py are.
"""
import functools
import json
import os
import signal
import tempfile

import netenv
from guest import KERNELS, TEST_INIT, Guest, Nic
from namespace import Namespace, run, wait_for
from slack import FACTOR

OUTPUT = "/checkout/.output"
CONTROL = "/run/synkeeper/control"
TIMEOUT = 600
ARM_S = 60


def vm_test(kernel, *, timeout=TIMEOUT, only_by="", **options):
    """@options: of VmEnv."""
    assert kernel in KERNELS

    def mark(f):
        f.net_test_timeout = timeout
        f.net_test_only_by = only_by
        f.net_test_env = functools.partial(VmEnv, kernel, **options)
        return f
    return mark


class VmEnv:
    def __init__(self, kernel, queues=1, cpus=1, memory=1024, init=TEST_INIT):
        self.name = f"{netenv.PREFIX}{os.getpid()}-1"
        self.dir = os.path.join(tempfile.gettempdir(), self.name)
        self.client = Namespace(f"{self.name}-client", "tap0", self.dir,
                                "192.0.2.1", "2001:db8::1",
                                "02:00:00:00:00:01")
        self.queues = queues
        self.ip4, self.ip6 = "192.0.2.2", "2001:db8::2"
        self.mac = "02:00:00:00:00:02"
        nic = Nic(self.client.iface, self.mac, queues)
        self.guest = Guest(kernel, f"{self.dir}/guest", memory, cpus, [nic],
                           self.client.name, init)

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: exit(128 + signal.SIGTERM))
        try:
            netenv.remove_stale()
            os.mkdir(self.dir)
            self._make_tap()
            self.guest.open()
            self._configure_guest()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.guest.close()
        self.client.stop_all()
        netenv.remove(self.name)

    def _make_tap(self):
        ns = self.client
        run(["ip", "netns", "add", ns.name])
        ns.sysctl("net.ipv6.conf.default.accept_dad", 0)
        ns.ip("tuntap", "add", ns.iface, "mode", "tap", "vnet_hdr",
              *(["multi_queue"] if self.queues > 1 else []))
        ns.ip("link", "set", ns.iface, "address", ns.mac)
        ns.ip("addr", "add", f"{ns.ip4}/24", "dev", ns.iface)
        ns.ip("addr", "add", f"{ns.ip6}/64", "dev", ns.iface, "nodad")
        ns.ip("link", "set", "lo", "up")
        ns.ip("link", "set", ns.iface, "up")

    def _configure_guest(self):
        self.guest.shell(
            f"sysctl -q -w net.ipv6.conf.eth0.accept_dad=0; "
            f"ip addr add {self.ip4}/24 dev eth0; "
            f"ip addr add {self.ip6}/64 dev eth0 nodad; "
            f"ip link set eth0 up; "
            f"ip route add default via {self.client.ip4}; "
            f"ip -6 route add default via {self.client.ip6}")
        self.client.run(["ping", "-c1", "-W5", self.ip4], timeout=10)
