# SPDX-License-Identifier: GPL-2.0-only
"""The floods that test_flood.py leaves out, and what may come back.

Theory of operation: random options, every combination of flags, fragments, and
each kind again on IPv6, with the conditions of underflood.py. Then what an
attacker may hope for: that a guess opens a connection, that an answer is larger
than the packet that causes it, that an allowed source needs no cookie. Figures
are printed, expected beside found.
"""
import contextlib

from netenv import last_json
from nettest import net_test
from sockets import listen
from underflood import ATTACKER, grown, protected, under_flood

DROPPED = ["bad_cookie", "expired_cookie", "stray_rst", "bad_flags", "reset"]
TRIES = 1 << 24
FEW_TRIES = 1 << 20  # in every run
MAC_BITS = 25  # 2^-25 per guess: docs/THREATMODEL.md
MOST_GUESSED = 6  # Poisson with mean 0.5: more has a probability of 10^-6
FRIEND = "198.51.100.7"
FRIENDS = "[sources]\nsynacks-per-second = 100\ndeny = {0}/deny\n" \
    "allow = {0}/allow\n"


def shape(env, kind, expected, v6=False):
    protected(env, kind, expected, v6, seconds=1)


def quick(env, kind, expected, v6, src=None):
    """Good clients in a second of it; see test_flood.protected()."""
    received, reasons, _ = under_flood(env, kind, v6, src, seconds=1)
    flood = sum(reasons.get(r, 0) for r in expected)
    assert flood > received / 2, f"{kind}: {received} received, {flood} " \
        f"counted as {expected}: {reasons}"


@net_test
def test_options(env):
    """A SYN with options of any kind is answered, or dropped for its header."""
    shape(env, "options", ["answered", "bad_header"])


@net_test
def test_options_v6(env):
    shape(env, "options", ["answered", "bad_header"], v6=True)


@net_test
def test_every_combination_of_flags(env):
    shape(env, "flags", ["answered", *DROPPED])


@net_test
def test_every_combination_of_flags_v6(env):
    shape(env, "flags", ["answered", *DROPPED], v6=True)


@net_test
def test_fragments(env):
    """Later ones pass, but cannot be reassembled."""
    shape(env, "fragments", ["fragment", "later_fragment", *DROPPED])


@net_test
def test_fragments_v6(env):
    shape(env, "fragments", ["fragment", "later_fragment", *DROPPED], v6=True)


@net_test
def test_each_kind_on_ipv6(env):
    env.nginx()
    env.synkeeperd()
    for kind in ("rst", "fin", "synack", "xmas", "none", "ack-plain"):
        quick(env, kind, DROPPED, True)
    for kind, expected in (("syn", ["answered"]), ("ack", DROPPED)):
        quick(env, kind, expected, True, "2001:db9::5")


def random_acks(env, kind, tries):
    """The result of @n of them: (arrived, admitted). Those lost on a full link
    are replaced."""
    with listen(env) as listener:
        env.synkeeperd()
        sent = 0
        while sent < tries:
            flood = env.flood(kind, 60, count=tries - sent)
            assert flood.wait(70) == 0, flood.output()
            sent = sum(env.json("stats")["total"].values())
        forged = env.json("stats")["total"].get("admitted", 0)
        opened = env.json("session", "totals")["total"]["opened"]
        listener.settimeout(0)
        accepted = 0
        with contextlib.suppress(BlockingIOError):
            while listener.accept():
                accepted += 1
    assert accepted <= opened <= forged, f"{forged} ACKs were admitted, " \
        f"{opened} sessions opened, {accepted} sockets accepted"
    return sent, forged


def guesses(env, kind, tries):
    """One in 2^25, with and without timestamps."""
    sent, forged = random_acks(env, kind, tries)
    print(f"{sent} random ACKs ({kind}): expected "
          f"{sent / 2 ** MAC_BITS:.2f} connections forged, found {forged}")
    assert forged <= MOST_GUESSED, f"{sent} random ACKs forged {forged} " \
        f"connections, expected {sent / 2 ** MAC_BITS:.2f}"


@net_test
def test_random_acks(env):
    guesses(env, "ack-plain", FEW_TRIES)


@net_test
def test_random_acks_with_timestamps(env):
    guesses(env, "ack", FEW_TRIES)


