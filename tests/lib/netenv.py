# SPDX-License-Identifier: GPL-2.0-only
"""A client and a server in their own network namespaces, for tests and demo.

Theory of operation: `with Env() as env:` creates two namespaces joined by a
veth pair; env.client and env.server run commands in them (see Namespace), and
env.nginx(), env.synkeeperd() and env.flood() start what a test needs.

	192.0.2.1, 2001:db8::1  client0 ------ server0  192.0.2.2, 2001:db8::2

Everything that outlives a process is named synkeeper-test-PID-N...: namespaces,
directories in /tmp and in bpffs. Leaving the `with` removes it, whatever the
cause: an exception, Ctrl-C, SIGTERM, interpreter exit. Leftovers of a killed
run are found by name and removed when the next one starts.

The client's veth runs the program `client` of tests/bench/flood.bpf.c: floods
need it because a veth transmits from XDP only to a peer that has a program.
Packets from the kernel keep partial checksums, as on any veth.
"""
import atexit
import filecmp
import itertools
import json
import os
import random
import re
import shutil
import signal
import tempfile

import nettest
from namespace import Namespace, kill_all_in, run, wait_for
from slack import slack

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
OUTPUT = os.path.join(ROOT, ".output")
RUN = 192  # packets of a flood at once: a veth's ring holds 256
BPFFS = "/sys/fs/bpf"
PREFIX = "synkeeper-test-"
FLOOD_OBJECT = os.path.join(OUTPUT, "flood.bpf.o")
WWW = os.path.join(OUTPUT, "www")  # what nginx serves: written once
CLIENT_SEEN = ("client_synack", "spoofed_synack", "spoofed_rst",
               "spoofed_other", "spoofed_bytes")  # enum client_seen_key

NGINX_CONF = """
daemon off;
user root;
worker_processes 1;
pid {dir}/nginx.pid;
error_log stderr;
events {{ worker_connections 20000; }}
http {{
	access_log off;
	sendfile on;
	keepalive_timeout {keepalive};
	keepalive_requests 1000000;
	server {{
		{listen}
		root {dir}/www;
		{extra}
	}}
}}
"""

_live = set()
_numbers = itertools.count(1)


def remove(name):
    """Removes everything that an Env of that name created and that exists."""
    for role in ("client", "server", "server-spare", "container"):
        if os.path.exists(f"/run/netns/{name}-{role}"):
            kill_all_in(f"{name}-{role}")
            run(["ip", "netns", "del", f"{name}-{role}"], check=False)
    unmount_below(os.path.join(tempfile.gettempdir(), name))
    for path in (f"{BPFFS}/{name}", f"{BPFFS}/{name}-bed",
                 os.path.join(tempfile.gettempdir(), name)):
        shutil.rmtree(path, ignore_errors=True)


def unmount_below(folder):
    """Unmounts what a killed test has left mounted there (container.py)."""
    with open("/proc/self/mounts", encoding="utf-8") as f:
        places = [line.split()[1] for line in f]
    for place in reversed(places):
        if place.startswith(f"{folder}/"):
            run(["umount", "-l", place], check=False)


def remove_stale():
    """Removes the leftovers of runs whose process is gone."""
    names = set()
    for place in ("/run/netns", BPFFS, tempfile.gettempdir()):
        for entry in os.listdir(place) if os.path.isdir(place) else ():
            m = re.match(PREFIX + r"(\d+)-\d+", entry)
            if m and not os.path.exists(f"/proc/{m.group(1)}"):
                names.add(m.group(0))
    for name in names:
        remove(name)


def _on_signal(number, _frame):
    raise SystemExit(128 + number)


@atexit.register
def _close_all():
    for env in list(_live):
        env.close()


