// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: what the endpoint says of its listener: MSS, TTL or hop
 * limit, TOS or traffic class of the SYN-ACK; the largest segment that the
 * socket may send; and whether an ACK without data counts.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

/* Both services have the listener of @told. */
static void tell(const struct endpoint *told)
{
	struct endpoint four = harness_service(SERVICE_4, ENDPOINT_ARMED);
	struct port_services ps;

	four.mss = told->mss;
	four.hop_limit = told->hop_limit;
	four.tos = told->tos;
	four.flags = told->flags;
	ps = (struct port_services){ .any4 = four, .any6 = four };
	ps.any6.service = SERVICE_6;
	harness_port(443, &ps);
}

static void set_ip(struct frame *f, bool v6, uint8_t hops, uint8_t tos)
{
	uint8_t *ip = f->data + f->l3;

	if (v6) {
		ip[0] = 0x60 | tos >> 4;
		ip[1] = (ip[1] & 0xf) | tos << 4;
		ip[7] = hops;
	} else {
		ip[1] = tos;
		ip[8] = hops;
	}
	packet_checksum(f, v6);
}

struct row {
	const char *what;
	struct endpoint told;
	bool reflect;
	uint8_t tos; /* of the SYN */
	uint16_t mss4, mss6;
	uint8_t hops, answer_tos; /* of the SYN-ACK; hops 0: the host's */
};

static bool answers(const struct row *row, bool v6)
{
	static struct frame in, out;
	struct spec syn = { .v6 = v6,
			    .flags = SYN,
			    .tos = row->tos,
			    .opts = "mss:1460 sack ts:7:0 nop ws:7" };
	struct answer_spec a = { .hs = with_ts };
	char opts[64];

	snprintf(opts, sizeof(opts), "mss:%d sack ts:COOKIE:7 nop ws:9",
		 v6 ? row->mss6 : row->mss4);
	a.opts = opts;
	packet_build(&syn, &in);
	synack_build(&syn, &in, &a, &out);
	set_ip(&out, v6,
	       row->hops ? row->hops
	       : v6	 ? harness.cfg.hop_limit
			 : harness.cfg.ttl,
	       row->answer_tos);
	return expect(row->what, &in, XDP_TX, REASON_answered, &out);
}

static const struct row answered_rows[] = {
	{ "told nothing", {}, false, 0xb8, 1460, 1440, 0, 0 },
	{ "MSS", { .mss = 1200 }, false, 0, 1200, 1200, 0, 0 },
	{ "MSS above the interface's",
	  { .mss = 9000 },
	  false,
	  0,
	  1460,
	  1440,
	  0,
	  0 },
	{ "the least MSS", { .mss = 88 }, false, 0, 88, 88, 0, 0 },
	{ "TTL", { .hop_limit = 255 }, false, 0, 1460, 1440, 255, 0 },
	{ "TTL 1", { .hop_limit = 1 }, false, 0, 1460, 1440, 1, 0 },
	{ "TOS", { .tos = 0xb8 }, false, 0, 1460, 1440, 0, 0xb8 },
	{ "TOS, and the SYN has one",
	  { .tos = 0xb8 },
	  false,
	  0x48,
	  1460,
	  1440,
	  0,
	  0xb8 },
	{ "reflected", {}, true, 0x48, 1460, 1440, 0, 0x48 },
	{ "reflected but for ECN", {}, true, 0xff, 1460, 1440, 0, 0xfc },
	{ "reflected, not the listener's",
	  { .tos = 0xb8 },
	  true,
	  0x48,
	  1460,
	  1440,
	  0,
	  0x48 },
	{ "reflected zero, not the listener's",
	  { .tos = 0xb8 },
	  true,
	  0,
	  1460,
	  1440,
	  0,
	  0 },
	{ "everything",
	  { .mss = 1000, .hop_limit = 20, .tos = 0x10 },
	  false,
	  0xb8,
	  1000,
	  1000,
	  20,
	  0x10 },
};

static void answer_follows(void **state)
{
	unsigned i, bad = 0;

	(void)state;
	for (i = 0; i < 2 * sizeof(answered_rows) / sizeof(answered_rows[0]);
	     i++) {
		const struct row *row = &answered_rows[i / 2];

		tell(&row->told);
		harness.cfg.flags &= ~SETTING_REFLECT_TOS;
		harness.cfg.flags |= row->reflect ? SETTING_REFLECT_TOS : 0;
		harness_settings();
		bad += !answers(row, i & 1);
	}
	assert_int_equal(bad, 0);
}

