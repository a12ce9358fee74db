# SPDX-License-Identifier: GPL-2.0-only
"""The server's firewall, as an operator would write it with nft or iptables, and
what `synkeeper check` says of rules that refuse SYNs."""
import json
import shutil

from nettest import skip

SYN = "tcp flags & (fin|syn|rst|ack) == syn"
INPUT = "type filter hook input priority 0"
RAW = "type filter hook prerouting priority raw"


def nft(env, text):
    """Replaces the ruleset."""
    env.server.run(["nft", "-f", "-"], input="flush ruleset\n" + text + "\n")


def chain(*rules, hook=INPUT, policy="accept", family="inet", more=""):
    lines = "\n\t\t".join(rules)
    return f"table {family} f {{\n{more}\n\tchain c {{\n\t\t{hook}; policy " \
        f"{policy};\n\t\t{lines}\n\t}}\n}}"


def iptables(env, text):
    """Replaces the ruleset; each line is the arguments of iptables."""
    if not shutil.which("iptables-nft"):
        skip("no iptables-nft")
    nft(env, "")
    for line in text.strip().splitlines():
        p = env.server.run(["iptables-nft", *line.split()], check=False)
        if p.returncode:
            skip(f"iptables-nft {line}: {p.stderr}")


def check(env, iface="server0"):
    """The findings about SYN rules that are not ok, and the exit code."""
    p = env.server.run([*env.synkeeper_command(), "-j", "check", iface],
                       check=False)
    found = json.loads(p.stdout)["findings"]
    return [f for f in found if f["what"] == "SYN rules" and
            f["state"] != "ok"], p.returncode


def must_find(env, what, *words):
    found, code = check(env)
    text = " ".join(f["found"] for f in found)
    assert code == 1 and [f["state"] for f in found] == ["fail"], \
        f"{what}: expected a failure, got exit code {code}, {found}"
    for word in words:
        assert word in text, f"{what}: expected {word!r} in {text}"
    assert all(f["fix"] for f in found), found
