// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: samples of dropped packets: none without a capture;
 * otherwise what was requested, up to SAMPLE_BYTES of each packet.
 */
#include <linux/bpf.h>

#include "harness.h"
#include "sessions.h"
#include "testmain.h"

static void capture(__u64 reasons, __u16 service, __u32 rate)
{
	harness.cfg.flags |= SETTING_SAMPLED;
	harness.cfg.sample_reasons = reasons;
	harness.cfg.sample_service = service;
	harness.cfg.samples_per_second = rate;
	harness_settings();
}

static void drop(const struct spec *s)
{
	assert_true(expect_spec("RST", s, XDP_DROP, REASON_stray_rst));
}

static void off(void **state)
{
	struct spec s = { .flags = RST };
	struct sample sample;

	(void)state;
	drop(&s);
	assert_false(harness_sample(&sample));
}

/* Drops @s, which must be sampled: the frame that went in, and the sample. */
static void drop_sampled(const struct spec *s, struct frame *in,
			 struct sample *ret)
{
	packet_build(s, in);
	capture(~0ULL, 0, 10);
	drop(s);
	assert_true(harness_sample(ret));
	assert_int_equal(ret->length, in->len);
}

static void what_was_dropped(void **state)
{
	struct spec s = { .flags = RST, .data = 300 };
	struct tuple t = sessions_tuple(&s);
	struct sample sample;
	struct frame in;

	(void)state;
	drop_sampled(&s, &in, &sample);
	assert_int_equal(sample.reason, REASON_stray_rst);
	assert_int_equal(sample.service, SERVICE_4);
	assert_int_equal(sample.ifindex, LO);
	assert_int_equal(sample.data_len, SAMPLE_BYTES);
	assert_memory_equal(sample.data, in.data, SAMPLE_BYTES);
	assert_memory_equal(&sample.tuple, &t, sizeof(t));
}

static void short_frame(void **state)
{
	struct spec s = { .flags = RST };
	struct sample sample;
	struct frame in;

	(void)state;
	drop_sampled(&s, &in, &sample);
	assert_int_equal(sample.data_len, in.len);
	assert_memory_equal(sample.data, in.data, in.len);
}

static void only_what_is_asked_for(void **state)
{
	struct spec s = { .flags = RST };
	struct spec good = { .dport = 81, .flags = SYN };
	struct sample sample;

	(void)state;
	capture(1ULL << REASON_bad_cookie, 0, 10);
	drop(&s);
	assert_false(harness_sample(&sample));
	capture(~0ULL, SERVICE_6, 10);
	drop(&s);
	assert_false(harness_sample(&sample));
	capture(~0ULL, SERVICE_4, 10);
	assert_true(
		expect_spec("what passes", &good, XDP_PASS, REASON_no_service));
	assert_false(harness_sample(&sample));
	drop(&s);
	assert_true(harness_sample(&sample));
}

/* What a monitored service would have dropped is sampled, too. */
static void monitored(void **state)
{
	struct spec s = { .flags = RST };
	struct sample sample;

	(void)state;
	capture(~0ULL, 0, 10);
	harness_mode(ENDPOINT_MONITOR);
	assert_true(expect_spec("RST", &s, XDP_PASS, REASON_stray_rst));
	assert_true(harness_sample(&sample));
}

static void so_many_a_second(void **state)
{
	struct spec s = { .flags = RST };
	struct sample sample;
	unsigned i, got = 0;

	(void)state;
	capture(~0ULL, 0, 160); /* 11 in a sixteenth */
	for (i = 0; i < 50; i++) {
		drop(&s);
		got += harness_sample(&sample);
	}
	assert_in_range(got, 11, 33); /* it may end in between */
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(off),	   TEST(what_was_dropped),
	TEST(short_frame), TEST(only_what_is_asked_for),
	TEST(monitored),   TEST(so_many_a_second),
};

TEST_MAIN(tests)
