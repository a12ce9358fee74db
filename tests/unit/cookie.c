/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what a cookie encodes, for every handshake that a SYN
 * can request. The levels are repeated here as plain lists.
 */
#include "testmain.h"

#include "cookies.h"

enum {
	MSS_TRIED = 9216, /* every one up to here, and 65535 */
	OFFERS = (MSS_TRIED + 1) * 128,
};

/* Every combination of options, one after the other. */
static struct handshake offer_nth(uint32_t n)
{
	struct handshake hs = {
		.wscale = n & 15, /* 15 is WSCALE_NONE */
		.sack = n >> 4 & 1,
		.ecn = n >> 5 & 1,
		.ts = n >> 6 & 1,
		.mss = n >> 7 == MSS_TRIED ? 65535 : n >> 7,
	};

	return hs;
}

static uint32_t round_down(uint32_t value, const uint16_t *levels, size_t n)
{
	while (n > 1 && levels[n - 1] > value)
		n--;
	return levels[n - 1];
}
#define ROUND_DOWN(value, ...)                               \
	round_down(value, (const uint16_t[]){ __VA_ARGS__ }, \
		   ARRAY_SIZE(((const uint16_t[]){ __VA_ARGS__ })))

/* What the acknowledgement number alone keeps, by the comment in cookie.h. */
static struct handshake profile_of(bool v4, struct handshake hs)
{
	uint32_t mss = hs.mss, ws = hs.wscale;

	if (ws != WSCALE_NONE)
		ws = hs.sack && hs.ecn ? ROUND_DOWN(ws, 0, 6, 8)
		     : hs.sack	       ? ROUND_DOWN(ws, 0, 2, 4, 6, 7, 8, 10)
		     : hs.ecn	       ? 0
				       : ROUND_DOWN(ws, 0, 7);
	if (hs.sack && !hs.ecn && ws == 8)
		mss = v4 ? ROUND_DOWN(mss, 536, 1220, 1300, 1360, 1400, 1440,
				      1452, 1460)
			 : ROUND_DOWN(mss, 1220, 1300, 1340, 1360, 1400, 1420,
				      1432, 1440);
	else if (hs.sack || (!hs.ecn && ws == WSCALE_NONE))
		mss = v4 ? ROUND_DOWN(mss, 536, 1220, 1400, 1460)
			 : ROUND_DOWN(mss, 1220, 1300, 1400, 1440);
	else
		mss = v4 ? ROUND_DOWN(mss, 536, 1220)
			 : ROUND_DOWN(mss, 1220, 1300);
	hs.mss = mss;
	hs.wscale = ws;
	hs.ts = 0;
	return hs;
}

/* With timestamps everything. */
static struct handshake kept_of(bool v4, struct handshake hs)
{
	return hs.ts ? hs : profile_of(v4, hs);
}

static uint32_t least(bool v4)
{
	return v4 ? 536 : 1220;
}

/* One ACK of the client that offered @offer must come back as @want. */
static void comes_back(const struct world *w, struct cookie c, bool ts,
		       const char *what, const struct handshake *offer,
		       const struct handshake *want)
{
	struct handshake back = {};

	if (!check(w, &c, ts, &back))
		fail_msg("IPv%d SYN with %s: expected its cookie %08x %08x to "
			 "pass %s, it failed",
			 w->v4 ? 4 : 6, text_of(offer).s, c.isn, c.tsval, what);
	if (!same(&back, want))
		fail_msg("IPv%d SYN with %s: expected %s %s, got %s",
			 w->v4 ? 4 : 6, text_of(offer).s, text_of(want).s, what,
			 text_of(&back).s);
}

static void round_trip(bool v4, uint32_t epoch)
{
	struct world w = world_new(10 + v4, v4);
	uint32_t n;

	for (n = 0; n < OFFERS; n++) {
		const struct handshake offer = offer_nth(n);
		struct handshake kept = offer, want, bare;
		struct cookie c, other;

		if (offer.mss < least(v4))
			continue;
		c = make(&w, epoch, &kept);
		want = kept_of(v4, offer);
		bare = profile_of(v4, offer);
		if (!same(&kept, &want))
			fail_msg("IPv%d SYN with %s: expected a SYN-ACK with "
				 "%s, got %s",
				 v4 ? 4 : 6, text_of(&offer).s,
				 text_of(&want).s, text_of(&kept).s);
		if (cookie_slot(c.isn) != epoch)
			fail_msg("IPv%d SYN with %s: expected a cookie of "
				 "slot %u, got %08x",
				 v4 ? 4 : 6, text_of(&offer).s, epoch, c.isn);
		comes_back(&w, c, offer.ts, "back", &offer, &want);
		comes_back(&w, c, false, "without timestamps", &offer, &bare);
		bare.ts = 1;
		other = c;
		other.tsval = c.tsval ^ 0x80000000;
		comes_back(&w, other, true, "with another TSecr", &offer,
			   &bare);
	}
}

