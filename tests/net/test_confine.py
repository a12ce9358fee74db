# SPDX-License-Identifier: GPL-2.0-only
"""What a running daemon has given up, without systemd or a container around it.

Theory of operation: /proc shows it. That the daemon can still do its work is
shown by all other tests, and by one here for the rare cases.
"""
import re

from namespace import wait_for
from netenv import OUTPUT
from nettest import net_test


def proc(daemon, name):
    with open(f"/proc/{daemon.pid}/{name}", encoding="ascii") as f:
        return f.read()


@net_test
def test_daemon_could_run_programs(env):
    """unit/confine shows which calls the filter refuses."""
    status = proc(env.synkeeperd(), "status")
    for name, want in (("Seccomp", "2"), ("NoNewPrivs", "1")):
        got = re.search(rf"^{name}:\s*(\d+)$", status, re.M)
        assert got and got[1] == want, \
            f"{name}: expected {want}, got {got and got[1]}"


@net_test
def test_core_dump_would_hold_the_keys(env):
    limits = proc(env.synkeeperd(), "limits")
    got = re.search(r"^Max core file size\s+(\d+)\s+(\d+)", limits, re.M)
    assert got and got.groups() == ("0", "0"), \
        f"core file size: expected 0 and 0, got {got and got.groups()}"


@net_test
def test_all_work_is_done_without(env):
    """Keys, services, a reload, another start, the end: none needs more."""
    env.nginx()
    conf = f"{env.dir}/s.conf"
    with open(conf, "w", encoding="utf-8") as f:
        f.write("[keys]\nlifetime = 30s\n")
    for _ in range(2):
        daemon = env.synkeeperd("-c", conf)
        env.fetch()
        env.synkeeper("key", "rotate")
        env.synkeeper("service", "add", "*:81")
        env.synkeeper("reload")
        env.fetch()
        assert daemon.stop() == 0, f"the daemon failed: {daemon.output()}"
    env.synkeeperd("-c", conf)
    out = env.synkeeper("down").stdout
    assert "everything removed" in out, f"down: got {out}"


# As systemd does for RestrictSUIDSGID=yes: openat2(2) is not implemented.
LIKE_THE_UNIT = """
import ctypes, os, struct, sys
ALLOW, ENOSYS = 0x7fff0000, 0x00050000 | 38
code = b"".join(struct.pack("HBBI", *line) for line in (
    (0x20, 0, 0, 0), (0x15, 0, 1, 437), (0x06, 0, 0, ENOSYS),
    (0x06, 0, 0, ALLOW)))
kept = ctypes.create_string_buffer(code)
program = struct.pack("HxxxxxxP", 4, ctypes.addressof(kept))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program):
    sys.exit("prctl: " + os.strerror(ctypes.get_errno()))
os.execv(sys.argv[1], sys.argv[1:])
"""


@net_test
def test_unit_that_restricts_suid_kept_it_from_starting(env):
    env.nginx()
    daemon = env.server.start(
        ["/usr/bin/python3", "-c", LIKE_THE_UNIT, f"{OUTPUT}/synkeeperd",
         "-i", env.server.iface, "-s", "*:80", "--pin-dir", env.pin_dir,
         "--control", env.control], name="synkeeperd")
    wait_for(lambda: "ready" in daemon.output() or daemon.check_alive(), 20,
             f"the daemon to be ready: {daemon.output()}")
    env.fetch()
