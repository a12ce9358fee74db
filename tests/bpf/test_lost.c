// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: a client's ACK and first data were lost, and what
 * arrives comes after them: no RST, the client sends them again. What only
 * looks like it is reset.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

/* LOST_SEARCHES_PER_SECOND */
enum { SEARCHES = 100, PACKETS = 1000 };

static int setup(void **state)
{
	if (harness_setup_listening(state))
		return -1;
	harness.cfg.resets_per_second = 1000000;
	harness.cfg.source_bits4 = 24;
	harness.cfg.source_bits6 = 56;
	harness_settings();
	return 0;
}

static const struct row {
	const char *what;
	uint32_t lost; /* bytes before it */
	uint16_t data;
	uint8_t flags;
	bool ours;
} rows[] = {
	{ "one byte lost", 1, 10, ACK | PSH, true },
	{ "a greeting lost", 21, 1448, ACK, true },
	{ "a segment lost", 1448, 300, ACK | PSH, true },
	{ "the largest segment lost", 1460, 1, ACK, true },
	{ "three segments lost", 3 * 1400, 1400, ACK, true },
	{ "ten segments lost", 10 * 1448, 1448, ACK, true },
	{ "data lost before FIN", 100, 0, ACK | FIN, true },
	{ "nothing sent before it", 100, 0, ACK, false },
	{ "too much lost", 1461, 300, ACK, false },
	{ "eleven segments lost", 11 * 1448, 1448, ACK, false },
	{ "before the first byte", (uint32_t)-1, 300, ACK, false },
};

static unsigned run(const char *name, bool v6, const struct handshake *hs)
{
	const struct spec syn = { .v6 = v6, .flags = SYN };
	unsigned i, bad = 0;
	struct handshake kept;
	char what[80];

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec s = synack_ack(&syn, hs, &kept);

		s.flags = rows[i].flags;
		s.seq += rows[i].lost;
		s.data = rows[i].data;
		snprintf(what, sizeof(what), "%s, %s", rows[i].what, name);
		if (rows[i].ours)
			bad += !expect_spec(what, &s, XDP_DROP,
					    REASON_data_before_socket);
		else
			bad += !expect_spec(what, &s, XDP_PASS, REASON_reset);
	}
	return bad;
}

static void is_not_reset(void **state)
{
	(void)state;
	assert_int_equal(
		run("IPv4", false, &with_ts) +
			run("IPv4 without timestamps", false, &without_ts) +
			run("IPv6", true, &with_ts) +
			run("IPv6 without timestamps", true, &without_ts),
		0);
}

/* Beyond its budget of a second, such a segment is reset like any other. */
static void search_is_limited(void **state)
{
	static const struct spec syn = { .flags = SYN };
	static const struct handshake hs = { 1460, 7, 1, 0, 1 };
	__u32 begin = sessions_now(), seconds;
	unsigned i, resets = 0, found = 0;
	static struct frame in;
	struct handshake kept;
	static struct run r;
	struct spec s;

	(void)state;
	s = synack_ack(&syn, &hs, &kept);
	s.seq += 1000;
	s.data = 10;
	packet_build(&s, &in);
	for (i = 0; i < PACKETS; i++) {
		harness_run(&in, &r);
		resets += r.reason == REASON_reset;
		found += r.reason == REASON_data_before_socket;
	}
	assert_int_equal(resets + found, PACKETS);
	/* in an emulated guest it takes many seconds */
	seconds = ticks_to_ms(sessions_now() - begin) / 1000 + 2;
	assert_in_range(found, SEARCHES / 2, SEARCHES * seconds);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(is_not_reset),
	TEST(search_is_limited),
};

TEST_MAIN(tests)
