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


D, V = Difference, PerFamily
RULES = "rules by mark, user, TOS or the client's port are not known for a " \
    "packet without a socket; then no route's metrics are followed"
REFUSED = "it can be refused only with its ACK; from then on the kernel sees " \
    "the SYNs of its source"
STRIPPED = "whether the client uses timestamps is seen from its ACK, not from " \
    "its SYN"
ROUNDED = "without timestamps the cookie has room for a few sizes, none above " \
    "what was announced"
TINY = "the kernel takes no handshake with a smaller MSS from a program " \
    "(IPv4: 536)"
AGAIN = "until its socket has been seen, a second or two, a client who repeats " \
    "the cookie begins anew, as with the kernel's cookies for two minutes"
BELOW_IN = "the SYN is answered before the rule could rewrite it"
BELOW_OUT = "the SYN-ACK leaves from the driver, so the rule does not see it; " \
    "it sees what follows"
MSS = V(1460, 1440)
SPACE = V(65160, 64260)
HUNG = "connected, then silence"
ONCE_HUNG = {"first": HUNG}
SEGMENT = V(1448, 1428)  # with timestamps

DIFFERENCES = {
    "listener/maxseg": D(TINY, {"server sends": 1208}, families=(6,)),
    "listener/save_syn": D(
        "the SYN is gone when its ACK is admitted", {
            "the SYN's headers": False}),
    "route/policy_mark": D(RULES, {"mss": MSS, "window": SPACE}),
    "route/maxseg_in": D(BELOW_IN, {"server sends": SEGMENT}),
    "refused/drop": D(REFUSED, ONCE_HUNG),
    "refused/reset": D(REFUSED, {"first": "reset"}),
    "refused/stateful": D(
        "conntrack has not seen the SYN, so every ACK is new to it; from then "
        "on the kernel sees the SYNs of the source", ONCE_HUNG),
    "refused/xfrm": D(REFUSED, ONCE_HUNG),
    "refused/cgroup": D(REFUSED, ONCE_HUNG),
    "resets/reject": D(REFUSED, {"a client": "reset"}),
    "resets/reject_out": D(BELOW_OUT, {"a client": "served"}),
    "paths/stripped_answer": D(STRIPPED, {"agreed": ["sack", "scaling"]}),
    "paths/stripped_acks": D(STRIPPED, {"agreed": ["sack", "scaling"]}),
    "paths/mss_1401_no_timestamps": D(ROUNDED, {"server sends": 1400}),
    "paths/mss_1221_no_timestamps": D(ROUNDED, {"server sends": 1220}),
    "reuse/other_isn": D(
        "cookies keep nothing of the first SYN: the second one is answered at "
        "once, where the kernel makes the client wait for a retransmission", {
            "answer": ["SA"], "then": True}),
    "lost/lost_data": D(AGAIN, {"the client": "timed out"}),
    "lost/lost_end": D(AGAIN, {"the client": "timed out"}),
}
