// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: all 256 values of the flags byte in every situation of a
 * packet to a service. Only SYN, ACK, RST and FIN matter: the tables have a row
 * for each of their 16 combinations; the other four flags must make no
 * difference.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "netns.h"
#include "sessions.h"
#include "testmain.h"

struct row {
	uint8_t flags;
	uint32_t verdict;
	enum reason reason;
};

enum { COMBINATIONS = 16, DECISIVE = SYN | ACK | RST | FIN };

/* As in docs/ARCHITECTURE.md: no session, no socket, armed. */
static const struct row unknown_rows[COMBINATIONS] = {
	{ 0, WANT(DROP, bad_flags) },
	{ FIN, WANT(DROP, bad_flags) },
	{ SYN, WANT(TX, answered) },
	{ SYN | FIN, WANT(DROP, bad_flags) },
	{ RST, WANT(DROP, stray_rst) },
	{ RST | FIN, WANT(DROP, bad_flags) },
	{ RST | SYN, WANT(DROP, bad_flags) },
	{ RST | SYN | FIN, WANT(DROP, bad_flags) },
	{ ACK, WANT(DROP, bad_cookie) },
	{ ACK | FIN, WANT(DROP, bad_cookie) },
	{ ACK | SYN, WANT(DROP, bad_flags) },
	{ ACK | SYN | FIN, WANT(DROP, bad_flags) },
	{ ACK | RST, WANT(DROP, stray_rst) },
	{ ACK | RST | FIN, WANT(DROP, bad_flags) },
	{ ACK | RST | SYN, WANT(DROP, bad_flags) },
	{ ACK | RST | SYN | FIN, WANT(DROP, bad_flags) },
};

static const struct row session_rows[COMBINATIONS] = {
	{ 0, WANT(DROP, bad_flags) },
	{ FIN, WANT(DROP, bad_flags) },
	{ SYN, WANT(PASS, session_syn) },
	{ SYN | FIN, WANT(DROP, bad_flags) },
	{ RST, WANT(PASS, session_rst) },
	{ RST | FIN, WANT(DROP, bad_flags) },
	{ RST | SYN, WANT(DROP, bad_flags) },
	{ RST | SYN | FIN, WANT(DROP, bad_flags) },
	{ ACK, WANT(PASS, session) },
	{ ACK | FIN, WANT(PASS, session) },
	{ ACK | SYN, WANT(DROP, bad_flags) },
	{ ACK | SYN | FIN, WANT(DROP, bad_flags) },
	{ ACK | RST, WANT(PASS, session_rst) },
	{ ACK | RST | FIN, WANT(DROP, bad_flags) },
	{ ACK | RST | SYN, WANT(DROP, bad_flags) },
	{ ACK | RST | SYN | FIN, WANT(DROP, bad_flags) },
};

/* The same, with a full socket behind it. */
static const struct row live_rows[COMBINATIONS] = {
	{ 0, WANT(PASS, socket) },
	{ FIN, WANT(PASS, socket) },
	{ SYN, WANT(PASS, session_syn) },
	{ SYN | FIN, WANT(PASS, socket) },
	{ RST, WANT(PASS, session_rst) },
	{ RST | FIN, WANT(PASS, socket) },
	{ RST | SYN, WANT(PASS, socket) },
	{ RST | SYN | FIN, WANT(PASS, socket) },
	{ ACK, WANT(PASS, session) },
	{ ACK | FIN, WANT(PASS, session) },
	{ ACK | SYN, WANT(PASS, socket) },
	{ ACK | SYN | FIN, WANT(PASS, socket) },
	{ ACK | RST, WANT(PASS, session_rst) },
	{ ACK | RST | FIN, WANT(PASS, socket) },
	{ ACK | RST | SYN, WANT(PASS, socket) },
	{ ACK | RST | SYN | FIN, WANT(PASS, socket) },
};