static void round_trip_ipv4(void **state)
{
	(void)state;
	round_trip(true, 0);
	round_trip(true, 1);
}

static void round_trip_ipv6(void **state)
{
	(void)state;
	round_trip(false, 0);
	round_trip(false, 1);
}

/* Invariants that hold whatever the levels are. @got: without timestamps. */
static const char *more_than(const struct handshake *offer,
			     const struct handshake *got)
{
	if (got->mss > offer->mss)
		return "no larger MSS";
	if ((got->wscale == WSCALE_NONE) != (offer->wscale == WSCALE_NONE))
		return "window scaling kept";
	if (got->wscale > offer->wscale)
		return "no larger window scale";
	if (got->sack != offer->sack)
		return "SACK as offered";
	return got->ecn != offer->ecn ? "ECN as offered" : NULL;
}

static void never_more_than_offered(void **state)
{
	uint32_t n;

	(void)state;
	for (n = 0; n < OFFERS * 2; n++) {
		const struct handshake offer = offer_nth(n >> 1);
		bool v4 = n & 1;
		struct world w = world_new(20, v4);
		struct handshake kept = offer, back;
		const char *broken;
		struct cookie c;

		if (offer.mss < least(v4))
			continue;
		c = make(&w, 0, &kept);
		broken = more_than(&offer, &kept);
		if (!broken && kept.ts != offer.ts)
			broken = "timestamps as offered";
		if (!broken && offer.ts && !same(&kept, &offer))
			broken = "everything, with timestamps";
		if (!broken && check(&w, &c, false, &back)) {
			broken = more_than(&offer, &back);
			kept = back;
		}
		if (broken)
			fail_msg("IPv%d SYN with %s: expected %s, got %s",
				 v4 ? 4 : 6, text_of(&offer).s, broken,
				 text_of(&kept).s);
	}
}

/* A larger offer never gets less. */
static void rounding_is_monotone(void **state)
{
	uint32_t n;

	(void)state;
	for (n = 0; n < 128; n++) {
		bool v4 = n >> 6;
		struct handshake hs = offer_nth(n & 63), last = { 0 }, got;
		uint32_t mss;

		for (mss = least(v4); mss < MSS_TRIED; mss++, last = got) {
			hs.mss = mss;
			cookie_unprofile(v4, cookie_profile(v4, &hs), &got);
			if (got.mss < last.mss)
				fail_msg("IPv%d SYN with %s: expected MSS %u "
					 "or more, as for MSS %u, got %u",
					 v4 ? 4 : 6, text_of(&hs).s, last.mss,
					 mss - 1, got.mss);
		}
	}
	for (n = 0; n < 8; n++) {
		bool v4 = n & 1;
		struct handshake hs = { 1460, 0, n >> 1 & 1, n >> 2 }, got;
		uint32_t last = 0;

		for (; hs.wscale <= WSCALE_MAX;
		     hs.wscale++, last = got.wscale) {
			cookie_unprofile(v4, cookie_profile(v4, &hs), &got);
			if (got.wscale < last)
				fail_msg("IPv%d SYN with %s: expected a scale "
					 "of %u or more, got %u",
					 v4 ? 4 : 6, text_of(&hs).s, last,
					 got.wscale);
		}
	}
}

/* Without timestamps, on the paths of today: what rounding may cost. */
static void windows_on_any_path(void **state)
{
	struct handshake hs = { 0, 8, 1, 0, 0 }, got;
	uint32_t v4, mss;

	(void)state;
	for (v4 = 0; v4 < 2; v4++) {
		for (mss = 1220; mss <= 1460; mss++) {
			hs.mss = mss;
			cookie_unprofile(v4, cookie_profile(v4, &hs), &got);
			if (got.mss * 100 < mss * 93 || got.wscale != 8)
				fail_msg(
					"Windows, IPv%d, MSS %u: expected 7 %% "
					"less at most and scale 8, got %s",
					v4 ? 4 : 6, mss, text_of(&got).s);
		}
	}
}

