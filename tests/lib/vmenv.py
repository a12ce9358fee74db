# SPDX-License-Identifier: GPL-2.0-only
"""A guest with another kernel, and real clients of its servers outside.

Theory of operation: a file tests/vm/test_*.py consists of tests like

	@vm_test("6.1", queues=2, cpus=2)
	def test_curl(env):
		env.nginx()
		env.synkeeperd()
		env.curl("/1k")

each of which gets a network namespace of its own, with a tap in it, and a guest
(guest.py) whose virtio-net device is the tap's other end:

	192.0.2.1, 2001:db8::1  tap0 ------ eth0  192.0.2.2, 2001:db8::2
	env.client: curl, floods            env.guest: nginx, synkeeperd

only_by="make vmcheck" keeps a test out of `make check`, which says so.
Namespace and directory are named and removed like those of netenv.py.
"""
import filecmp
import functools
import json
import os
import signal
import tempfile
import types

import netenv
from guest import KERNELS, TEST_INIT, Guest, Nic
from namespace import Namespace, run, wait_for

TIMEOUT = 600
FILES = {"1k": 1 << 10, "4m": 4 << 20}  # what nginx serves
ECHO_PORT = 81
SERVICES = ("*:80", "*:81")

WRITE_FILES = """
import json, os, sys
sys.path.insert(0, "/checkout/tests/lib")
import netenv
os.makedirs("/tmp/www", exist_ok=True)
for name, size in json.loads(sys.argv[1]).items():
    netenv.write_pattern(f"/tmp/www/{name}", size)
open("/tmp/nginx.conf", "w").write(sys.argv[2])
"""


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
        self.server = types.SimpleNamespace(
            ip4="192.0.2.2", ip6="2001:db8::2", mac="02:00:00:00:00:02")
        self.bin = "/checkout/.output"
        nic = Nic(self.client.iface, self.server.mac, queues)
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
            f"modprobe -a virtio_net; sysctl -q -w net.ipv6.conf.eth0.accept_dad=0; "
            f"ip addr add {self.server.ip4}/24 dev eth0; "
            f"ip addr add {self.server.ip6}/64 dev eth0 nodad; "
            f"ip link set eth0 up; "
            f"ip route add default via {self.client.ip4}; "
            f"ip -6 route add default via {self.client.ip6}")

    # -- what runs in the guest

    def start(self, name, cmd):
        """In the background, with its output in /tmp/NAME.log. Its pid."""
        script = 'setsid "$@" >"$0" 2>&1 </dev/null & echo $!'
        return int(self.guest.run(["sh", "-c", script, f"/tmp/{name}.log",
                                   *cmd]).stdout)

    def log(self, name):
        return self.guest.run(["cat", f"/tmp/{name}.log"]).stdout

    def wait_listening(self, port):
        wait_for(lambda: self.guest.run(
            ["ss", "-Hltn", f"sport = :{port}"]).stdout, 10,
            f"a listener on port {port} in the guest")

    def nginx(self):
        """On both families: see FILES and fetch()."""
        os.makedirs(f"{self.dir}/www", exist_ok=True)
        for name, size in FILES.items():
            netenv.write_pattern(f"{self.dir}/www/{name}", size)
        conf = netenv.NGINX_CONF.format(
            dir="/tmp", extra="", keepalive=65,
            listen="listen 80; listen [::]:80;")
        self.guest.run(["python3", "-c", WRITE_FILES, json.dumps(FILES), conf])
        self.start("nginx", ["nginx", "-p", "/tmp", "-c", "/tmp/nginx.conf"])
        self.wait_listening(80)

    def echo(self):
        """An echo server. It is both writer and reader of its own pipe, and
        must not write more than fits: PIPE_BUF."""
        self.start("echo", ["socat", "-b4096", f"TCP6-LISTEN:{ECHO_PORT},fork,"
                            "reuseaddr,ipv6only=0", "PIPE"])
        self.wait_listening(ECHO_PORT)

    def synkeeperd(self, *args, services=SERVICES):
        """Starts the daemon and waits until all services are armed. Its
        pid."""
        self.guest.shell("printf '[sessions]\nmax = 4096\n' >/tmp/conf")
        cmd = [f"{self.bin}/synkeeperd", "-i", "eth0", "-c", "/tmp/conf"]
        for service in services:
            cmd += ["-s", service]
        pid = self.start("synkeeperd", [*cmd, *args])
        self.wait_armed(lambda: self._must_live(pid))
        return pid

    def _must_live(self, pid):
        if self.guest.run(["test", "-e", f"/proc/{pid}"], check=False) \
                .returncode:
            log = self.log("synkeeperd")
            raise AssertionError(f"synkeeperd ended:\n{log}")

    def wait_armed(self, alive=lambda: None):
        def armed():
            alive()
            p = self.synkeeper("-j", "service", "list", check=False)
            return p.returncode == 0 and all(
                s["armed"] for s in json.loads(p.stdout)["services"])
        wait_for(armed, 40, "armed services in the guest")

    def synkeeper(self, *args, check=True):
        return self.guest.run([f"{self.bin}/synkeeper", *args], check)

    def json(self, *args):
        return json.loads(self.synkeeper("-j", *args).stdout)

    def count(self, reason):
        return self.json("stats")["total"].get(reason, 0)

    # -- what clients do

    def url(self, name, v6=False):
        address = f"[{self.server.ip6}]" if v6 else self.server.ip4
        return f"http://{address}/{name}"

    def fetch(self, name, v6=False):
        """curl fetches a file from nginx(); every byte must be right."""
        copy = f"{self.dir}/fetched"
        self.client.run(["curl", "-sSgf", "-m", 60, "-o", copy,
                         self.url(name, v6)], timeout=60)
        assert filecmp.cmp(copy, f"{self.dir}/www/{name}", shallow=False), \
            f"/{name}: wrong bytes"
