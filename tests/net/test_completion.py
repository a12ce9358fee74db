# SPDX-License-Identifier: GPL-2.0-only
"""Completion in bash, with and without a daemon.

Theory of operation: a bash without a terminal sources bash-completion and the
files in dist/, gets the words as readline would split them, calls the function
and prints COMPREPLY. The choices must be those that exist, and the shell must
read each of them on a command line as that one word.
"""
import contextlib
import glob
import os
import re
import shlex

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


def replies(env, *words, tool="synkeeper", options=True):
    """COMPREPLY for the last word, which may be empty."""
    if not os.path.exists(LIBRARY):
        skip("bash-completion is not installed")
    given = [f"{OUTPUT}/{tool}"]
    if options and tool == "synkeeper":
        given += ["--control", env.control, "--pin-dir", env.pin_dir]
    given += words
    split = [part for word in given
             for part in (re.findall(r":+|[^:]+", word) or [""])]
    p = env.server.run(
        ["bash", "-c",
         f"cd {env.dir} || exit 1\n" +
         SCRIPT.format(library=LIBRARY, root=ROOT, tool=tool),
         "bash", " ".join(given), *split])
    assert not p.stderr, f"completing {words}: {p.stderr}"
    return p.stdout.splitlines()


def complete(env, *words, **kwargs):
    """The choices for the last word, as the command would get them."""
    return {word for reply in replies(env, *words, **kwargs)
            for word in shlex.split(reply)}


def expect(env, want, *words, **kwargs):
    got = complete(env, *words, **kwargs)
    assert set(want) <= got, \
        f"completing {words}: expected {want} among the choices, got {got}"
    return got


@net_test
def test_without_daemon(env):
    """Words come from the help; there are no values, and no error."""
    expect(env, ["status", "service", "session", "reload", "check", "--json"],
           "")
    got = complete(env, "se")
    assert got == {"service", "session"}, f"se: got {got}"
    expect(env, ["list", "add", "del", "policy"], "service", "")
    expect(env, ["--name"], "service", "add", "-")
    expect(env, ["on", "auto", "monitor", "off"], "service", "policy",
           "192.0.2.1:80", "")
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
    # readline keeps what is before a colon
    got = complete(env, "service", "del", "192.0.2.2:4")
    assert got == {"443"}, f"192.0.2.2:4: expected 443, got {got}"


@net_test
def test_states(env):
    """The completion has the same states as the tool."""
    text = env.synkeeper("session", "-h").stdout
    states = text.split("state STATE,...")[1].split("age TIME")[0]
    names = set(re.findall(r"[a-z-]{4,}", states)) - {"either"}
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


# The longest injections: an interface name has 15 characters, a file name more.
HOSTILE = ("a$(id>z)", "a`id>z`", "$(>z)", "*", "a*", "a'b", 'a"b', "a\\b",
           "a;id", "a|id>z", "a&", "a#", "~root", "a{1,2}", "!!", "a@b", "-h", "--all",
           "$HOME", "${IFS}", "a>z")


@contextlib.contextmanager
def interfaces(env, names):
    for i, name in enumerate(names):
        env.server.run(["ip", "link", "add", "name", name, "type", "veth",
                        "peer", "name", f"other{i}"])
    try:
        yield
    finally:
        for name in names:
            env.server.run(["ip", "link", "del", "dev", name])


def words_of_shell(env, reply):
    """What bash makes of it on a command line."""
    return env.server.run(
        ["bash", "-c", f"cd {env.dir} && printf '%s\\n' {reply}"]
    ).stdout.splitlines()


def check_hostile(env, before, *words, **kwargs):
    for typed in ("", "a"):
        got = [words_of_shell(env, reply)
               for reply in replies(env, *words, typed, **kwargs)]
        for name in (n for n in HOSTILE if n.startswith(typed)):
            if name.startswith("-"):
                assert [name] not in got, f"{name} is offered: an option"
            else:
                assert [name] in got, f"expected {name} as a word, got {got}"
    made = sorted(set(os.listdir(env.dir)) - before)
    assert not made, f"completing {words} ran a name: it made {made}"


@net_test
def test_interface_name_was_run(env):
    """Names are chosen by others; root's shell must not execute them."""
    before = set(os.listdir(env.dir))
    with interfaces(env, HOSTILE):
        check_hostile(env, before, "check")
        check_hostile(env, before, "-i", tool="synkeeperd")
        got = replies(env, "check", "a\\$")
        assert got == [r"a\$\(id\>z\)"], f"typed a\\$: got {got}"


@net_test
def test_answer_of_a_daemon_was_run(env):
    """A malicious tool in the place of ours."""
    evil = f"{env.dir}/bin/synkeeper"
    os.mkdir(f"{env.dir}/bin")
    with open(evil, "w", encoding="utf-8") as f:
        f.write("""#!/bin/sh
case "$*" in
*-h*) printf 'usage\\n\\n  service del A:P  help\\n  $(id>z)  help\\n\\n' ;;
*) printf '{"listen": "$(id>z)"}\\n{"listen": "`id>z`"}\\n' ;;
esac
""")
    os.chmod(evil, 0o755)
    before = set(os.listdir(env.dir))
    for words in (["service", "del", ""], [""]):
        line = " ".join([evil, *words])
        p = env.server.run(
            ["bash", "-c", f"cd {env.dir} || exit 1\n" + SCRIPT.format(
                library=LIBRARY, root=ROOT, tool="synkeeper"),
             "bash", line, evil, *words])
        got = [words_of_shell(env, r) for r in p.stdout.splitlines()]
        assert ["$(id>z)"] in got, f"{words}: expected $(id>z), got {got}"
    made = sorted(set(os.listdir(env.dir)) - before)
    assert not made, f"what the tool printed was run: it made {made}"


@net_test
def test_word_before_the_cursor_was_run(env):
    """As a sed script, a path is one: s/.../X/e executes what was read."""
    before = set(os.listdir(env.dir))
    for word in ("/X/e;1e id>z;#", "-/X/e;1e id>z;#", "a/X/e;1e id>z",
                 "$(id>z)", "-[", "[", "(", "*", "-\\"):
        for words in (["capture", "-w", word, ""], ["capture", word, ""],
                      [word, ""], ["session", "list", word, ""],
                      ["service", word, ""]):
            replies(env, *words)
    made = sorted(set(os.listdir(env.dir)) - before)
    assert not made, f"a word before the cursor was run: it made {made}"


@net_test
def test_file_name_was_run(env):
    """-w FILE, --control PATH: readline itself quotes file names."""
    folder = f"{env.dir}/files"
    os.mkdir(folder)
    for name in HOSTILE:
        with open(f"{folder}/{name.replace('/', '_')}", "w",
                  encoding="utf-8"):
            pass
    before = set(os.listdir(env.dir))
    for words in (["capture", "-w"], ["--control"]):
        for typed in ("", "a", "$", "a$", "`", "-", "~", "*"):
            replies(env, *words, f"{folder}/{typed}")
    made = sorted(set(os.listdir(env.dir)) - before)
    ran = [f for f in glob.glob(f"{folder}/z*")]
    assert not made and not ran, f"a file's name was run: {made} {ran}"