static struct spec ack_of(bool v6, const struct handshake *hs)
{
	struct spec syn = { .v6 = v6, .flags = SYN };
	struct handshake kept;

	return synack_ack(&syn, hs, &kept);
}

/* The MSS that the kernel is told. */
static void sends_no_larger_segments(void **state)
{
	static const struct {
		const char *what;
		/* of the socket; exact: from timestamps */
		uint16_t told, mss4, mss6, exact6;
	} rows[] = {
		{ "no bound", 0, 1460, 1440, 1460 },
		{ "a bound", 1300, 1300, 1300, 1300 },
		{ "a bound above the client's", 9000, 1460, 1440, 1460 },
		{ "below what the kernel takes", 100, 536, 1220, 1220 },
	};
	static struct frame in;
	static struct run r;
	unsigned i, bad = 0;

	(void)state;
	if (!harness_assigns())
		skip();
	for (i = 0; i < 4 * sizeof(rows) / sizeof(rows[0]); i++) {
		const struct handshake *hs = i & 2 ? &with_ts : &without_ts;
		bool v6 = i & 1;
		uint16_t want = !v6	? rows[i / 4].mss4
				: i & 2 ? rows[i / 4].exact6
					: rows[i / 4].mss6;
		struct spec ack = ack_of(v6, hs);

		tell(&(struct endpoint){ .mss = rows[i / 4].told });
		sessions_clear();
		packet_build(&ack, &in);
		harness_run(&in, &r);
		if (r.reason != REASON_admitted || r.meta.mss != want) {
			fprintf(stderr,
				"%s, IPv%d, %s timestamps: expected MSS %u, "
				"got %u (%s)\n",
				rows[i / 4].what, v6 ? 6 : 4,
				i & 2 ? "with" : "without", want, r.meta.mss,
				reason_name(r.reason));
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static bool expect_only(const char *what, const struct spec *s,
			uint32_t verdict, enum reason reason, bool entered)
{
	const struct tuple t = sessions_tuple(s);
	bool is;

	sessions_clear();
	if (!expect_spec(what, s, verdict, reason))
		return false;
	is = sessions_find(&t, NULL) != SESSION_FREE;
	if (is != entered)
		fprintf(stderr, "%s: expected %s session\n", what,
			entered ? "a" : "no");
	return is == entered;
}

static void deferred(void **state)
{
	unsigned i, bad = 0;

	(void)state;
	if (!harness_assigns())
		skip();
	tell(&(struct endpoint){ .flags = ENDPOINT_DEFER });
	for (i = 0; i < 4; i++) {
		const struct spec good =
			ack_of(i & 1, i & 2 ? &with_ts : &without_ts);
		struct spec s = good;

		bad += !expect_only("bare ACK", &s, XDP_DROP, REASON_deferred,
				    false);
		s.pad = true;
		bad += !expect_only("padded", &s, XDP_DROP, REASON_deferred,
				    false);
		s = good;
		s.trailer = 4;
		bad += !expect_only("with a trailer", &s, XDP_DROP,
				    REASON_deferred, false);
		s = good;
		s.data = 1;
		bad += !expect_only("data", &s, XDP_PASS, REASON_admitted,
				    true);
		s = good;
		s.flags |= FIN;
		bad += !expect_only("FIN", &s, XDP_PASS, REASON_admitted, true);
		s = good;
		s.ack++;
		bad += !expect_only("bare ACK, bad cookie", &s, XDP_DROP,
				    REASON_bad_cookie, false);
	}
	assert_int_equal(bad, 0);
}

/* The kernel's RST says so. */
static void deferred_without_listener(void **state)
{
	const struct spec ack = ack_of(false, &with_ts);

	(void)state;
	if (!harness_assigns())
		skip();
	tell(&(struct endpoint){ .flags = ENDPOINT_DEFER });
	assert_true(
		expect_spec("no listener", &ack, XDP_PASS, REASON_no_listener));
}

#define TEST(name, setup) \
	cmocka_unit_test_setup_teardown(name, setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(answer_follows, harness_setup),
	TEST(sends_no_larger_segments, harness_setup_listening),
	TEST(deferred, harness_setup_listening),
	TEST(deferred_without_listener, harness_setup),
};

TEST_MAIN(tests)
