# SPDX-License-Identifier: GPL-2.0-only
"""What Synkeeper has attached, pinned and stored in maps.

Theory of operation: asks the kernel itself, not the daemon: ip(8) for XDP, the
BPF system call for tcx (bpftool 7.1 does not show it), bpffs for pins.
nothing_left() must hold after a failed start and after `down`.
"""
import ctypes
import errno
import json
import os
import platform
import re

from backend import OWN_COOKIES
from namespace import run
from netenv import ROOT
from reasons import REASONS

BPF_PROG_QUERY = 16
BPF_TCX_INGRESS, BPF_TCX_EGRESS = 46, 47
INGRESS_PROGRAMS = int(OWN_COOKIES)  # kernel cookies need none
SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]


class QueryAttr(ctypes.Structure):
    """The part of union bpf_attr that BPF_PROG_QUERY reads."""
    _fields_ = [("ifindex", ctypes.c_uint32),
                ("attach_type", ctypes.c_uint32),
                ("query_flags", ctypes.c_uint32),
                ("attach_flags", ctypes.c_uint32),
                ("prog_ids", ctypes.c_uint64),
                ("count", ctypes.c_uint32),
                ("pad", ctypes.c_uint32 * 9)]


def ifindex(ns, iface=None):
    return json.loads(ns.ip("-j", "link", "show", iface or ns.iface))[0][
        "ifindex"]


def tcx(ns, iface=None, way=BPF_TCX_INGRESS):
    """The number of programs at tc ingress or egress: at tcx, or as filters
    where the kernel lacks it (before Linux 6.6)."""
    attr = QueryAttr(ifindex=ifindex(ns, iface), attach_type=way)
    libc = ctypes.CDLL(None, use_errno=True)
    with ns.inside():
        if libc.syscall(SYS_BPF, BPF_PROG_QUERY, ctypes.byref(attr),
                        ctypes.c_uint(ctypes.sizeof(attr))):
            error = ctypes.get_errno()
            if error == errno.EINVAL:
                return filters(ns, iface, way)
            raise OSError(error, f"BPF_PROG_QUERY: {os.strerror(error)}")
    return attr.count


def filters(ns, iface, way):
    """...on the clsact qdisc."""
    where = "ingress" if way == BPF_TCX_INGRESS else "egress"
    out = ns.run(["tc", "-j", "filter", "show", "dev", iface or ns.iface,
                  where]).stdout
    return sum("options" in f for f in json.loads(out or "[]"))


def xdp(ns, iface=None):
    """(program's name, "native" or "skb"), or None."""
    link = json.loads(ns.ip("-j", "-d", "link", "show", iface or ns.iface))[0]
    if "xdp" not in link:
        return None
    mode = {1: "native", 2: "skb"}.get(link["xdp"]["mode"], "?")
    name = link["xdp"]["prog"].get("name", "?")
    return name.removesuffix("_f"), mode  # the variant for fragments


def xdp_id(ns, iface=None):
    link = json.loads(ns.ip("-j", "-d", "link", "show", iface or ns.iface))[0]
    return link["xdp"]["prog"]["id"] if "xdp" in link else 0


def pins(env):
    """What is pinned below the daemon's pin directory, as relative paths."""
    found = []
    for place, _, names in os.walk(env.pin_dir):
        found += [os.path.relpath(os.path.join(place, n), env.pin_dir)
                  for n in names]
    return sorted(found)


def nothing_left(env, when, ifaces=(None,)):
    """No program on the server's interfaces, no pin, no control socket."""
    for iface in ifaces:
        name = iface or env.server.iface
        got = xdp(env.server, iface)
        assert not got, f"{when}: {name} still has an XDP program: {got}"
        for way in (BPF_TCX_INGRESS, BPF_TCX_EGRESS):
            got = tcx(env.server, iface, way)
            assert not got, f"{when}: {name} still has {got} tcx programs"
    assert not os.path.exists(env.pin_dir), \
        f"{when}: {env.pin_dir} still exists, with {pins(env)}"
    assert not os.path.exists(env.control), \
        f"{when}: the control socket {env.control} still exists"


def map_value(env, name, *key):
    """One value of a pinned map, as bpftool prints it with BTF. `key` is a
    number, or the bytes of the key."""
    key = key if len(key) > 1 else [b for b in key[0].to_bytes(4, "little")]
    out = run(["bpftool", "-j", "map", "lookup", "pinned",
               f"{env.pin_dir}/maps/{name}", "key", *map(str, key)]).stdout
    entry = json.loads(out)
    return entry.get("formatted", entry).get("value")


def iface_mac(env, iface):
    """The MAC of an interface in the programs' map."""
    index = ifindex(env.server, iface)
    value = map_value(env, "ifaces", index % 256)
    assert value["ifindex"] == index, f"{iface} is {index}, its slot {value}"
    return ":".join(f"{byte:02x}" for byte in value["mac"])


def add_pair(env, name="server1", net="198.18.0", index=None, peer=None):
    """A second veth pair; the client's end is called client1. Its server has
    the address NET.2. The client's end has an XDP program that passes."""
    more = ["index", str(index)] if index else []
    peer = peer or name.replace("server", "client")
    run(["ip", "-n", env.server.name, "link", "add", name, *more, "type",
         "veth", "peer", peer, "netns", env.client.name])
    for ns, iface, host in ((env.client, peer, 1), (env.server, name, 2)):
        ns.ip("addr", "add", f"{net}.{host}/24", "dev", iface)
        ns.ip("link", "set", iface, "up")
    env.client.run(["bpftool", "net", "attach", "xdpdrv", "pinned",
                    f"{env.bed_dir}/pass", "dev", peer])
    return f"{net}.2"


def has_setting(env, name):
    """Is SETTING_@name of abi.h on?"""
    with open(f"{ROOT}/include/synkeeper/abi.h", encoding="utf-8") as f:
        bit = re.search(rf"\bSETTING_{name} = 1 << (\d+),", f.read())[1]
    return map_value(env, "settings", 0)["flags"] >> int(bit) & 1


def map_cpus(env, name, key):
    """The counters at `key`, a list of packets by reason for each CPU."""
    value = ["key", *map(str, key.to_bytes(4, "little"))]
    out = run(["bpftool", "-j", "map", "lookup", "pinned",
               f"{env.pin_dir}/maps/{name}", *value]).stdout
    values = json.loads(out)
    return [cpu["value"]["packets"] if isinstance(cpu["value"], dict) else
            numbers(cpu["value"]) for cpu in
            values.get("formatted", values)["values"]]


def numbers(raw):
    data = bytes(int(b, 16) for b in raw)
    return [int.from_bytes(data[i:i + 8], "little")
            for i in range(0, len(data), 8)]


def reason_index(name):
    """The index of its counter; 0 is none."""
    return REASONS[name].number