static void what_no_cookie_holds(void **state)
{
	uint32_t v4, mss;

	(void)state;
	for (v4 = 0; v4 < 2; v4++)
		for (mss = 0; mss <= 65535; mss++)
			if (cookie_can_hold(v4, mss) != (mss >= least(v4)))
				fail_msg("IPv%d, MSS %u: expected %s",
					 v4 ? 4 : 6, mss,
					 mss < least(v4) ? "no cookie"
							 : "a cookie");
}

static void common_clients_exact(void **state)
{
	static const struct {
		const char *name;
		bool v4;
		struct handshake hs;
	} clients[] = {
		{ "Windows", 1, { 1460, 8, 1, 0, 0 } },
		{ "Windows, IPv6", 0, { 1440, 8, 1, 0, 0 } },
		{ "Windows, PPPoE", 1, { 1452, 8, 1, 0, 0 } },
		{ "Windows, PPPoE, IPv6", 0, { 1432, 8, 1, 0, 0 } },
		{ "Windows, MTU 1280, IPv6", 0, { 1220, 8, 1, 0, 0 } },
		{ "Windows with ECN", 1, { 1460, 8, 1, 1, 0 } },
		{ "Windows with ECN, IPv6", 0, { 1440, 8, 1, 1, 0 } },
		{ "Linux without timestamps", 1, { 1460, 7, 1, 0, 0 } },
		{ "the same, IPv6", 0, { 1440, 7, 1, 0, 0 } },
		{ "macOS without timestamps", 1, { 1460, 6, 1, 0, 0 } },
		{ "the same with ECN", 1, { 1460, 6, 1, 1, 0 } },
		{ "Linux", 1, { 1460, 7, 1, 0, 1 } },
		{ "Linux, IPv6", 0, { 1440, 7, 1, 0, 1 } },
		{ "Linux with large buffers", 1, { 1460, 10, 1, 0, 1 } },
		{ "macOS with ECN", 1, { 1460, 6, 1, 1, 1 } },
		{ "FreeBSD, IPv6", 0, { 1440, 6, 1, 0, 1 } },
		{ "a tunnel of its own", 1, { 1373, 9, 1, 1, 1 } },
		{ "jumbo frames", 1, { 8960, 14, 1, 0, 1 } },
		{ "jumbo frames, IPv6", 0, { 8940, 14, 1, 0, 1 } },
		{ "no options", 1, { 536, WSCALE_NONE, 0, 0, 0 } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(clients); i++) {
		struct world w = world_new(30, clients[i].v4);
		struct handshake kept = clients[i].hs, back = {};
		struct cookie c = make(&w, 1, &kept);

		if (!check(&w, &c, kept.ts, &back) ||
		    !same(&back, &clients[i].hs))
			fail_msg("%s: expected %s, got %s", clients[i].name,
				 text_of(&clients[i].hs).s, text_of(&back).s);
	}
}

static void same_syn_same_cookie(void **state)
{
	uint32_t n;

	(void)state;
	for (n = 0; n < 128 * 256; n++) {
		struct handshake first = offer_nth(n % 128 + 1460 * 128);
		struct handshake second = first;
		struct world w = world_new(n, n & 1);
		struct cookie a = make(&w, 0, &first);
		struct cookie b = make(&w, 0, &second);

		if (a.isn != b.isn || a.tsval != b.tsval)
			fail_msg("the same SYN with %s: expected %08x %08x "
				 "again, got %08x %08x",
				 text_of(&first).s, a.isn, a.tsval, b.isn,
				 b.tsval);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(round_trip_ipv4),
	cmocka_unit_test(round_trip_ipv6),
	cmocka_unit_test(never_more_than_offered),
	cmocka_unit_test(rounding_is_monotone),
	cmocka_unit_test(windows_on_any_path),
	cmocka_unit_test(what_no_cookie_holds),
	cmocka_unit_test(common_clients_exact),
	cmocka_unit_test(same_syn_same_cookie),
};

TEST_MAIN(tests)
