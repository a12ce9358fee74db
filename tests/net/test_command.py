# SPDX-License-Identifier: GPL-2.0-only
"""The command `synkeeper`: every object and verb, in text and in JSON.

Theory of operation: JSON must parse whatever happens; errors are one line on
standard error that names the object and says what to do; exit codes are 0 done,
1 failed, 2 usage; and both outputs have the same numbers.
"""
import json
import os
import re
import signal
import subprocess

import attached
from goodclients import Held, get_once
from namespace import run, wait_for
from netenv import last_json
from nettest import mode, net_test


def failed(env, code, words, *args):
    """It fails with one line that has the words, also with -j."""
    for flags in ((), ("-j",)):
        p = env.synkeeper(*flags, *args, check=False)
        told = " ".join([*flags, *args])
        lines = p.stderr.splitlines()
        assert p.returncode == code, \
            f"{told}: expected exit code {code}, got {p.returncode}: {lines}"
        assert len(lines) == 1 and lines[0].startswith("synkeeper: "), \
            f"{told}: expected one line from synkeeper, got {lines}"
        for word in words:
            assert word in lines[0], f"{told}: expected {word!r} in {lines}"
        assert not p.stdout, f"{told}: failed, and printed {p.stdout}"


def row(text, first):
    """The cells of the line that starts with `first`."""
    for line in text.splitlines():
        if line.startswith(first):
            return re.split(r"  +", line.strip())
    raise AssertionError(f"no line starts with {first!r} in:\n{text}")


def number(cell):
    return int(cell.replace(",", ""))


@net_test
def test_no_daemon(env):
    """Exit code 1, and the line says what to do."""
    for args in ((), ("status",), ("service", "list"), ("stats",),
                 ("key", "rotate"), ("service", "add", "*:81")):
        failed(env, 1, ["no daemon is listening", env.control, "synkeeperd"], *args)
    failed(env, 1, ["nothing", env.pin_dir], "down")
    failed(env, 1, [env.pin_dir], "session", "list")
    env.synkeeperd().kill()
    failed(env, 1, ["still protects", "synkeeper down"], "status")


@net_test
def test_usage(env):
    env.synkeeperd()
    for words, *args in (
            (["frobnicate", "status", "service"], "frobnicate"),
            (["ambiguous", "status", "stats"], "stat"),
            (["ambiguous", "service", "session"], "se", "list"),
            (["verb", "list", "add", "policy"], "service", "frob"),
            (["missing", "A:P", "usage"], "service", "add"),
            (["missing", "usage"], "service", "policy", "*:80"),
            (["unexpected", "extra"], "service", "del", "*:80", "extra"),
            (["--frob", "usage"], "stats", "--frob"),
            (["--service"], "stats", "--service"),
            (["--watch", "0.1"], "stats", "--watch", "0"),
            (["--limit"], "session", "list", "--limit", "0"),
            (["--limit"], "session", "list", "--limit", "x")):
        failed(env, 2, words, *args)
    p = run([*env.synkeeper_command(), "--frob"], check=False)
    assert p.returncode == 2 and "--frob" in p.stderr, \
        f"--frob: {p.returncode}: {p.stderr}"
    for args in (("-h",), ("-V",), ("service", "-h")):
        p = env.synkeeper(*args)
        assert p.stdout and not p.stderr, f"{args}: {p}"


@net_test
def test_prefixes(env):
    env.synkeeperd()
    want = env.synkeeper("service", "list").stdout
    for args in (("serv", "l"), ("service",), ("ser", "li")):
        got = env.synkeeper(*args).stdout
        assert got == want, f"{args}: expected\n{want}got\n{got}"
    text = env.synkeeper("status", check=False).stdout
    want = [line for line in text.splitlines() if line.startswith("INTERFACE")]
    got = env.synkeeper(check=False).stdout
    assert want and want[0] in got, f"no object at all: {got}"