/* A session whose socket is gone. */
static const struct row ghost_rows[COMBINATIONS] = {
	{ 0, WANT(DROP, bad_flags) },
	{ FIN, WANT(DROP, bad_flags) },
	{ SYN, WANT(TX, answered) },
	{ SYN | FIN, WANT(DROP, bad_flags) },
	{ RST, WANT(PASS, session_rst) },
	{ RST | FIN, WANT(DROP, bad_flags) },
	{ RST | SYN, WANT(DROP, bad_flags) },
	{ RST | SYN | FIN, WANT(DROP, bad_flags) },
	{ ACK, WANT(PASS, session) },
	{ ACK | FIN, WANT(PASS, session) },
	{ ACK | SYN, WANT(DROP, bad_flags) },
	{ ACK | SYN | FIN, WANT(DROP, bad_flags) },
	{ ACK | RST, WANT(PASS, session_rst) },
	{ ACK | RST | FIN, WANT(DROP, bad_flags) },
	{ ACK | RST | SYN, WANT(DROP, bad_flags) },
	{ ACK | RST | SYN | FIN, WANT(DROP, bad_flags) },
};

/* A socket that the session table does not know. */
static const struct row socket_rows[COMBINATIONS] = {
	{ 0, WANT(PASS, socket) },
	{ FIN, WANT(PASS, socket) },
	{ SYN, WANT(PASS, session_syn) },
	{ SYN | FIN, WANT(PASS, socket) },
	{ RST, WANT(PASS, socket) },
	{ RST | FIN, WANT(PASS, socket) },
	{ RST | SYN, WANT(PASS, socket) },
	{ RST | SYN | FIN, WANT(PASS, socket) },
	{ ACK, WANT(PASS, adopted) },
	{ ACK | FIN, WANT(PASS, adopted) },
	{ ACK | SYN, WANT(PASS, socket) },
	{ ACK | SYN | FIN, WANT(PASS, socket) },
	{ ACK | RST, WANT(PASS, socket) },
	{ ACK | RST | FIN, WANT(PASS, socket) },
	{ ACK | RST | SYN, WANT(PASS, socket) },
	{ ACK | RST | SYN | FIN, WANT(PASS, socket) },
};

static const struct row disarmed_rows[COMBINATIONS] = {
	{ 0, WANT(PASS, socket) },
	{ FIN, WANT(PASS, socket) },
	{ SYN, WANT(PASS, disarmed_syn) },
	{ SYN | FIN, WANT(PASS, socket) },
	{ RST, WANT(PASS, disarmed_ack) },
	{ RST | FIN, WANT(PASS, socket) },
	{ RST | SYN, WANT(PASS, socket) },
	{ RST | SYN | FIN, WANT(PASS, socket) },
	{ ACK, WANT(PASS, disarmed_ack) },
	{ ACK | FIN, WANT(PASS, disarmed_ack) },
	{ ACK | SYN, WANT(PASS, socket) },
	{ ACK | SYN | FIN, WANT(PASS, socket) },
	{ ACK | RST, WANT(PASS, disarmed_ack) },
	{ ACK | RST | FIN, WANT(PASS, socket) },
	{ ACK | RST | SYN, WANT(PASS, socket) },
	{ ACK | RST | SYN | FIN, WANT(PASS, socket) },
};

/* A monitored service: everything passes, the reasons are those of the rows. */
static bool monitored;

static const struct row *row_of(const struct row *rows, unsigned flags)
{
	while (rows->flags != (flags & DECISIVE))
		rows++;
	return rows;
}

/* Runs @s with all 256 flags. @state: of its session before each run. */
static void run_flags(struct spec s, const struct row *rows,
		      enum session_state state)
{
	static struct frame in;
	static struct run r;
	unsigned flags, bad = 0;
	char what[64];

