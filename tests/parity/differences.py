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
    """Whatever the plain kernel says, if the trial asks at all."""
    return lambda plain: None if plain in (None, value) else value


D, V = Difference, PerFamily
UNSET = NOT_YET + "the listener's own settings are not known to the driver"
BUFFERS = NOT_YET + "window and scale follow the host's largest buffers, not " \
    "what the listener has been given"
NO_LABEL = NOT_YET + "SYN-ACKs carry no flow label"
WINDOW = NOT_YET + "the window counts segments without their timestamps"
ROUTE = NOT_YET + "the driver does not know the route"
HOP = NOT_YET + "the SYN-ACK goes to whoever sent the SYN"
FIREWALL = NOT_YET + "the handshake passes below the firewall"
MSS = V(1460, 1440)
SENDER = "the SYN's sender"
SEGMENT = V(1448, 1428)  # with timestamps

DIFFERENCES = {
    "*": D(WINDOW, {"window": always(64240)}),
    "listener/maxseg": D(UNSET, {
        "announced": MSS, "client sends": SEGMENT, "server sends": SEGMENT}),
    "listener/hop_limit": D(UNSET, {
        "SYN-ACK": 64, "a peer that demands 255": "timed out"}),
    "listener/minimum_hops": D(UNSET, {
        "a stranger": "connected, then silence"}),
    "listener/traffic_class": D(UNSET, {"SYN-ACK": 0}),
    "listener/reflect_tos": D(NOT_YET + "the SYN's TOS is not copied", {
        "SYN-ACK": 0}),
    "listener/defer_accept": D(UNSET, {"accept() before data": True}),
    "listener/defer_silent": D(UNSET, {"accepted": True}),
    "listener/save_syn": D(
        "the SYN is gone when its ACK is admitted; `service list` says so", {
            "the SYN's headers": False}),
    "listener/fast_open": D(
        "data in a SYN would need the listener: the client falls back to a "
        "usual handshake; `service list` says so", {
            "cookie offered": False, "data of the SYN acknowledged": False,
            "accept() after the SYN": False}),
    "listener/socket_filter": D(UNSET, {"a client": "connected"}),
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
        "the sender is all that the driver knows; it is counted", {
            "SYN-ACK to": SENDER}),
    "nexthop/default_route": D(HOP, {"SYN-ACK to": SENDER}),
    "nexthop/asymmetric": D(HOP, {"SYN-ACK to": "the client"}),
    "nexthop/nexthop_object": D(HOP, {"SYN-ACK to": "the client"}),
    "nexthop/mixed_families": D(HOP, {"SYN-ACK to": "the client"}),
    "nexthop/policy": D(HOP, {"SYN-ACK to": "the client"}),
    "signatures/linux_md5": D(
        NOT_YET + "a signed SYN to a listener without keys is answered", {
            "answer": "SA"}),
}