class Env:
    def __init__(self, name=None):
        self.name = name or f"{PREFIX}{os.getpid()}-{next(_numbers)}"
        self.dir = os.path.join(tempfile.gettempdir(), self.name)
        self.pin_dir = f"{BPFFS}/{self.name}"  # the daemon's
        self.bed_dir = f"{BPFFS}/{self.name}-bed"  # flood.bpf.c's
        self.control = f"{self.dir}/control"
        self.client = Namespace(f"{self.name}-client", "client0", self.dir,
                                "192.0.2.1", "2001:db8::1",
                                "02:00:00:00:00:01")
        self.server = Namespace(f"{self.name}-server", "server0", self.dir,
                                "192.0.2.2", "2001:db8::2",
                                "02:00:00:00:00:02")
        self.host = self.server  # where the daemon runs, see splicebed.py

    def __enter__(self):
        _live.add(self)
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, _on_signal)
        try:
            remove_stale()
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _open(self):
        if not os.path.ismount(BPFFS):
            run(["mount", "-t", "bpf", "bpf", BPFFS])
        os.mkdir(self.dir)
        for ns in (self.client, self.server):
            run(["ip", "netns", "add", ns.name])
            ns.run(["sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0",
                    "net.ipv6.conf.default.router_solicitations=0"])
        # one queue, so that good packets queue behind a flood's
        queues = ["numtxqueues", "1", "numrxqueues", "1"]
        run(["ip", "-n", self.client.name, "link", "add", "client0", *queues,
             "type", "veth", "peer", "server0", *queues, "netns",
             self.server.name])
        for ns in (self.client, self.server):
            ns.run(["ip", "-batch", "-"], input=f"""
                link set {ns.iface} address {ns.mac}
                addr add {ns.ip4}/24 dev {ns.iface}
                addr add {ns.ip6}/64 dev {ns.iface} nodad
                link set lo up
                link set {ns.iface} up
            """)
        # replies to spoofed sources need a route
        self.server.run(["ip", "-batch", "-"], input=f"""
            route add default via {self.client.ip4}
            route add ::/0 via {self.client.ip6}
        """)
        os.mkdir(self.bed_dir, 0o700)
        run(["bpftool", "prog", "loadall", FLOOD_OBJECT, self.bed_dir,
             "pinmaps", f"{self.bed_dir}/maps"])
        self.xdp(self.client, "client")

    def close(self):
        """Stops and removes everything; signals do not interrupt it."""
        if self not in _live:
            return
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(n, signal.SIG_IGN) for n in numbers]
        try:
            for ns in {self.client, self.server, self.host}:
                ns.stop_all()
            remove(self.name)
            _live.discard(self)
        finally:
            for number, handler in zip(numbers, before):
                signal.signal(number, handler)

    # -- what runs on the server

    def nginx(self, port=80, keepalive=True, backlog=511, extra="", cpu=None):
        """Starts nginx on both families: /1k, /10m, /100m; see fetch()."""
        if not os.path.lexists(f"{self.dir}/www"):
            os.makedirs(WWW, exist_ok=True)
            for name, size in (("1k", 1 << 10), ("10m", 10 << 20),
                               ("100m", 100 << 20)):
                write_pattern(f"{WWW}/{name}", size)
            os.symlink(WWW, f"{self.dir}/www")
        conf = f"{self.dir}/nginx-{port}.conf"
        with open(conf, "w", encoding="utf-8") as f:
            f.write(NGINX_CONF.format(
                dir=self.dir, extra=extra, keepalive=65 if keepalive else 0,
                listen=f"listen {port} backlog={backlog}; "
                       f"listen [::]:{port} backlog={backlog};"))
        pin = [] if cpu is None else ["taskset", "-c", str(cpu)]
        p = self.server.start([*pin, "/usr/sbin/nginx", "-p", self.dir, "-c",
                               conf], name=f"nginx-{port}")
        self.server.wait_listening(port, p)
        return p

    def fetch(self, name="1k", port=80, v6=False, timeout=30):
        """The client fetches a file from nginx(); every byte must be right."""
        address = f"[{self.server.ip6}]" if v6 else self.server.ip4
        copy = f"{self.dir}/fetched-{next(_numbers)}"
        self.client.run(["curl", "-sSgf", "-m", slack(timeout), "-o", copy,
                         f"http://{address}:{port}/{name}"],
                        timeout=timeout + 5)
        if not filecmp.cmp(copy, f"{self.dir}/www/{name}", shallow=False):
            raise AssertionError(f"/{name}: wrong bytes")
        os.unlink(copy)

    def configure(self, text):
        """Writes a configuration file for the daemon; its path."""
        path = f"{self.dir}/synkeeper.conf"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def synkeeperd(self, *args, services=("*:80",), wait=True, binary=None,
                   wrap=(), any_mode=False):
        """Starts the daemon on server0, in the mode of nettest.mode(), or as
        its configuration says if @any_mode; waits until it answers `status`.
        @wrap: a command that runs the daemon's."""
        cmd = [*wrap, binary or f"{OUTPUT}/synkeeperd",
               "-i", self.host.iface,
               "--pin-dir", self.pin_dir, "--control", self.control]
        if not any_mode:  # on a veth, its own choice is skb
            cmd += ["-m", nettest.mode()]
        for service in services:
            cmd += ["-s", service]
        p = self.host.start([*cmd, *args], name="synkeeperd")

        def answers():
            p.check_alive()
            return os.path.exists(self.control) and \
                self.answers()

        if wait:
            wait_for(answers, 10, "synkeeperd to answer `synkeeper status`")
        return p

    def synkeeper_command(self):
        return [f"{OUTPUT}/synkeeper", "--control", self.control,
                "--pin-dir", self.pin_dir]

    def synkeeper(self, *args, check=True, timeout=30):
        """Runs the command on the server. A CompletedProcess."""
        return self.host.run([*self.synkeeper_command(), *args],
                               check=check, timeout=timeout)

    def json(self, *args):
        """The parsed output of `synkeeper -j ARGS`. `status` prints it even
        when it fails because something is not protected."""
        p = self.synkeeper("-j", *args, check=args != ("status",))
        if not p.stdout:
            raise AssertionError(f"synkeeper -j {' '.join(args)}: exit code "
                                 f"{p.returncode}: {p.stderr}")
        return json.loads(p.stdout)

    def answers(self):
        """Does a daemon answer `status`, whatever it reports?"""
        return bool(self.synkeeper("-j", "status", check=False).stdout)

    # -- the test bed's own programs

    def xdp(self, ns, program):
        """Attaches a program of flood.bpf.c to a veth; None detaches it."""
        if program is None:
            ns.run(["bpftool", "net", "detach", "xdpdrv", "dev", ns.iface])
        else:
            ns.run(["bpftool", "net", "attach", "xdpdrv", "pinned",
                    f"{self.bed_dir}/{program}", "dev", ns.iface,
                    "overwrite"])

    def neighbour(self, ip, mac=None):
        """The server knows @ip at @mac, by default the client's. Otherwise it
        has to ask first, and its kernel answers the first SYN."""
        self.host.ip("neigh", "replace", ip, "lladdr", mac or self.client.mac,
                       "dev", self.host.iface, "nud", "permanent")

    def client_seen(self):
        """How many of the server's answers reached the client's veth, by
        kind."""
        out = run(["bpftool", "-j", "map", "dump", "pinned",
                   f"{self.bed_dir}/maps/client_seen"]).stdout
        totals = [sum(int.from_bytes(bytes(int(b, 16) for b in v["value"]),
                                     "little") for v in entry["values"])
                  for entry in json.loads(out)]
        return dict(zip(CLIENT_SEEN, totals))

    def flood_command(self, port=80, v6=False, to=None):
        if nettest.mode() == "skb":
            # a veth receives frames from XDP only in NAPI
            self.host.run(["ethtool", "-K", self.host.iface, "gro", "on"])
        to = to or self.server
        address = f"[{to.ip6}]" if v6 else to.ip4
        return [f"{OUTPUT}/tests/flood", "--iface", self.client.iface,
                "--dst", f"{address}:{port}", "--dst-mac", self.host.mac,
                "--src-mac", self.client.mac]

    def flood(self, kind="syn", seconds=5, port=80, v6=False, src=None,
              rate=None, cpu=0, count=None, run=RUN, to=None):
        """Starts a flood from the client's veth; stop() it or wait for its
        end, then see last_json(): {"kind" "sent" "bytes" "seconds" "pps"}.
        @count: ends it after that many packets at the latest. @run: the batch
        size at full rate; None: whatever is fastest. @to: a namespace that the
        server routes to, instead of itself."""
        cmd = [*self.flood_command(port, v6, to), "--kind", kind,
               "--seconds", seconds, "--cpu", cpu]
        if src:
            cmd += ["--src", src]
        if rate:
            cmd += ["--rate", rate]
        if count:
            cmd += ["--count", count]
        if run and not rate:
            cmd += ["--run", run]
        return self.client.start(cmd, name=f"flood-{kind}")

    # -- what must not change

    def snapshot(self):
        """The server's sysctls, rules and conntrack entries. Compare two with
        `==`, or diff(), to see whether anything was changed."""
        return snapshot(self.server)