	for (flags = 0; flags < 256; flags++) {
		const struct row *row = row_of(rows, flags);

		sessions_clear();
		if (state != SESSION_FREE)
			sessions_put_state(&s, state);
		snprintf(what, sizeof(what), "IPv%d, flags 0x%02x",
			 s.v6 ? 6 : 4, flags);
		s.flags = flags;
		r.linear = r.ifindex = 0;
		packet_build(&s, &in);
		harness_run(&in, &r);
		if (monitored) {
			bad += !expect_run(what, &in, &r, XDP_PASS, row->reason,
					   NULL);
			if (r.monitored != (row->verdict != XDP_PASS)) {
				fprintf(stderr, "%s: counted with the %s\n",
					what,
					r.monitored ? "spared" : "others");
				bad++;
			}
			continue;
		}
		if (row->verdict == XDP_TX) /* test_syn looks at the bytes */
			memcpy(in.data, r.data, in.len = r.len);
		bad += !expect_run(what, &in, &r, row->verdict, row->reason,
				   NULL);
	}
	assert_int_equal(bad, 0);
}

static void unknown(void **state)
{
	(void)state;
	run_flags((struct spec){}, unknown_rows, SESSION_FREE);
}

static void unknown_ipv6(void **state)
{
	(void)state;
	run_flags((struct spec){ .v6 = true }, unknown_rows, SESSION_FREE);
}

static void unknown_with_listener(void **state)
{
	(void)state;
	netns_listen(false, 443);
	run_flags((struct spec){}, unknown_rows, SESSION_FREE);
}

static void known_session(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 41003 };

	(void)state;
	netns_connect(&s, NULL, NULL);
	run_flags(s, live_rows, SESSION_ESTABLISHED);
}

static void known_session_ipv6(void **state)
{
	struct spec s = { .v6 = true, .src = NEAR6, .sport = 41004 };

	(void)state;
	netns_connect(&s, NULL, NULL);
	run_flags(s, live_rows, SESSION_ESTABLISHED);
}

static void time_wait_session(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 41005 };

	(void)state;
	netns_time_wait(&s);
	run_flags(s, session_rows, SESSION_TIME_WAIT);
}

/* A session without a socket: only for a SYN is the kernel asked. */
static void session_without_socket(void **state)
{
	(void)state;
	run_flags((struct spec){}, ghost_rows, SESSION_ESTABLISHED);
}

static void disarmed(void **state)
{
	(void)state;
	harness_mode(ENDPOINT_DISARMED);
	run_flags((struct spec){}, disarmed_rows, SESSION_FREE);
}

/* Evaluated as if armed, but everything passes unchanged. */
static void monitor(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 41006 };

	(void)state;
	monitored = true;
	harness_mode(ENDPOINT_MONITOR);
	run_flags((struct spec){}, unknown_rows, SESSION_FREE);
	run_flags((struct spec){ .v6 = true }, unknown_rows, SESSION_FREE);
	netns_connect(&s, NULL, NULL);
	run_flags(s, socket_rows, SESSION_FREE);
	run_flags(s, live_rows, SESSION_ESTABLISHED);
	monitored = false;
}

/* Policy off is disarmed, by another name. */
static void off(void **state)
{
	(void)state;
	harness_mode(ENDPOINT_OFF);
	run_flags((struct spec){}, disarmed_rows, SESSION_FREE);
}

static void established_socket(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 41001 };

	(void)state;
	netns_connect(&s, NULL, NULL);
	run_flags(s, socket_rows, SESSION_FREE);
}

static void established_socket_ipv6(void **state)
{
	struct spec s = { .v6 = true, .src = NEAR6, .sport = 41002 };

	(void)state;
	netns_connect(&s, NULL, NULL);
	run_flags(s, socket_rows, SESSION_FREE);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(unknown),
	TEST(unknown_ipv6),
	TEST(unknown_with_listener),
	TEST(known_session),
	TEST(known_session_ipv6),
	TEST(time_wait_session),
	TEST(session_without_socket),
	TEST(disarmed),
	TEST(monitor),
	TEST(off),
	TEST(established_socket),
	TEST(established_socket_ipv6),
};

TEST_MAIN(tests)
