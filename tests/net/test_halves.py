# SPDX-License-Identifier: GPL-2.0-only
"""A change of services that cannot be applied completely is undone.

Theory of operation: maps are frozen, so the kernel accepts no more writes from
the daemon. From then on each request must be refused and change nothing,
neither the list of services nor the contents of the maps.
"""
import json

from namespace import run, wait_for
from nettest import net_test
from session_stats import wait_armed


def freeze(env, name):
    run(["bpftool", "map", "freeze", "pinned", f"{env.pin_dir}/maps/{name}"])


def contents(env, name):
    out = run(["bpftool", "-j", "map", "dump", "pinned",
               f"{env.pin_dir}/maps/{name}"]).stdout
    return [(row["key"], row["value"]) for row in json.loads(out)]


def listed(env):
    return {row["listen"]: (row["policy"], row["name"], row["armed"])
            for row in env.json("service", "list")["services"]}


def refused(env, *words):
    p = env.synkeeper("service", *words, check=False)
    assert p.returncode == 1 and "was reverted" in p.stderr, \
        f"{' '.join(words)}: expected a refusal, got {p.returncode}: " \
        f"{p.stdout}{p.stderr}"


@net_test
def test_refused_change_was_kept(env):
    """add, del and policy, of a wildcard and of an address."""
    env.nginx()
    env.synkeeperd(services=("*:80", "192.0.2.2:90"))
    wait_armed(env)
    env.synkeeper("service", "policy", "192.0.2.2:90", "auto")
    before = listed(env)
    freeze(env, "ports")
    for words in (("add", "*:81"), ("add", "192.0.2.2:81", "--name", "x"),
                  ("add", "[2001:db8::2]:82"),
                  ("policy", "*:80", "off"), ("policy", "*:80", "monitor"),
                  ("del", "*:80")):
        refused(env, *words)
        got = listed(env)
        assert got == before, \
            f"{' '.join(words)}: expected {before}, got {got}"


@net_test
def test_half_of_a_change_stayed_in_the_maps(env):
    """An address's endpoint is written before its port, which is refused."""
    env.synkeeperd(services=("*:80", "192.0.2.2:90"))
    before = contents(env, "endpoints")
    assert before, "test set-up: no endpoint"
    freeze(env, "ports")
    refused(env, "add", "192.0.2.2:81")
    wait_for(lambda: contents(env, "endpoints") == before, 3,
             "the previous endpoints")


@net_test
def test_taken_back_and_done_later(env):
    """Deleted once; after a refusal, what is draining still is."""
    env.synkeeperd(services=("*:80", "*:90"))
    env.synkeeper("service", "del", "*:90")
    before = env.json("service", "list")
    freeze(env, "ports")
    refused(env, "add", "*:90")
    got = env.json("service", "list")
    assert got == before, f"expected {before}, got {got}"
