# SPDX-License-Identifier: GPL-2.0-only
"""SIGHUP and `synkeeper reload`: the difference is applied, or nothing is.

Theory of operation: the daemon's file is rewritten and reloaded while good
clients connect and a transfer runs, neither of which may be affected. What the
daemon reports is compared with what it does.
"""
import contextlib
import os
import signal
import socket

import attached
from attached import add_pair
from backend import ADMITTED
from crowd import Paced
from goodclients import GoodClients, Held, connect, get_once, get_until
from namespace import wait_for
from nettest import net_test
from scapytools import Peer
from session_stats import counted
from sockets import Stream, listen, pair

WEB = "[service web]\nlisten = *:80\n"
NEEDS_DOWN = "synkeeper down and a new start"
AUTO = "cookies auto, owner auto"  # of a new service


class Reloaded:
    """A daemon whose file is `daemon` (its section), then what write() adds."""

    def __init__(self, env, text=WEB, daemon="", flags=(), services=(),
                 any_mode=False):
        self.env = env
        self.path = f"{env.dir}/synkeeper.conf"
        self.write(text, daemon)
        self.process = env.synkeeperd("-c", self.path, *flags,
                                      services=services, any_mode=any_mode)

    def write(self, text, daemon=""):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(f"[daemon]\n{daemon}{text}")

    def reload(self, text, daemon=""):
        """The report, as {what: (from, to)} of everything changed, and of
        everything that needs a restart."""
        self.write(text, daemon)
        got = self.env.json("reload")
        return [{c["what"]: (c["from"], c["to"]) for c in got[part]}
                for part in ("changed", "needs_restart")]

    def expect(self, changed, text, daemon="", rest=None):
        got = self.reload(text, daemon)
        assert got == [changed, rest or {}], \
            f"reload: expected {changed} and {rest or {}}, got {got}"

    def refused(self, *words):
        """The file is bad; exit code 1 and one line with these words."""
        p = self.env.synkeeper("reload", check=False)
        lines = p.stderr.splitlines()
        assert p.returncode == 1 and len(lines) == 1 and not p.stdout, \
            f"reload of a bad file: expected exit code 1 and a line of " \
            f"error, got {p.returncode}: {p.stdout}{p.stderr}"
        for word in (*words, "nothing was changed"):
            assert word in lines[0], f"expected {word!r} in: {lines[0]}"


@contextlib.contextmanager
def reloaded(env, text=WEB, any_mode=False):
    """Reloaded, with clients that connect and a transfer on port 81."""
    env.nginx()
    with listen(env, port=81) as listener:
        r = Reloaded(env, text, any_mode=any_mode)
        c, peer = pair(env, listener, 81)
        stream = Stream(Paced(c), peer)
        held = Held(env)
        with GoodClients(env) as good:
            good.wait_more(5, "before the reload")
            yield r
            good.wait_more(5, "after the reload")
            held.ask("after the reload")
            stream.wait_moved()
            stream.stop()
    r.process.check_alive()


def services(env):
    return {s["listen"]: s for s in env.json("service", "list")["services"]}


def standing(env):
    """What a failed reload must not change."""
    status = env.json("status")
    settings = attached.map_value(env, "settings", 0)
    return {"services": env.json("service", "list"),
            "epoch": settings["epoch"], "life": status["key"]["lifetime_s"],
            "resets": settings["resets_per_second"],
            "interfaces": status["interfaces"], "pins": attached.pins(env)}


def hang_up(r, text):
    """SIGHUP; waits until the log has another such line, and returns it."""
    before = r.process.output().count(text)
    os.kill(r.process.pid, signal.SIGHUP)
    wait_for(lambda: r.process.output().count(text) > before, 10,
             f"{text!r} in the daemon's log after SIGHUP")
    return r.process.output()


@net_test
def test_nothing_changed(env):
    with reloaded(env) as r:
        before = standing(env)
        got = env.synkeeper("reload").stdout
        assert got == "nothing changed\n", f"reload said {got!r}"
        r.expect({}, "; only a comment is new\n" + WEB)
        hang_up(r, "reload: nothing changed")
        assert standing(env) == before, \
            f"a reload without a change: {before} became {standing(env)}"


