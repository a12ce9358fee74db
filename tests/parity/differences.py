# SPDX-License-Identifier: GPL-2.0-only
"""Where Synkeeper is not the plain kernel, exactly how, and why.

Theory of operation: a row per trial, FILE/NAME (or a pattern of names): the
reason, and what is seen in Synkeeper's column instead, {what: value}. PerFamily
is a value that depends on the family; a function gets the value seen in the
plain column (None: the trial has no such value) and may return None: no
difference. A trial that has become equal
fails until its row is removed. Reasons that begin with NOT_YET are work to be
done; the others are limits.
"""
from dataclasses import dataclass

NOT_YET = "not yet: "


@dataclass
class PerFamily:
    v4: object
    v6: object


@dataclass
class Difference:
    why: str
    values: dict
    families: tuple = (4, 6)
    modes: tuple = ("native", "skb")

    def applies(self, family, mode):
        return family in self.families and mode in self.modes

    def instead(self, plain, family):
        """{what: value} for a trial that saw @plain in the plain column."""
        found = {}
        for key, value in self.values.items():
            if isinstance(value, PerFamily):
                value = value.v6 if family == 6 else value.v4
            if callable(value):
                value = value(plain.get(key))
                if value is None:
                    continue
            found[key] = value
        return found


def always(value):
    """Whatever the plain kernel says, if the trial asks at all (and for no
    window of a reset)."""
    return lambda plain: None if plain in (None, 0, value) else value


D, V = Difference, PerFamily
BUFFERS = NOT_YET + "window and scale follow the host's largest buffers, not " \
    "what the listener has been given"
NO_LABEL = NOT_YET + "SYN-ACKs carry no flow label"
WINDOW = NOT_YET + "the window counts segments without their timestamps"
ROUTE = NOT_YET + "the driver does not know the route"
BY_SYN = NOT_YET + "the rule never sees the SYN, and nothing says so"
REFUSED = "it can be refused only with its ACK; from then on the kernel sees " \
    "the SYNs of its source"
STRIPPED = NOT_YET + "the cookie's other half is in the timestamps"
ROUNDED = NOT_YET + "the cookie has room for a few sizes"
TINY = NOT_YET + "the cookie has no room for less than the kernel would admit"
ECT = NOT_YET + "ECN is negotiated although the SYN is not Not-ECT"
LOST = NOT_YET + "the session outlives its socket"
HOP = NOT_YET + "the SYN-ACK goes to whoever sent the SYN"
FIREWALL = NOT_YET + "the handshake passes below the firewall"
MSS = V(1460, 1440)
SENDER = "the SYN's sender"
HUNG = "connected, then silence"
ONCE_HUNG = {"first": HUNG}
NOT_SERVED = {"served": "reset"}
WITH_ECN = {"SYN-ACK": "SAE", "its ecn": 2,
            "agreed": ["timestamps", "sack", "scaling", "ecn"]}
WINDOWS = "%".join(f"W{i}=FAF0" for i in range(1, 7))  # of nmap's probes
SEGMENT = V(1448, 1428)  # with timestamps