# These change from one snapshot to the next by themselves.
VOLATILE = re.compile(r"nf_conntrack_count|fastopen_key|stable_secret"
                      r"|\.random_|mptcp\.stats")


def last_json(process):
    """The last line of a process's output, parsed."""
    return json.loads(process.output().splitlines()[-1])


def snapshot(ns):
    # first, as it may load a module that has sysctls of its own
    conntrack = ns.run(["conntrack", "-L"], check=False).stdout
    lines = ns.run(["sysctl", "-a", "--pattern", r"^net\."]).stdout
    shot = {"sysctl " + key: value for key, value in
            (line.split(" =", 1) for line in lines.splitlines() if " =" in line)
            if not VOLATILE.search(key)}
    shot["nft"] = ns.run(["nft", "list", "ruleset"]).stdout
    shot["conntrack"] = conntrack
    shot["qdisc"] = ns.run(["tc", "qdisc"]).stdout
    return shot


def diff(before, after):
    """The keys of two snapshots that differ, with both values."""
    return {k: (before.get(k), after.get(k))
            for k in sorted(before.keys() | after.keys())
            if before.get(k) != after.get(k)}


def write_pattern(path, size):
    """A file whose every megabyte differs, so that mix-ups are noticed."""
    if os.path.exists(path):
        return
    block = random.Random(size).randbytes(1 << 20)
    part = f"{path}.{os.getpid()}"
    with open(part, "wb") as f:
        for i in range(0, size, 1 << 20):
            f.write((i.to_bytes(8, "big") + block[8:])[:size - i])
    os.rename(part, path)  # atomic: another run may be writing it