@net_test
def test_services(env):
    """They are added, changed and removed; the removed ones drain."""
    with reloaded(env, WEB + "[service b]\nlisten = *:81\n") as r:
        held = Held(env)
        r.expect({"service *:82": (None, f"policy on, {AUTO}, name c")},
                 WEB + "[service b]\nlisten = *:81\n"
                       "[service c]\nlisten = *:82\n")
        r.expect({"service *:80 name": ("web", "w"),
                  "service *:81": (f"policy on, {AUTO}, name b", None),
                  "service *:82 policy": ("on", "off")},
                 "[service w]\nlisten = *:80\n"
                 "[service c]\nlisten = *:82\npolicy = off\n")
        got = services(env)
        assert got["*:80"]["name"] == "w" and got["*:80"]["armed"], got
        assert got["*:82"]["policy"] == "off", got
        assert not got["*:81"]["armed"] and "deleted" in got["*:81"]["why"], \
            f"a service that the file dropped should drain: {got['*:81']}"
        held.ask("after three changes of services")
        r.expect({"service *:81": (None, f"policy on, {AUTO}, name b"),
                  "service *:80 name": ("w", "web"),
                  "service *:82": (f"policy off, {AUTO}, name c", None)},
                 WEB + "[service b]\nlisten = *:81\n")
        assert services(env)["*:81"]["armed"], "the file's service came back"


@net_test
def test_hangup(env):
    """SIGHUP does the same, and logs it."""
    with reloaded(env) as r:
        r.write(WEB + "[keys]\nlifetime = 5m\n")
        hang_up(r, "reload: ~ [keys] lifetime: 1m -> 5m")
        assert env.json("status")["key"]["lifetime_s"] == 300


@net_test
def test_by_hand(env):
    """What was added by hand stays, unless the file names it; what the file
    names is as the file says, whatever was done by hand."""
    with reloaded(env) as r:
        for port in (81, 82):
            env.synkeeper("service", "add", f"*:{port}", "--name", "hand")
        env.synkeeper("service", "policy", "*:80", "off")
        r.expect({"service *:80 policy": ("off", "on")}, WEB)
        assert set(services(env)) == {"*:80", "*:81", "*:82"}, services(env)
        r.expect({"service *:81 name": ("hand", "web"),
                  "service *:81 by hand": ("yes", "")},
                 WEB + "listen = *:81\n")
        r.expect({"service *:81": (f"policy on, {AUTO}, name web", None)}, WEB)
        env.synkeeper("service", "del", "*:80")
        r.expect({"service *:80": (None, f"policy on, {AUTO}, name web")}, WEB)
        assert services(env)["*:82"]["name"] == "hand", services(env)


@net_test
def test_values(env):
    """Time-outs, key, answers: reported, and in force."""
    with reloaded(env) as r:
        quick = WEB + "[keys]\nlifetime = 5s\n[sessions]\n" \
            "idle-timeout = 2s\ntime-wait-timeout = 1s\n"
        quiet = connect(env)  # it sends nothing
        r.expect({"[keys] lifetime": ("1m", "5s"),
                  "[sessions] idle-timeout": ("2h4m", "2s"),
                  "[sessions] time-wait-timeout": ("1m", "1s")}, quick)
        epoch = env.json("key", "list")["epoch"]
        wait_for(lambda: env.json("session", "totals")["total"]["ended"]
                 ["timeout"], 10, "an idle session's time-out of 2 s")
        wait_for(lambda: env.json("key", "list")["epoch"] >= epoch + 1, 8,
                 "the key to rotate after 5 s")
        quiet.sendall(b"GET /1k HTTP/1.0\r\n\r\n")
        assert quiet.recv(10), "the quiet connection is dead"
        r.expect({"[keys] lifetime": ("5s", "1m"),
                  "[sessions] idle-timeout": ("2s", "2h4m"),
                  "[sessions] time-wait-timeout": ("1s", "1m")}, WEB)


@net_test
def test_invalid_ack(env):
    with reloaded(env) as r, Peer(env) as peer:
        flow = peer.flow()
        flow.syn()
        r.expect({"[answer] invalid-ack": ("reset, 1000 a second", "drop")},
                 WEB + "[answer]\ninvalid-ack = drop\n")
        with counted(env, "invalid ACK", reset=0, bad_cookie=1):
            flow.send("A", ack=flow.ack + 7)
        r.expect({"[answer] invalid-ack": ("drop", "reset, 1000 a second")},
                 WEB)
        with counted(env, "invalid ACK", reset=1):
            flow.send("A", ack=flow.ack + 7)


