# SPDX-License-Identifier: GPL-2.0-only
"""NAT on the server, and what the daemon concludes from it.

Theory of operation: the rules are nftables rules in the server's namespace; the
daemon's conclusions are read from `service list`.
"""
from goodclients import get_once
from namespace import wait_for
from session_stats import service, wait_armed

AUTO = "[service web]\nlisten = *:80\n"


def rules(env, text):
    """Splits rules written on one line, since nft wants several."""
    for end in ("; }", "} }", "} chain"):
        text = text.replace(end, end.replace(" ", "\n"))
    env.server.run(["nft", "-f", "-"], input=text.replace("} }", "}\n}") + "\n")


def nat(env, *chains, family="ip"):
    rules(env, f"table {family} n {{\n" + "\n".join(
        f"chain c{i} {{ {c} }}" for i, c in enumerate(chains)) + "\n}\n")


def raw(env, rule, family="inet"):
    rules(env, f"table {family} r {{ chain p {{ type filter hook prerouting "
          f"priority raw; {rule}; }} }}")


def all_served(env, what, n=20, v6=False):
    for i in range(n):
        try:
            get_once(env, v6=v6)
        except AssertionError as e:
            raise AssertionError(f"{what}: client {i} failed: {e}; "
                                 f"{service(env, '*:80')}") from e


def start(env, text=AUTO):
    daemon = env.synkeeperd("-c", env.configure(text), services=())
    wait_armed(env)
    return daemon


def wait_cookies(env, kind, what):
    try:
        wait_for(lambda: service(env, "*:80")["cookies"] == kind, 3, "cookies")
    except AssertionError:
        raise AssertionError(f"{what}: expected cookies: {kind}, got "
                             f"{service(env, '*:80')}") from None


def expect_cookies(env, kind, what, why=""):
    row = service(env, "*:80")
    assert row["armed"] and row["cookies"] == kind and \
        why in row["cookies_why"], f"{what}: expected to be armed with " \
        f"cookies: {kind}, because of {why!r}, got {row}"