@net_test(timeout=300)
def test_random_acks_2_24(env):
    """Half a connection on average; see MOST_GUESSED."""
    guesses(env, "ack-plain", TRIES)


@net_test(timeout=300)
def test_random_acks_with_timestamps_2_24(env):
    guesses(env, "ack", TRIES)


for _test in (test_random_acks_2_24, test_random_acks_with_timestamps_2_24):
    _test.net_test_only_by = "tests/run random_acks_2_24 " \
        "random_acks_with_timestamps_2_24"


def reflection(env, kind, v6):
    """(SYNs, SYN-ACKs, bytes of both on the wire)"""
    env.fetch(v6=v6)  # the server knows its neighbour
    before = env.client_seen()
    flood = env.flood(kind, 1, v6=v6)
    assert flood.wait(10) == 0, flood.output()
    sent = last_json(flood)
    seen = grown(before, env.client_seen())
    return (sent["sent"], seen.get("spoofed_synack", 0), sent["bytes"],
            seen.get("spoofed_bytes", 0), seen)


@net_test
def test_no_answer_weighs_more_than_its_question(env):
    """Frames as they are on the wire: at least 60 bytes. The answer to a SYN
    with options but no MSS may be the MSS's four bytes larger."""
    env.nginx()
    env.xdp(env.client, "client_weigh")
    env.synkeeperd()
    for kind, grows in (("syn-bare", False), ("syn", False),
                        ("options", True)):
        for v6 in (False, True):
            sent, answers, asked, answered, seen = reflection(env, kind, v6)
            name = f"{kind}, IPv{6 if v6 else 4}"
            print(f"{name}: {sent} SYNs, {answers} SYN-ACKs, bytes out per "
                  f"byte in {answered / asked:.3f}")
            assert sent / 2 < answers <= sent, \
                f"{name}: {sent} SYNs, {answers} SYN-ACKs"
            others = {k: n for k, n in seen.items()
                      if k not in ("spoofed_synack", "spoofed_bytes")}
            assert not others, f"{name}: something else came back: {others}"
            most = asked + (4 * sent if grows or v6 and kind == "syn-bare"
                            else 0)
            assert answered * sent <= most * answers, f"{name}: {answered} " \
                f"bytes came back for {asked}, at most {most} may"


def friends(env):
    """The flood's source, and a good client's, are allowed; all others are
    denied."""
    for name, text in (("deny", "0.0.0.0/0\n"),
                       ("allow", f"{FRIEND}\n192.0.2.0/24\n")):
        with open(f"{env.dir}/{name}", "w", encoding="ascii") as f:
            f.write(text)
    env.nginx()
    env.synkeeperd("-c", env.configure(FRIENDS.format(env.dir)))


@net_test
def test_an_allowed_source_needs_a_cookie(env):
    """Allowed means bypassing lists and cap, never the cookie. Forging such a
    source creates no socket, no session, no request."""
    friends(env)
    for kind, reasons in (("syn", ["answered"]), ("ack", DROPPED),
                          ("ack-plain", DROPPED), ("mixed", ["answered",
                                                             *DROPPED])):
        received, got, kernel = under_flood(env, kind, src=FRIEND, seconds=1)
        flood = sum(got.get(r, 0) for r in reasons)
        good = sum(got.get(r, 0) for r in ("session", "session_rst",
                                           "session_syn", "admitted"))
        assert flood >= 0.99 * (received - good), \
            f"{kind} of an allowed source: {received} received: {got}"
        assert not got.get("denied") and not got.get("over_cap"), \
            f"{kind} of an allowed source did not bypass the lists: {got}"
        leak = sum(kernel.values())
        assert leak <= received / 1000, \
            f"{kind}: {leak} of {received} reached the kernel's TCP: {kernel}"
    rows = [r["client"] for r in env.json("session", "list")
            if r["client"].startswith(FRIEND)]
    assert len(rows) <= 1, f"sessions of who never answered: {rows[:5]}"


@net_test
def test_a_denied_source_gets_nothing(env):
    """The reverse."""
    friends(env)
    _, got, _ = under_flood(env, "syn", src=ATTACKER, seconds=1)
    assert got.get("denied", 0) > 1000, f"a denied source: {got}"
