# SPDX-License-Identifier: GPL-2.0-only
"""Completion in bash, with a daemon and with none.

Theory of operation: a bash without a terminal sources bash-completion and the
files in dist/, gets the words as readline would split them, calls the function
and prints COMPREPLY. What is chosen from must be what there is.
"""
import os
import re

from netenv import OUTPUT, ROOT
from nettest import net_test, skip

LIBRARY = "/usr/share/bash-completion/bash_completion"

SCRIPT = """
source {library}
source {root}/dist/completion/bash/{tool}
line=$1
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE=$line
COMP_POINT=${{#line}}
_{tool}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def complete(env, *words, tool="synkeeper", options=True):
    """The choices for the last word, which may be empty."""
    if not os.path.exists(LIBRARY):
        skip("bash-completion is not installed")
    given = [f"{OUTPUT}/{tool}"]
    if options and tool == "synkeeper":
        given += ["--control", env.control, "--pin-dir", env.pin_dir]
    given += words
    split = [part for word in given
             for part in (re.findall(r":+|[^:]+", word) or [""])]
    p = env.server.run(
        ["bash", "-c", SCRIPT.format(library=LIBRARY, root=ROOT, tool=tool),
         "bash", " ".join(given), *split])
    assert not p.stderr, f"completing {words}: {p.stderr}"
    return set(p.stdout.split())


def expect(env, want, *words, **kwargs):
    got = complete(env, *words, **kwargs)
    assert set(want) <= got, \
        f"completing {words}: expected {want} among the choices, got {got}"
    return got


@net_test
def test_without_daemon(env):
    """Words come from the help; values there are none, and no complaint."""
    expect(env, ["status", "service", "session", "reload", "check", "--json"],
           "")
    got = complete(env, "se")
    assert got == {"service", "session"}, f"se: got {got}"
    expect(env, ["list", "add", "del", "policy"], "service", "")
    expect(env, ["--name"], "service", "add", "-")
    expect(env, ["on", "off"], "service", "policy", "192.0.2.1:80", "")
    expect(env, ["server0", "lo"], "check", "")
    expect(env, ["src", "state", "service"], "session", "kill", "")
    expect(env, ["half-closed", "live"], "session", "list", "state", "")
    expect(env, ["age", "client"], "session", "list", "--sort", "")
    expect(env, ["answered", "bad_cookie"], "explain", "")
    got = expect(env, ["bad_cookie"], "capture", "--reason", "")
    assert "answered" not in got, f"capture --reason: never dropped in {got}"
    got = complete(env, "service", "del", "")
    assert not got, f"service del without a daemon: expected none, got {got}"
    got = complete(env, "down", "")
    assert not got, f"down takes nothing: got {got}"


@net_test
def test_with_daemon(env):
    env.nginx()
    env.synkeeperd(services=("*:80", "192.0.2.2:443", "[2001:db8::2]:443"))
    env.fetch()
    services = ["*:80", "192.0.2.2:443", "[2001:db8::2]:443"]
    got = expect(env, services, "service", "del", "")
    assert got == set(services), f"service del: got {got}"
    expect(env, services, "session", "totals", "")
    expect(env, services, "stats", "--service", "")
    expect(env, services, "session", "list", "service", "")
    # readline keeps what stands before a colon
    got = complete(env, "service", "del", "192.0.2.2:4")
    assert got == {"443"}, f"192.0.2.2:4: expected 443, got {got}"


@net_test
def test_states(env):
    """Those of the completion are those of the tool."""
    text = env.synkeeper("session", "-h").stdout
    states = text.split("state STATE,...")[1].split("age TIME")[0]
    names = set(re.findall(r"[a-z-]{4,}", states)) - {"both"}
    expect(env, names, "session", "list", "state", "")
    filters = set(re.findall(r"\b([a-z]+) [A-Z]{4,}", text)) - {"list", "kill",
                                                               "watch"}
    expect(env, filters - {"show"}, "session", "list", "")


@net_test
def test_daemon_flags(env):
    expect(env, ["--interface", "--check", "-c"], "-", tool="synkeeperd")
    expect(env, ["server0"], "-i", "", tool="synkeeperd")
    expect(env, ["native", "skb"], "--mode", "", tool="synkeeperd")
    expect(env, ["127.0.0.1:9790", "[::1]:9790"], "--metrics", "",
           tool="synkeeperd")
