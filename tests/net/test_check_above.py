# SPDX-License-Identifier: GPL-2.0-only
"""What else above XDP may refuse clients: IPsec, reverse path, BPF programs."""
import ctypes
import json
import os
import platform
import shutil
import struct

from nettest import net_test, skip


def other(env, what):
    """The findings of that name."""
    p = env.server.run([*env.synkeeper_command(), "-j", "check", "server0"],
                       check=False)
    return [f for f in json.loads(p.stdout)["findings"] if f["what"] == what]


@net_test
def test_ipsec_and_reverse_path(env):
    env.nginx()
    assert other(env, "IPsec")[0]["state"] == "ok", other(env, "IPsec")
    for policy, state in (
            (f"dir in src {env.client.ip4}/32 proto tcp dport 80 action block",
             "warn"),
            ("dir in src 192.0.2.0/24 proto tcp dport 81 action block", "ok"),
            ("dir out dst 192.0.2.0/24 proto tcp action block", "ok"),
            ("dir in src 192.0.2.0/24 proto udp action block", "ok"),
            ("dir in src 192.0.2.0/24 tmpl proto esp mode transport",
             "warn")):
        env.server.run(["ip", "xfrm", "policy", "add", *policy.split()])
        found = other(env, "IPsec")
        assert [f["state"] for f in found] == [state], (policy, found)
        env.server.run(["ip", "xfrm", "policy", "flush"])
    env.server.sysctl("net.ipv4.conf.server0.rp_filter", 1)
    assert "strict" in other(env, "rp_filter")[0]["found"]
    env.server.sysctl("net.ipv4.conf.server0.rp_filter", 0)
    env.server.sysctl("net.ipv4.conf.all.rp_filter", 0)
    assert "not strict" in other(env, "rp_filter")[0]["found"]


@net_test
def test_programs_that_choose_listeners(env):
    """An sk_lookup program of the namespace."""
    prog = f"{env.dir}/lookup.o"
    source = """
struct bpf_sk_lookup;
__attribute__((section("sk_lookup"), used))
int pass(struct bpf_sk_lookup *c) { return 1; }
char l[] __attribute__((section("license"), used)) = "GPL";
"""
    if not shutil.which("clang"):
        skip("no clang")
    env.server.run(["clang", "-O2", "-g", "-target", "bpf", "-x", "c", "-c",
                    "-o", prog, "-"], input=source)
    pin = f"/sys/fs/bpf/synkeeper-test-{os.getpid()}-lookup"
    env.server.run(["bpftool", "prog", "load", prog, pin])
    try:
        assert other(env, "socket lookup")[0]["state"] == "ok"
        link = attach_lookup(env, pin)
        found = other(env, "socket lookup")
        assert found[0]["state"] == "warn" and found[0]["fix"], found
        os.close(link)
    finally:
        os.unlink(pin)


BPF_OBJ_GET, BPF_LINK_CREATE, BPF_SK_LOOKUP = 7, 28, 36


def attach_lookup(env, pin):
    """bpf_link of the program at @pin to the server's namespace."""
    name = ctypes.create_string_buffer(pin.encode())
    prog = bpf(BPF_OBJ_GET, struct.pack("=QII", ctypes.addressof(name), 0, 0))
    with env.server.inside():
        ns = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        return bpf(BPF_LINK_CREATE, struct.pack("=IIII", prog, ns,
                                                BPF_SK_LOOKUP, 0))
    finally:
        os.close(ns)
        os.close(prog)


def bpf(command, attr):
    number = {"x86_64": 321, "aarch64": 280}[platform.machine()]
    libc = ctypes.CDLL(None, use_errno=True)
    buf = ctypes.create_string_buffer(attr + bytes(64))
    fd = libc.syscall(number, command, buf, ctypes.c_uint(len(buf) - 1))
    assert fd >= 0, os.strerror(ctypes.get_errno())
    return fd