@net_test
def test_status(env):
    """Text and JSON have the same numbers."""
    env.nginx()
    daemon = env.synkeeperd(services=("*:80", "*:81"))
    held = [Held(env) for _ in range(3)]
    status = env.json("status")
    text = env.synkeeper("status", check=False).stdout
    assert status["pid"] == daemon.pid and f"pid {daemon.pid}," in text
    got = row(text, "server0")
    assert got[:3] == ["server0", mode(), "no"], f"status: {got}"
    assert row(text, "*:80")[2:4] == ["on", "yes"], text
    assert row(text, "*:81")[2:4] == ["on", "no"], text
    sessions = status["sessions"]
    assert sessions["established"] == len(held), f"sessions: {sessions}"
    assert f"{len(held)} established" in text, text
    assert f"of {sessions['max']:,}" in text, text
    got = re.search(r"packets +([\d,]+) answered, ([\d,]+) admitted", text)
    want = [status["total"][r] for r in ("answered", "admitted")]
    assert [number(g) for g in got.groups()] == want == [3, 3], \
        f"text {got.groups()}, JSON {want}"
    assert status["health"] and status["health"][0] in text, \
        f"health {status['health']} is not in\n{text}"


@net_test
def test_service(env):
    env.nginx()
    env.nginx(81)
    env.synkeeperd()
    out = env.synkeeper("service", "add", "*:81", "--name", "more").stdout
    assert out == "*:81: policy on, armed\n", f"add: {out!r}"
    assert row(env.synkeeper("service", "list").stdout, "*:81")[1] == "more"
    failed(env, 1, ["*:81", "already", "policy"], "service", "add", "*:81")
    out = env.synkeeper("service", "policy", "*:81", "off").stdout
    assert out.startswith("*:81: policy off, not armed"), f"policy: {out!r}"
    got = env.json("service", "policy", "*:81", "on")
    assert got["policy"] == "on" and got["armed"] and got["why"] == "", got
    out = env.synkeeper("service", "del", "*:81").stdout
    assert out.startswith("*:81: deleted"), f"del: {out!r}"
    failed(env, 1, ["*:81", "is not a service", "there are *:80"], "service", "del", "*:81")
    failed(env, 1, ["*:81", "is not a service"], "service", "policy", "*:81", "on")
    failed(env, 1, ["'*:0'"], "service", "add", "*:0")
    failed(env, 1, ["'maybe'", "on auto monitor off"], "service", "policy", "*:80",
           "maybe")
    got = env.json("service", "add", "[2001:db8::2]:81")
    assert got["listen"] == "[2001:db8::2]:81" and got["armed"], got
    got = {s["listen"] for s in env.json("service", "list")["services"]
           if s["policy"] == "on" and s["armed"]}
    assert got == {"*:80", "[2001:db8::2]:81"}, f"armed: {got}"


@net_test
def test_status_ended_well_with_an_interface_unprotected(env):
    """Exit code 1, what and why, in text and JSON. Nothing needs protection
    where nobody listens or the policy asks for none."""
    env.nginx()
    daemon = env.synkeeperd("-i", "nosuch0")
    p = env.synkeeper("status", check=False)
    assert p.returncode == 1 and not p.stderr and \
        "nosuch0 is not protected: " in p.stdout, f"{p}"
    p = env.synkeeper("-j", "status", check=False)
    assert p.returncode == 1 and not json.loads(p.stdout)["protected"], f"{p}"
    daemon.stop()
    env.synkeeperd(services=("*:80", "*:81"))
    p = env.synkeeper("status")
    assert "*:81 is not protected: no listener" in p.stdout, f"{p}"
    for policy in ("off", "auto", "monitor", "on"):
        env.synkeeper("service", "policy", "*:80", policy)
        p = env.synkeeper("-j", "status")
        assert json.loads(p.stdout)["protected"], f"{policy}: {p}"


@net_test
def test_key(env):
    env.synkeeperd()
    out = env.synkeeper("key", "list").stdout
    assert "epoch 0" in out and row(out, "0")[1] == "current", out
    assert "epoch 1 " in env.synkeeper("key", "rotate").stdout
    assert env.json("key", "rotate") == {"epoch": 2}
    keys = env.json("key", "list")
    states = [k["state"] for k in keys["keys"]]
    assert keys["epoch"] == 2 and states == ["current", "previous", "ended"], \
        f"after two rotations: {keys}"
    out = env.synkeeper("key", "list").stdout
    assert "epoch 2" in out and row(out, "1")[1] == "previous", out
    assert not re.search(r"k0|k1|[0-9a-f]{16}", json.dumps(keys) + out), \
        f"that looks like a key: {keys} {out}"


