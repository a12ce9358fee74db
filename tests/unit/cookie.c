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

/* What a cookie keeps of @hs, according to the comment in cookie.h. */
static struct handshake kept_of(bool v4, struct handshake hs)
{
	uint32_t mss = hs.mss, ws = hs.wscale;

	if (hs.ts)
		mss = v4 ? ROUND_DOWN(mss, 536, 1220, 1300, 1360, 1400, 1440,
				      1460, 8960)
			 : ROUND_DOWN(mss, 1220, 1280, 1340, 1360, 1380, 1420,
				      1440, 8940);
	else if (hs.sack)
		mss = v4 ? ROUND_DOWN(mss, 536, 1300, 1440, 1460)
			 : ROUND_DOWN(mss, 1220, 1340, 1420, 1440);
	else
		mss = v4 ? ROUND_DOWN(mss, 536, 1440)
			 : ROUND_DOWN(mss, 1220, 1420);

	if (!hs.ts && ws != WSCALE_NONE)
		ws = hs.sack && !hs.ecn ? ROUND_DOWN(ws, 0, 2, 4, 6, 7, 8, 10)
					: ROUND_DOWN(ws, 0, 7, 8);
	hs.mss = mss;
	hs.wscale = ws;
	return hs;
}

static void round_trip(bool v4, uint32_t epoch)
{
	struct world w = world_new(10 + v4, v4);
	uint32_t n;

	for (n = 0; n < OFFERS; n++) {
		const struct handshake offer = offer_nth(n);
		struct handshake kept = offer, back = {}, want;
		struct cookie c = make(&w, epoch, &kept);

		want = kept_of(v4, offer);
		if (!same(&kept, &want))
			fail_msg("IPv%d SYN with %s: expected a SYN-ACK with "
				 "%s, got %s",
				 v4 ? 4 : 6, text_of(&offer).s,
				 text_of(&want).s, text_of(&kept).s);
		if (cookie_slot(c.isn) != epoch)
			fail_msg("IPv%d SYN with %s: expected a cookie of "
				 "slot %u, got %08x",
				 v4 ? 4 : 6, text_of(&offer).s, epoch, c.isn);
		if (!check(&w, &c, offer.ts, &back))
			fail_msg("IPv%d SYN with %s: expected its cookie %08x "
				 "%08x to pass, it failed",
				 v4 ? 4 : 6, text_of(&offer).s, c.isn, c.tsval);
		if (!same(&back, &kept))
			fail_msg("IPv%d SYN with %s: expected %s back, got %s",
				 v4 ? 4 : 6, text_of(&offer).s,
				 text_of(&kept).s, text_of(&back).s);
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

/* Invariants that hold whatever the levels are. */
static void never_more_than_offered(void **state)
{
	uint32_t n;

	(void)state;
	for (n = 0; n < OFFERS * 2; n++) {
		const struct handshake offer = offer_nth(n >> 1);
		bool v4 = n & 1;
		struct world w = world_new(20, v4);
		struct handshake kept = offer;
		const char *broken = NULL;
		__u16 least = v4 ? 536 : 1220;

		make(&w, 0, &kept);
		if (kept.mss > (offer.mss < least ? least : offer.mss))
			broken = "no larger MSS";
		else if (kept.wscale == WSCALE_NONE &&
			 offer.wscale != WSCALE_NONE)
			broken = "window scaling kept";
		else if (kept.wscale > offer.wscale)
			broken = "no larger window scale";
		else if (offer.ts && kept.wscale != offer.wscale)
			broken = "the exact window scale";
		else if (kept.sack != offer.sack)
			broken = "SACK as offered";
		else if (kept.ecn != offer.ecn)
			broken = "ECN as offered";
		else if (kept.ts != offer.ts)
			broken = "timestamps as offered";
		if (broken)
			fail_msg("IPv%d SYN with %s: expected %s, got %s",
				 v4 ? 4 : 6, text_of(&offer).s, broken,
				 text_of(&kept).s);
	}
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
		{ "Windows with ECN", 1, { 1460, 8, 1, 1, 0 } },
		{ "Windows with ECN, IPv6", 0, { 1440, 8, 1, 1, 0 } },
		{ "Linux without timestamps", 1, { 1460, 7, 1, 0, 0 } },
		{ "the same, IPv6", 0, { 1440, 7, 1, 0, 0 } },
		{ "the same with ECN", 1, { 1460, 7, 1, 1, 0 } },
		{ "Linux", 1, { 1460, 7, 1, 0, 1 } },
		{ "Linux, IPv6", 0, { 1440, 7, 1, 0, 1 } },
		{ "Linux with large buffers", 1, { 1460, 10, 1, 0, 1 } },
		{ "macOS with ECN", 1, { 1460, 6, 1, 1, 1 } },
		{ "FreeBSD, IPv6", 0, { 1440, 6, 1, 0, 1 } },
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

/* The 64 profiles are 64 different handshakes, each encoded exactly. */
static void profiles_mirror(void **state)
{
	uint32_t p, v4;

	(void)state;
	for (v4 = 0; v4 < 2; v4++) {
		for (p = 0; p <= COOKIE_PROFILE_MASK; p++) {
			struct handshake hs = {};
			uint32_t back;

			cookie_unprofile(v4, p, &hs);
			back = cookie_profile(v4, &hs);
			if (back != p)
				fail_msg("IPv%d profile %02x (%s): expected "
					 "the same again, got %02x",
					 v4 ? 4 : 6, p, text_of(&hs).s, back);
		}
	}
}

static void field(const char *name, uint32_t got, uint32_t want)
{
	if (got != want)
		fail_msg("%s: expected %x, got %x", name, want, got);
}

/* The diagrams of cookie.h, from the MAC of cookie_mac(). */
static void layout_with_timestamps(void **state)
{
	struct world w = world_new(40, true);
	struct handshake hs = { 1440, 9, 1, 0, 1 };
	struct cookie c = make(&w, 1, &hs);
	uint64_t mac = cookie_mac(&w.keys[1], &w.t, w.isn,
				  1 << 15 | 5 << 6 | 1 << 4 | 9);

	(void)state;
	field("epoch, ISN bit 31", c.isn >> 31, 1);
	field("level of MSS 1440, ISN bits 30..28", c.isn >> 28 & 7, 5);
	field("MAC, ISN bits 27..0", c.isn & 0xfffffff, mac >> 36);
	field("MAC, TSval bits 31..6", c.tsval >> 6, mac >> 10 & 0x3ffffff);
	field("ECN, TSval bit 5", c.tsval >> 5 & 1, 0);
	field("SACK, TSval bit 4", c.tsval >> 4 & 1, 1);
	field("window scale, TSval bits 3..0", c.tsval & 15, 9);
}

static void layout_without_timestamps(void **state)
{
	static const struct {
		const char *name;
		struct handshake hs;
		uint32_t profile;
	} cases[] = {
		{ "profile 1wwwmm", { 1460, 8, 1, 0, 0 }, 0x20 | 6 << 2 | 3 },
		{ "profile 01wwmm", { 1300, 7, 1, 1, 0 }, 0x10 | 2 << 2 | 1 },
		{ "profile 00ewwm", { 1500, 8, 0, 1, 0 }, 0x08 | 3 << 1 | 1 },
		{ "nothing offered", { 536, WSCALE_NONE, 0, 0, 0 }, 0 },
	};
	struct world w = world_new(41, true);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct handshake hs = cases[i].hs;
		struct cookie c = make(&w, 1, &hs);
		uint64_t mac =
			cookie_mac(&w.keys[1], &w.t, w.isn, cases[i].profile);

		field(cases[i].name, c.isn & 0x3f, cases[i].profile);
		field("MAC, ISN bits 30..6", c.isn >> 6 & 0x1ffffff, mac >> 39);
		field("epoch, ISN bit 31", c.isn >> 31, 1);
		field("TSval", c.tsval, 0);
	}
}

/* Of a counting epoch only the lowest bit shows. */
static void epoch_by_its_lowest_bit(void **state)
{
	struct world w = world_new(42, true);
	uint32_t n;

	(void)state;
	for (n = 0; n < 8; n++) {
		struct handshake a = { 1460, 8, 1, 0, n >> 2 }, b = a;
		struct cookie want = make(&w, n & 1, &a), c;

		cookie_make(&w.keys[n & 1], n + 6, &w.t, w.isn, &b, &c);
		field("ISN of a later epoch", c.isn, want.isn);
		field("TSval of a later epoch", c.tsval, want.tsval);
	}
}

/*
 * Cookies in flight must survive an upgrade. Changing these numbers breaks the
 * handshakes in progress, so it has to be deliberate.
 */
static void known_cookies(void **state)
{
	static const struct {
		const char *name;
		bool v4;
		struct handshake hs;
		struct cookie want;
	} known[] = {
		{ "IPv4", 1, { 1460, 8, 1, 0, 0 }, { 0xed98b87b, 0x00000000 } },
		{ "IPv4, timestamps",
		  1,
		  { 1460, 7, 1, 0, 1 },
		  { 0xe4474917, 0x878e4017 } },
		{ "IPv6", 0, { 1440, 8, 1, 0, 0 }, { 0xfd84023b, 0x00000000 } },
		{ "IPv6, timestamps",
		  0,
		  { 1440, 7, 1, 1, 1 },
		  { 0xe58407d2, 0x2d0aa137 } },
	};
	const struct siphash_key key = { 0x0706050403020100,
					 0x0f0e0d0c0b0a0908 };
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		struct tuple t = { .client_port = htobe16_const(40000),
				   .server_port = htobe16_const(443) };
		struct handshake hs = known[i].hs;
		struct cookie c;

		for (j = 0; j < 4; j++) {
			t.client[j] = htobe32_const(0x20010db8 + j);
			t.server[j] = htobe32_const(0x20010db8 + 256 * j);
		}
		if (known[i].v4) {
			t.client[0] = t.client[1] = 0;
			t.server[0] = t.server[1] = 0;
			t.client[2] = t.server[2] = htobe32_const(0xffff);
		}
		cookie_make(&key, 1, &t, 0x12345678, &hs, &c);
		if (c.isn != known[i].want.isn ||
		    c.tsval != known[i].want.tsval)
			fail_msg("%s: expected %08x %08x, got %08x %08x",
				 known[i].name, known[i].want.isn,
				 known[i].want.tsval, c.isn, c.tsval);
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
	cmocka_unit_test(common_clients_exact),
	cmocka_unit_test(profiles_mirror),
	cmocka_unit_test(layout_with_timestamps),
	cmocka_unit_test(layout_without_timestamps),
	cmocka_unit_test(epoch_by_its_lowest_bit),
	cmocka_unit_test(known_cookies),
	cmocka_unit_test(same_syn_same_cookie),
};

TEST_MAIN(tests)
