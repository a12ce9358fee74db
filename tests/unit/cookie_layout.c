/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: where the bits of a cookie are. cookie.c shows what they
 * encode.
 */
#include "testmain.h"

#include "cookies.h"

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
static void layout_of_timestamp(void **state)
{
	struct world w = world_new(40, true);
	struct handshake hs = { 1437, 9, 1, 0, 1 };
	struct cookie c = make(&w, 1, &hs);
	uint64_t mac = cookie_mac(&w.keys[1], &w.t, w.isn, 0x3c, 0);

	(void)state;
	field("epoch, ISN bit 31", c.isn >> 31, 1);
	field("MAC, ISN bits 30..6", c.isn >> 6 & 0x1ffffff, mac >> 39);
	field("profile, scale 8 and MSS 1400", c.isn & 0x3f, 0x3c);
	c.tsval ^= mac >> 7 & 0xffffffff;
	field("TSval bits 31..20", c.tsval >> 20, 0);
	field("MSS, TSval bits 19..4", c.tsval >> 4 & 0xffff, 1437);
	field("window scale, TSval bits 3..0", c.tsval & 15, 9);
}

static void layout_of_profile(void **state)
{
	static const struct {
		const char *name;
		struct handshake hs;
		uint32_t profile;
	} cases[] = {
		{ "profile 1wwwmm", { 1460, 7, 1, 0, 0 }, 0x20 | 5 << 2 | 3 },
		{ "profile 1111mm", { 1440, 8, 1, 0, 0 }, 0x3c | 1 },
		{ "profile 0011mm", { 1300, 8, 1, 0, 0 }, 0x0c | 2 },
		{ "profile 01wwmm", { 1300, 7, 1, 1, 0 }, 0x10 | 2 << 2 | 1 },
		{ "profile 0010wm", { 1500, 8, 0, 1, 0 }, 0x08 | 1 << 1 | 1 },
		{ "profile 0001wm", { 1219, 7, 0, 0, 0 }, 0x04 | 1 << 1 },
		{ "profile 0000mm", { 1400, WSCALE_NONE, 0, 0, 0 }, 2 },
		{ "nothing offered", { 536, WSCALE_NONE, 0, 0, 0 }, 0 },
	};
	struct world w = world_new(41, true);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct handshake hs = cases[i].hs;
		struct cookie c = make(&w, 1, &hs);
		uint64_t mac = cookie_mac(&w.keys[1], &w.t, w.isn,
					  cases[i].profile, 0);

		field(cases[i].name, c.isn & 0x3f, cases[i].profile);
		field("MAC, ISN bits 30..6", c.isn >> 6 & 0x1ffffff, mac >> 39);
		field("epoch, ISN bit 31", c.isn >> 31, 1);
		field("TSval", c.tsval, 0);
	}
}

/*
 * With a TSecr that is not ours the server continues from a timestamp that the
 * client cannot take for an old one (PAWS), else from the client's echo.
 */
static void server_continues(void **state)
{
	uint32_t n;

	(void)state;
	for (n = 0; n < 65536; n++) {
		struct world w = world_new(n, n & 1);
		struct handshake hs = { 1220 + n % 8000, n % 15, 1, 0, 1 };
		struct cookie c = make(&w, 0, &hs), again = c;

		if (!check(&w, &again, true, &hs) || again.tsval != c.tsval)
			fail_msg("TSecr %08x: expected the server to continue "
				 "from it, got %08x",
				 c.tsval, again.tsval);
		again.tsval = ~c.tsval;
		if (!check(&w, &again, true, &hs) ||
		    again.tsval - c.tsval > COOKIE_TS_FIELDS)
			fail_msg("TSecr %08x instead of %08x: expected the "
				 "server to continue up to %x later, got %08x",
				 ~c.tsval, c.tsval, COOKIE_TS_FIELDS,
				 again.tsval);
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

		cookie_make(&w.keys[n & 1], n + 6, 0, &w.t, w.isn, &b, &c);
		field("ISN of a later epoch", c.isn, want.isn);
		field("TSval of a later epoch", c.tsval, want.tsval);
	}
}

enum { KNOWN_ISN = 0x12345678 };

static const struct siphash_key known_key = { 0x0706050403020100,
					      0x0f0e0d0c0b0a0908 };

static struct tuple known_tuple(bool v4)
{
	struct tuple t = { .client_port = htobe16_const(40000),
			   .server_port = htobe16_const(443) };
	size_t i;

	for (i = 0; i < 4; i++) {
		t.client[i] = htobe32_const(0x20010db8 + i);
		t.server[i] = htobe32_const(0x20010db8 + 256 * i);
	}
	if (v4) {
		t.client[0] = t.client[1] = 0;
		t.server[0] = t.server[1] = 0;
		t.client[2] = t.server[2] = htobe32_const(0xffff);
	}
	return t;
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
		{ "IPv4", 1, { 1460, 8, 1, 0, 0 }, { 0xe96b31ff, 0x00000000 } },
		{ "IPv4, timestamps",
		  1,
		  { 1460, 7, 1, 0, 1 },
		  { 0xce7191f7, 0xfcfd59f8 } },
		{ "IPv6", 0, { 1440, 8, 1, 0, 0 }, { 0xf0105dbf, 0x00000000 } },
		{ "IPv6, timestamps",
		  0,
		  { 1440, 7, 1, 1, 1 },
		  { 0x83562d1b, 0x75b54f98 } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		struct tuple t = known_tuple(known[i].v4);
		struct handshake hs = known[i].hs;
		struct cookie c;

		cookie_make(&known_key, 1, 0, &t, KNOWN_ISN, &hs, &c);
		if (c.isn != known[i].want.isn ||
		    c.tsval != known[i].want.tsval)
			fail_msg("%s: expected %08x %08x, got %08x %08x",
				 known[i].name, known[i].want.isn,
				 known[i].want.tsval, c.isn, c.tsval);
	}
}

/*
 * Cookies of the layouts before: their keys are taken over by an upgrade, but a
 * cookie that was in flight has to fail, not to mean other options.
 */
static void former_layouts_fail(void **state)
{
	static const struct {
		const char *name;
		bool v4, ts;
		struct cookie c;
	} former[] = {
		{ "IPv4", 1, 0, { 0xed98b87b, 0x00000000 } },
		{ "IPv4, timestamps", 1, 1, { 0xe4474917, 0x878e4017 } },
		{ "IPv6", 0, 0, { 0xfd84023b, 0x00000000 } },
		{ "IPv6, timestamps", 0, 1, { 0xe58407d2, 0x2d0aa137 } },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(former); i++) {
		struct tuple t = known_tuple(former[i].v4);
		struct cookie c = former[i].c;
		struct handshake hs;

		if (cookie_check(&known_key, 0, &t, KNOWN_ISN, &c, former[i].ts,
				 &hs))
			fail_msg("%s, cookie %08x %08x of a former layout: "
				 "expected it to fail, it passed as %s",
				 former[i].name, c.isn, c.tsval,
				 text_of(&hs).s);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(profiles_mirror),
	cmocka_unit_test(layout_of_timestamp),
	cmocka_unit_test(layout_of_profile),
	cmocka_unit_test(server_continues),
	cmocka_unit_test(epoch_by_its_lowest_bit),
	cmocka_unit_test(known_cookies),
	cmocka_unit_test(former_layouts_fail),
};

TEST_MAIN(tests)