@net_test
def test_stats(env):
    env.nginx()
    env.synkeeperd(services=("*:80", "*:81"))
    for _ in range(3):
        get_once(env)
    stats = env.json("stats")
    text = env.synkeeper("stats").stdout
    one = env.json("stats", "--service", "*:80")
    web = {s["listen"]: s["packets"] for s in stats["services"]}
    assert list(web) == ["-", "*:80", "*:81"] and web["*:81"] == {}, stats
    assert web["*:80"]["answered"] == web["*:80"]["admitted"] == 3, stats
    assert one["total"] == web["*:80"] == one["services"][0]["packets"], one
    sums = {}
    for packets in web.values():
        for reason, n in packets.items():
            sums[reason] = sums.get(reason, 0) + n
    assert sums == stats["total"], f"sums {sums}, total {stats['total']}"
    for reason, n in web["*:80"].items():
        got = number(row(text, f"{reason} ")[2])
        assert got == n, f"{reason}: text {got}, JSON {n}"
    assert row(text, "answered ")[1].lower() == "tx", text
    assert "*:81" not in text, "a service without packets is shown"
    failed(env, 1, ["*:82", "is not a service"], "stats", "--service", "*:82")


@net_test
def test_watch(env):
    """A line of JSON each period; SIGINT ends it with exit code 0."""
    env.nginx()
    env.synkeeperd()
    p = env.server.start([*env.synkeeper_command(), "-j", "stats", "--watch",
                          "0.2"], name="watch")

    def rates():
        lines = p.output().splitlines()
        return [json.loads(line) for line in lines[:-1] if line]

    wait_for(rates, 10, "the first line of --watch")
    wait_for(lambda: get_once(env) or any(
        r["per_second"].get("answered", 0) > 1 for r in rates()), 10,
        "--watch to show the rate of SYNs answered")
    p.signal(signal.SIGINT)
    code = p.wait(5)
    assert code == 0, f"--watch: exit code {code} after SIGINT"
    assert last_json(p)["interval_s"] > 0
    text = env.server.start([*env.synkeeper_command(), "stats", "--watch"],
                            name="watch")
    wait_for(lambda: get_once(env) or "PER SECOND" in text.output(), 10,
             "--watch in text")
    env.synkeeper("down")
    code = text.wait(10)
    assert code == 1 and "no daemon is listening" in text.output(), \
        f"--watch when the daemon ends: {code}: {text.output()}"


@net_test
def test_explain(env):
    """explain knows every reason of stats, also without a daemon."""
    env.nginx()
    env.synkeeperd()
    get_once(env)
    counted = set(env.json("stats")["total"])
    assert {"answered", "admitted"} <= counted, counted
    env.synkeeper("down")
    for reason in counted:
        got = env.json("explain", reason)
        assert got["reason"] == reason and got["meaning"] and got["remedy"], got
    failed(env, 2, ["cokie", "did you mean"], "explain", "bad_cokie")


@net_test
def test_session_list(env):
    env.nginx()
    env.synkeeperd(services=("*:80",))
    assert env.json("session", "list") == [], "sessions before any"
    held = [Held(env), Held(env, v6=True)]
    want = {}
    for h in held:
        host, port = h.socket.getsockname()[:2]
        want[f"[{host}]:{port}" if ":" in host else f"{host}:{port}"] = \
            "[2001:db8::2]:80" if ":" in host else "192.0.2.2:80"
    sessions = env.json("session", "list")
    got = {s["client"]: s["server"] for s in sessions}
    assert got == want, f"expected {want}, got {got}"
    assert {s["state"] for s in sessions} == {"established"}, sessions
    text = env.synkeeper("session", "list").stdout
    for client, server in want.items():
        assert row(text, client)[1] == server, text
    assert len(env.json("session", "list", "--limit", "1")) == 1
    os.kill(env.json("status")["pid"], signal.SIGKILL)
    got = {s["client"] for s in env.json("session", "list")}
    assert got == set(want), f"without a daemon: {got}"


@net_test
def test_check(env):
    """Before, with and after a daemon, and for what cannot be protected."""
    for when in ("before a daemon", "with a daemon"):
        got = env.json("check", "server0")
        assert got["ready"] is True and got["interface"] == "server0", \
            f"{when}: {got}"
        bad = [f for f in got["findings"] if f["state"] == "fail"]
        assert not bad, f"{when}: {bad}"
        text = env.synkeeper("check", "server0").stdout
        assert "server0: ready" in text, f"{when}: {text}"
        if when == "before a daemon":
            env.synkeeperd()
    for name in ("nosuch0", "lo"):
        p = env.synkeeper("-j", "check", name, check=False)
        got = json.loads(p.stdout)
        bad = [f for f in got["findings"] if f["state"] == "fail"]
        assert p.returncode == 1 and not got["ready"] and bad and \
            all(f["fix"] for f in bad), f"{name}: {p.returncode}: {bad}"
    failed(env, 2, ["IFACE"], "check")