DIFFERENCES = {
    "*": D(WINDOW, {"window": always(64240)}),
    "listener/maxseg": D(TINY, {"server sends": 1208}, families=(6,)),
    "listener/save_syn": D(
        "the SYN is gone when its ACK is admitted", {
            "the SYN's headers": False}),
    "listener/fast_open": D(
        "data in a SYN would need the listener: the client falls back to a "
        "usual handshake", {
            "cookie offered": False, "data of the SYN acknowledged": False,
            "accept() after the SYN": False}),
    "listener/small_buffer": D(BUFFERS, {"window": 2920, "scale": 10}),
    "listener/large_buffer": D(BUFFERS, {"window": 64240, "scale": 10}),
    "listener/window_clamp": D(BUFFERS, {"window": 64240, "scale": 10}),
    "listener/flow_label": D(NO_LABEL, {"SYN-ACK": "0"}),
    "route/advmss": D(ROUTE, {"mss": MSS, "client sends": SEGMENT}),
    "route/mtu": D(ROUTE, {"mss": MSS, "client sends": SEGMENT}),
    "route/mtu_lock": D(ROUTE, {"mss": MSS, "client sends": SEGMENT}),
    "route/hoplimit": D(ROUTE, {"ttl": 64}),
    "route/window": D(ROUTE, {"window": 64240, "scale": 10}),
    "route/ecn": D(ROUTE, {"with it": "SA"}),
    "route/gateway": D(ROUTE, {"mss": MSS}),
    "route/policy": D(ROUTE, {"mss": MSS}),
    "route/hop_limit": D(
        NOT_YET + "the interface's hop limit is not known to the driver", {
            "ttl": 64}, families=(6,)),
    "route/maxseg_out": D(FIREWALL, {"mss": MSS, "client sends": SEGMENT}),
    "route/maxseg_in": D(FIREWALL, {"server sends": SEGMENT}),
    "route/dscp_out": D(FIREWALL, {"tos": 0}),
    "nexthop/lvs_dr": D(HOP, {"SYN-ACK to": SENDER}),
    "nexthop/static_neighbour": D(HOP, {"SYN-ACK to": SENDER}),
    "nexthop/learned_neighbour": D(HOP, {"SYN-ACK to": SENDER}),
    "nexthop/unknown_neighbour": D(
        "the sender is all that the driver knows", {
            "SYN-ACK to": SENDER}),
    "nexthop/default_route": D(HOP, {"SYN-ACK to": SENDER}),
    "nexthop/asymmetric": D(HOP, {"SYN-ACK to": "the client"}),
    "nexthop/nexthop_object": D(HOP, {"SYN-ACK to": "the client"}),
    "nexthop/mixed_families": D(HOP, {"SYN-ACK to": "the client"}),
    "nexthop/policy": D(HOP, {"SYN-ACK to": "the client"}),
    "rules/reject_source": D(BY_SYN, {"served of 5": 5}),
    "rules/drop_source": D(BY_SYN, {"served of 5": 5}),
    "rules/drop_source_early": D(BY_SYN, {"served of 5": 5}),
    "rules/small_mss": D(BY_SYN, {"served of 5": 5}),
    "rules/connlimit": D(BY_SYN, {"served of 5": 5}),
    "rules/rate": D(BY_SYN, {"served of 5": 5}),
    "rules/options": D(BY_SYN, {"served of 5": 5}),
    "rules/netdev": D(BY_SYN, {"served of 5": 5}),
    "refused/drop": D(REFUSED, ONCE_HUNG),
    "refused/reset": D(REFUSED, {"first": "reset"}),
    "refused/stateful": D(
        "conntrack has not seen the SYN, so every ACK is new to it; from then "
        "on the kernel sees the SYNs of the source", ONCE_HUNG),
    "refused/xfrm": D(REFUSED, ONCE_HUNG),
    "refused/blackhole": D(REFUSED, ONCE_HUNG),
    "refused/unreachable": D(REFUSED, ONCE_HUNG),
    "refused/prohibit": D(REFUSED, ONCE_HUNG),
    "refused/rp_filter": D(REFUSED, ONCE_HUNG),
    "refused/reverse_path": D(REFUSED, ONCE_HUNG),
    "resets/reject": D(REFUSED, {"a client": "reset"}),
    "resets/reject_out": D(FIREWALL, {"a client": "served"}),
    "paths/stripped_answer": D(STRIPPED, NOT_SERVED),
    "paths/stripped_acks": D(STRIPPED, NOT_SERVED),
    "paths/mss_1401": D(ROUNDED, {"server sends": V(1388, 1368)}),
    "paths/mss_1401_no_timestamps": D(
        ROUNDED, {"server sends": V(1300, 1340)}),
    "paths/mss_1300": D(ROUNDED, {"server sends": 1268}, families=(6,)),
    "paths/mss_1300_no_timestamps": D(
        ROUNDED, {"server sends": 1220}, families=(6,)),
    "paths/mss_1221": D(ROUNDED, {"server sends": 1208}),
    "paths/mss_1221_no_timestamps": D(ROUNDED, {"server sends": V(536, 1220)}),
    "paths/mss_536": D(TINY, {"server sends": 1208}, families=(6,)),
    "paths/mss_536_no_timestamps": D(
        TINY, {"server sends": 1220}, families=(6,)),
    "paths/mss_265": D(TINY, {"server sends": V(524, 1208)}),
    "paths/mss_265_no_timestamps": D(TINY, {"server sends": V(536, 1220)}),
    "paths/mss_92": D(TINY, {"server sends": V(524, 1208)}),
    "paths/mss_92_no_timestamps": D(TINY, {"server sends": V(536, 1220)}),
    "paths/ecn_ect0": D(ECT, WITH_ECN),
    "paths/ecn_ect1": D(ECT, WITH_ECN),
    "paths/ecn_marked": D(ECT, WITH_ECN),
    "reuse/other_isn": D(
        "cookies keep nothing of the first SYN: the second one is answered at "
        "once, where the kernel makes the client wait for a retransmission", {
            "answer": ["SA"], "then": True}),
    "signatures/linux_md5": D(
        NOT_YET + "a signed SYN to a listener without keys is answered", {
            "answer": "SA"}),
    "lost/lost_data": D(LOST, {"the client": "timed out"}),
    "lost/lost_end": D(LOST, {"the client": "timed out"}),
    "scans/system": D(WINDOW, {"WIN": WINDOWS}),
}
