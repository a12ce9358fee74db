#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""33: rules of the firewall that refuse a client by its SYN alone.

Theory of operation: see trials.py. Five clients connect at once, and say
something; what is compared is how many were served.
"""
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import trials  # noqa: E402
from namespace import CommandError  # noqa: E402
from nettest import skip  # noqa: E402
from trials import each  # noqa: E402

SYN = "tcp dport PORT tcp flags & (fin|syn|rst|ack) == syn"
INPUT = "type filter hook input priority 0;"
PREROUTING = "type filter hook prerouting priority -300;"
MAXSEG = socket.IPPROTO_TCP, 2, 400


@each(33, (
    ("reject_source", "reject a source", "iptables --syn -s ... -j REJECT "
     "--reject-with tcp-reset", f"SOURCE {SYN} reject with tcp reset"),
    ("drop_source", "drop a source", "iptables --syn -s ... -j DROP, fail2ban",
     f"SOURCE {SYN} drop"),
    ("drop_source_early", "drop a source in prerouting",
     "raw tables, blocklists of providers", f"SOURCE {SYN} drop", PREROUTING),
    ("small_mss", "drop a small MSS", "the rule against CVE-2019-11479",
     "tcp dport PORT tcp flags syn tcp option maxseg size 1-500 drop", INPUT,
     MAXSEG),
    ("connlimit", "connections per client", "iptables --syn -m connlimit",
     f"{SYN} ct count over 2 reject with tcp reset"),
    ("rate", "new connections per time", "iptables --syn -m limit, hashlimit",
     f"{SYN} limit rate over 2/minute burst 2 packets drop"),
    ("options", "by what the SYN offers", "iptables -m osf, tcp option",
     f"{SYN} tcp option timestamp exists drop"),
    ("new_connections", "new connections of a source",
     "ct state new: the usual way to refuse",
     "SOURCE tcp dport PORT ct state new drop"),
))
def rule(bed, text, hook=INPUT, *options):
    bed.nft(f"chain c {{ {hook} {text}; }}")
    bed.echo(armed=None)
    return bed.learned(lambda: {"served of 5": bed.several(5, *options)})


@each(33, (
    ("netdev", "drop a source at netdev ingress", "nftables netdev tables, "
     "blocklists at 10 Gbit/s"),
))
def netdev(bed):
    name, ip = f"trial{bed.port}", "ip6" if bed.v6 else "ip"
    bed.server.run(["nft", "-f", "-"], input=f"""
        table netdev {name} {{
            chain c {{
                type filter hook ingress device {bed.server.iface} priority 0
                {ip} saddr {bed.source()} tcp dport {bed.port} \\
                    tcp flags & (fin|syn|rst|ack) == syn drop
            }}
        }}\n""")
    bed.undo(bed.server.run, ["nft", "delete", "table", "netdev", name])
    bed.echo(armed=None)
    return bed.learned(lambda: {"served of 5": bed.several(5)})


@each(33, (
    ("iptables_source", "iptables: a source", "iptables --syn -s ... -j DROP",
     "--syn -s SOURCE -j DROP"),
    ("iptables_reset", "iptables: a source is reset", "iptables --syn -s ... "
     "-j REJECT --reject-with tcp-reset",
     "--syn -s SOURCE -j REJECT --reject-with tcp-reset"),
    ("iptables_connlimit", "iptables: connlimit", "iptables --syn -m connlimit",
     "--syn -m connlimit --connlimit-above 2 -j DROP"),
    ("iptables_limit", "iptables: limit", "iptables --syn -m limit",
     "--syn -m limit --limit 2/min --limit-burst 1 -j DROP"),
    ("iptables_mss", "iptables: a small MSS", "the rule against "
     "CVE-2019-11479", "-m tcpmss --mss 1:500 -j DROP", MAXSEG),
))
def iptables(bed, text, *options):
    tool = "ip6tables-nft" if bed.v6 else "iptables-nft"
    words = ["INPUT", "-p", "tcp", "--dport", str(bed.port),
             *text.replace("SOURCE", bed.source()).split()]
    try:
        bed.server.run([tool, "-A", *words])
    except (CommandError, FileNotFoundError) as e:
        skip(f"no such rule here: {e}")
    bed.undo(bed.server.run, [tool, "-D", *words])
    bed.echo(armed=None)
    return bed.learned(lambda: {"served of 5": bed.several(5, *options)})


if __name__ == "__main__":
    sys.exit(trials.main(__file__, sys.argv[1:]))