@net_test
def test_down(env):
    env.nginx()
    daemon = env.synkeeperd()
    get_once(env)
    got = env.json("down")
    restored = [f"net.{ip}.conf.lo.forwarding = 0" for ip in ("ipv4", "ipv6")]
    assert got == {"interfaces": ["server0"], "restored": restored,
                   "pin_dir": env.pin_dir, "gone": True}, got
    assert daemon.wait(10) == 0
    get_once(env)
    env.synkeeperd().kill()
    pins = attached.pins(env)
    links = [p for p in pins if p.startswith("links/")]
    got = env.json("down")
    assert got["pin_dir"] == env.pin_dir and got["pins"] == len(pins) and \
        len(got["links"]) == len(links) >= 2, \
        f"down without a daemon: {got}, pinned were {pins}"
    assert not os.path.exists(env.pin_dir), f"{env.pin_dir} is left"


# The arguments to try with each verb; {A:P} is a client with a session. Those
# with None do not print JSON, and say so.
TRIED = {
    "status": [""],
    "service list": [""],
    "service add": ["*:81", "*:81", "*:82 --name more", "nonsense"],
    "service policy": ["*:81 off", "*:81 maybe", "*:9 on"],
    "service del": ["*:81", "*:81"],
    "service save": [""],
    "session list": ["", "--count", "--sort age", "src 198.51.100.1",
                     "service nosuch", "src nonsense"],
    "session show": ["{A:P} 192.0.2.2:80", "{A:P} 192.0.2.2:81"],
    "session kill": ["dport 81", "dport 80 --dry-run", "service nosuch",
                     "dport 80", "--all", ""],
    "session watch": None,
    "session totals": ["", "*:80", "*:9"],
    "key list": [""],
    "key rotate": [""],
    "key generate": ["", "/nosuch/file"],
    "key stage": ["/nosuch/file"],
    "key promote": [""],
    "key retire": [""],
    "cluster": [""],
    "stats": ["", "--service *:80", "--service *:9"],
    "metrics": [""],
    "explain": ["", "answered", "nosuch"],
    "top": None,
    "capture": None,
    "check": ["server0", "lo", "nosuch0"],
    "reload": [""],
    "help": None,
    "down": ["", ""],
}


@net_test
def test_kill_without_a_match_printed_no_json(env):
    """Whatever a command with -j prints is JSON. It prints nothing only if it
    failed, and then says why."""
    out = run([*env.synkeeper_command(), "-h"]).stdout.split("\n\n")[1]
    verbs = {" ".join(re.match(r"  (\w+(?: [a-z]+(?= |$))?)", line).groups())
             for line in out.splitlines() if re.match(r"  \w", line)}
    verbs = {" ".join(re.split(r"  ", v)[0].split()) for v in verbs}
    assert verbs == set(TRIED), f"not tried: {verbs ^ set(TRIED)}"
    env.nginx()
    env.synkeeperd("-c", env.configure("[daemon]\ninterface = server0\n"))
    held = Held(env)
    host, port = held.socket.getsockname()[:2]
    for verb, tries in TRIED.items():
        for more in tries or ():
            line = f"{verb} {more}".replace("{A:P}", f"{host}:{port}")
            p = env.synkeeper("-j", *line.split(), check=False)
            try:
                got = json.loads(p.stdout) if p.stdout else None
            except ValueError as e:
                raise AssertionError(f"-j {line}: {e}: {p.stdout}") from e
            assert got is not None or p.returncode and p.stderr, \
                f"-j {line}: nothing printed, exit code {p.returncode}"
            if line == "session kill dport 81":
                assert got["killed"] == 0 and p.returncode == 1, f"{line}: {p}"


@net_test
def test_output_closed(env):
    """The reader is gone, or the disk full: no crash, no endless loop."""
    env.synkeeperd()
    command = " ".join(env.synkeeper_command())
    for verb in ("status", "-j status", "stats", "session list"):
        with open("/dev/full", "w", encoding="ascii") as full:
            p = subprocess.run(["sh", "-c", f"{command} {verb}"], stdout=full,
                               stderr=subprocess.PIPE, text=True, timeout=10,
                               check=False)
        assert p.returncode == 1 and "cannot write" in p.stderr, \
            f"{verb} > /dev/full: {p.returncode}: {p.stderr}"
