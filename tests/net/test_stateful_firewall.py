# SPDX-License-Identifier: GPL-2.0-only
"""A host whose firewall lets in what conntrack knows.

Theory of operation: without Synkeeper the first packet of a connection that
conntrack sees is the SYN, alone; with it, the ACK, with the request right
behind. The server's receive path is a thread here, which finds both in its
queue at once, like a NIC with interrupt moderation.
"""
import re

from backend import needs_own_cookies
from namespace import CommandError
from netenv import OUTPUT, last_json
from nettest import net_test, only_native, skip

RULES = """
table inet firewall {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		tcp dport 80 ct state new accept
	}
}
"""
SECONDS = 1


def check_requests(env, *args, **kwargs):
    only_native("a thread receives for native XDP")
    try:
        env.server.run(["nft", "-f", "-"], input=RULES)
    except CommandError as e:
        skip(f"no stateful nftables: {e}")
    env.server.start([f"{OUTPUT}/demo/serve", "80"])
    env.server.wait_listening(80)
    env.synkeeperd(*args, **kwargs)
    env.server.thread_receiver(0)
    p = env.client.start([f"{OUTPUT}/demo/turns", env.client.ip4,
                          env.server.ip4, "80", SECONDS])
    assert p.wait() == 0, p.output()
    got = last_json(p)
    stats = env.server.run(["conntrack", "-S"]).stdout
    lost = sum(map(int, re.findall(r"insert_failed=(\d+)", stats)))
    assert got["good"] > 0 and not got["failed"] and not lost, \
        (f"expected good connections, none failed and no packet dropped by "
         f"conntrack, got {got}, insert_failed={lost}")


@net_test
def test_request_behind_the_ack_lost_to_conntrack(env):
    """Half of all requests were retransmitted after 200 ms."""
    check_requests(env)


@net_test
def test_request_behind_the_ack_lost_to_conntrack_kernel_cookies(env):
    needs_own_cookies("before Linux 6.9 there is no program in tc")
    check_requests(env, "-c", env.configure(
        "[service web]\nlisten = *:80\ncookies = kernel\n"), services=())