@net_test
def test_interfaces(env):
    """One is added, with connections on it, and removed again."""
    address = add_pair(env)
    with reloaded(env) as r, listen(env, port=83) as listener:
        older = connect(env, 83, address=address), listener.accept()[0]
        r.expect({"interface server1": (None, "")}, WEB,
                 "interface = server1\n")
        assert attached.xdp(env.server, "server1"), "server1 has no program"
        get_until(env, lambda: env.json("status")["total"].get(ADMITTED, 0),
                  "was admitted on server1", address=address)
        move_on(older)
        r.expect({"interface server1": ("", None)}, WEB)
        wait_for(lambda: not attached.xdp(env.server, "server1") and
                 not attached.tcx(env.server, "server1"), 5,
                 "server1, dropped by the file, to be detached")
        index = attached.ifindex(env.server, "server1")
        left = [p for p in attached.pins(env) if p.endswith(f"_{index}")]
        assert not left, f"pins of a dropped interface: {left}"
        move_on(older)
        get_once(env, address=address)


def move_on(ends):
    ends[0].sendall(b"x")
    assert ends[1].recv(1) == b"x", "a connection on server1 is dead"


@net_test
def test_needs_restart(env):
    with reloaded(env, any_mode=True) as r:
        before = standing(env)
        text = WEB + "[sessions]\nmax = 4096\n"
        rest = {"[sessions] max": ("1048576", "4096"),
                "[daemon] mode": ("auto", "skb")}
        for _ in range(2):  # it is reported each time
            r.expect({}, text, "mode = skb\n", rest)
        said = env.synkeeper("reload").stdout.splitlines()
        assert len(said) == len(rest) and all(NEEDS_DOWN in line for line in said), \
            f"reload said {said}"
        assert standing(env) == before, "something was changed all the same"


@net_test
def test_flags_hold(env):
    """The command line overrides the file each time."""
    env.nginx()
    r = Reloaded(env, "", "on-exit = keep\n", ("--on-exit", "detach"),
                 ("*:80",))
    r.expect({"service *:81": (None, f"policy on, {AUTO}, name b")},
             "[service b]\nlisten = *:81\n", "on-exit = keep\n")
    assert services(env)["*:80"]["armed"], "-s *:80 has no effect any more"
    r.process.signal(signal.SIGTERM)
    assert r.process.wait(10) == 0
    attached.nothing_left(env, "--on-exit detach after a reload")


@net_test
def test_bad_files(env):
    """Each is refused as a whole, by its line, and nothing changes."""
    with reloaded(env) as r:
        before = standing(env)
        for text, words in (
                ("[keys]\nlifetime = 1s\n" + WEB, [f"{r.path}:3:", "'1s'"]),
                (WEB + "listen = *:82\nlisten = *:80\n", [":5:", "'*:80'"]),
                (WEB + "[keys]\nlifetime = 5s\nnonsense\n", [":6:"]),
                ("", ["no service"])):
            r.write(text)
            r.refused(*words)
            hang_up(r, "nothing was changed")
        os.rename(r.path, r.path + ".away")
        r.refused(r.path, "No such file")
        os.rename(r.path + ".away", r.path)
        # valid in itself, but it cannot be done: no part of it is
        r.write(WEB + "[service c]\nlisten = *:82\n[keys]\nlifetime = 5s\n",
                "interface = server1 lo\n")
        add_pair(env)
        r.refused("lo", "not supported")
        got = attached.xdp(env.server, "server1"), \
            attached.tcx(env.server, "server1")
        assert got == (None, 0), f"server1 is left with {got}"
        assert standing(env) == before, \
            f"after bad files, {before} became {standing(env)}"


@net_test
def test_no_file(env):
    env.nginx()
    daemon = env.synkeeperd()
    p = env.synkeeper("reload", check=False)
    assert p.returncode == 1 and "without a configuration file" in p.stderr, \
        f"reload without a file: got {p.returncode}: {p.stderr}"
    os.kill(daemon.pid, signal.SIGHUP)
    wait_for(lambda: "without a configuration file" in daemon.output(), 10,
             "the daemon to say that there is no file")
    daemon.check_alive()


@net_test
def test_notify(env):
    """RELOADING=1 with the time, then READY=1, as Type=notify-reload wants."""
    path = f"{env.dir}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(10)
        os.environ["NOTIFY_SOCKET"] = path
        r = Reloaded(env)
        assert s.recv(4096) == b"READY=1"
        for text in (WEB, "nonsense"):
            r.write(text)
            os.kill(r.process.pid, signal.SIGHUP)
            first, second = s.recv(4096), s.recv(4096)
            words = dict(w.split(b"=") for w in first.split())
            assert words.get(b"RELOADING") == b"1" and \
                int(words.get(b"MONOTONIC_USEC", 0)) > 0, f"got {first}"
            assert second == b"READY=1", f"got {second}"
