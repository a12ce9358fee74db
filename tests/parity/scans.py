#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""42b: what nmap finds out.

Theory of operation: nmap scans five ports: two of services, open and closed,
and two that are none, and one behind a firewall. What it prints about each is
compared, with its reasons; for -O the fingerprint, without what is random.
"""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import trials  # noqa: E402
from bed import slack  # noqa: E402
from nettest import skip  # noqa: E402
from trials import each, trial  # noqa: E402

ROW = re.compile(r"^(\d+)/tcp\s+(\S+)\s+\S+\s+(.*)$", re.M)


def ports(bed):
    """{what: port}"""
    first = 10000 + bed.port * 5
    found = dict(zip(("open service", "closed service", "open port",
                      "closed port", "filtered port"),
                     range(first, first + 5)))
    bed.listen(port=found["open service"])
    bed.column.protect(found["closed service"], armed=None)
    bed.undo(bed.column.leave, found["closed service"])
    bed.bare(found["open port"])
    bed.nft("chain c { type filter hook input priority 0; tcp dport "
            f"{found['filtered port']} drop; }}")
    return found


def nmap(bed, found, *args):
    if not shutil.which("nmap"):
        skip("no nmap: see scripts/deps")
    return bed.client.run(
        ["nmap", "-n", "-Pn", "--disable-arp-ping", "--reason", "--min-rate",
         "50", "--max-retries", "1", "--max-rtt-timeout",
         f"{int(slack(300))}ms", *(["-6"] if bed.v6 else []), "-p",
         ",".join(map(str, found.values())), *args, bed.address],
        timeout=60).stdout


@each("42b", (
    ("syn", "nmap -sS", "every scanner's first look", "-sS"),
    ("connect", "nmap -sT", "scanners without privileges", "-sT"),
    ("ack", "nmap -sA", "maps a firewall's rules", "-sA"),
    ("fin", "nmap -sF", "slips past stateless filters", "-sF"),
    ("xmas", "nmap -sX", "slips past stateless filters", "-sX"),
    ("null", "nmap -sN", "slips past stateless filters", "-sN"),
    ("maimon", "nmap -sM", "old BSDs", "-sM"),
    ("window", "nmap -sW", "tells open from closed on some stacks", "-sW"),
))
def scan(bed, flag):
    found = ports(bed)

    names = {str(port): what for what, port in found.items()}
    return {names[port]: f"{state} ({why})" for port, state, why
            in ROW.findall(nmap(bed, found, flag))}


FIELD = re.compile(r"(\w+)\(([^)]*)\)")
RANDOM = re.compile(r"%?\b(SP|GCD|ISR|TS)=[^%)]*")


@trial("42b", "nmap -O", "inventories, attackers who choose an exploit",
       families=(4,))
def system(bed):
    found = ports(bed)
    found = {k: found[k] for k in ("open service", "closed port")}

    text = nmap(bed, found, "-sS", "-O", "-v", "-d", "--max-os-tries", "1")
    joined = "".join(line[3:] for line in text.splitlines()
                     if line.startswith("OS:"))
    assert joined, f"nmap printed no fingerprint:\n{text}"
    return {name: RANDOM.sub("", body).strip("%")
            for name, body in FIELD.findall(joined) if name != "SCAN"}


if __name__ == "__main__":
    sys.exit(trials.main(__file__, sys.argv[1:]))
