// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: what the program knows about connections, from its table
 * and from the kernel's sockets: which packets pass because of that, and what
 * is inserted. What is evicted from a full set: test_sets.c.
 */
#include <linux/bpf.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

static enum session_state state_of(const struct spec *s)
{
	struct tuple t = sessions_tuple(s);

	return sessions_find(&t, NULL);
}

static bool passes(const char *what, const struct spec *s, enum reason reason)
{
	return expect_spec(what, s, XDP_PASS, reason);
}

/* The kernel answers with a challenge ACK; nothing changes. */
static void syn_of_live_session(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 42008, .flags = SYN };
	unsigned bad = 0;
	int st;

	(void)state;
	netns_connect(&s, NULL, NULL);
	for (st = SESSION_PENDING; st <= SESSION_TIME_WAIT; st++) {
		sessions_clear();
		sessions_put_state(&s, st);
		bad += !passes("SYN", &s, REASON_session_syn);
		bad += state_of(&s) != (enum session_state)st;
	}
	assert_int_equal(bad, 0);
}

/* A reopened TIME-WAIT: the next ACK is looked up again. */
static void syn_of_time_wait(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 42009, .flags = SYN };
	unsigned bad = 0;
	int st;

	(void)state;
	netns_time_wait(&s);
	for (st = SESSION_ESTABLISHED; st <= SESSION_TIME_WAIT; st++) {
		sessions_clear();
		sessions_put_state(&s, st);
		bad += !passes("SYN", &s, REASON_session_syn);
		assert_int_equal(state_of(&s), SESSION_OPENING);
		bad += !passes("SYN again", &s, REASON_session_syn);
	}
	assert_int_equal(bad, 0);
}

/* The kernel has no socket: the session is over, the SYN like any other. */
static void syn_of_ended_session(void **state)
{
	struct spec s = { .flags = SYN, .opts = "mss:1460" };
	static struct frame in;
	static struct run r;
	int st;

	(void)state;
	packet_build(&s, &in);
	for (st = SESSION_OPENING; st <= SESSION_TIME_WAIT; st++) {
		sessions_clear();
		sessions_put_state(&s, st);
		harness_run(&in, &r);
		assert_int_equal(r.verdict, XDP_TX);
		assert_int_equal(r.reason, REASON_answered);
		/* a cookie may be in flight for a pending one */
		assert_int_equal(state_of(&s), st == SESSION_PENDING
						       ? SESSION_PENDING
						       : SESSION_FREE);
	}
}

static void touched(void **state)
{
	struct spec s = { .flags = ACK };
	struct session old = { .tuple = sessions_tuple(&s) };

	(void)state;
	old.live.state = SESSION_ESTABLISHED;
	old.live.service = SERVICE_4;
	old.live.seen = sessions_now() - 10000;
	sessions_put(&old);
	assert_true(passes("ACK", &s, REASON_session));
	sessions_find(&old.tuple, &old);
	assert_in_range(sessions_now() - old.live.seen, 0, 100);
	assert_int_equal(old.live.service, SERVICE_4);
}

static void neighbours_are_unknown(void **state)
{
	struct spec s = { .flags = ACK };
	unsigned bad = 0;

	(void)state;
	sessions_put_state(&s, SESSION_ESTABLISHED);
	s.sport = 40001;
	bad += !expect_spec("another port", &s, XDP_DROP, REASON_bad_cookie);
	s.sport = 0;
	s.src = "198.51.100.8";
	bad += !expect_spec("another client", &s, XDP_DROP, REASON_bad_cookie);
	s.src = NULL;
	s.dst = NEAR4;
	bad += !expect_spec("another server", &s, XDP_DROP, REASON_bad_cookie);
	assert_int_equal(bad, 0);
}

static void adopted(void **state)
{
	unsigned v6;

	(void)state;
	for (v6 = 0; v6 < 2; v6++) {
		struct spec s = { .v6 = v6,
				  .src = v6 ? NEAR6 : NEAR4,
				  .sport = 42001 + v6,
				  .flags = ACK };
		struct tuple t = sessions_tuple(&s);
		struct session session;

		netns_connect(&s, NULL, NULL);
		assert_true(passes("first", &s, REASON_adopted));
		assert_int_equal(sessions_find(&t, &session),
				 SESSION_ESTABLISHED);
		assert_int_equal(session.live.service,
				 v6 ? SERVICE_6 : SERVICE_4);
		assert_true(passes("second", &s, REASON_session));
		s.flags = SYN;
		assert_true(passes("SYN", &s, REASON_session_syn));
		s.flags = ACK;
		assert_true(passes("ACK after it", &s, REASON_session));
		assert_int_equal(sessions_find(&t, NULL), SESSION_ESTABLISHED);
	}
}

static void pending_becomes_established(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 42003, .flags = ACK };

	(void)state;
	netns_connect(&s, NULL, NULL);
	sessions_put_state(&s, SESSION_PENDING);
	assert_true(passes("ACK", &s, REASON_session));
	assert_int_equal(state_of(&s), SESSION_ESTABLISHED);
}

static bool event_says(enum event_kind kind, const struct spec *s)
{
	struct tuple t = sessions_tuple(s);
	struct event e;

	return harness_event(&e) && e.kind == kind &&
	       !memcmp(&e.tuple, &t, sizeof(t)) && e.service == SERVICE_4;
}

/*
 * No ACK of @of's is in the batch: what follows, once the stale socket is gone,
 * must be admitted, and not passed as back to back with one.
 */
static bool waits_for_nothing(const struct spec *of)
{
	struct tuple t = sessions_tuple(of);
	struct session s = {};

	return sessions_find(&t, &s) == SESSION_OPENING &&
	       sessions_now() - s.born > 1;
}

static void half_open(void **state)
{
	struct spec s = { .sport = 42004, .flags = SYN, .opts = "mss:1460" };
	struct handshake kept;
	struct event e;

	(void)state;
	netns_listen(false, 443);
	netns_half_open(&s);
	s.flags = ACK;
	assert_true(
		passes("ACK of the kernel's handshake", &s, REASON_half_open));
	assert_int_equal(state_of(&s), SESSION_FREE);
	assert_false(harness_event(&e));
	s.flags = SYN;
	s = synack_ack(&s, &with_ts, &kept);
	assert_true(expect_spec("ACK of our cookie", &s, XDP_DROP,
				REASON_stale_socket));
	assert_true(event_says(EVENT_STALE_SOCKET, &s));
	assert_true(waits_for_nothing(&s));
}

static void time_wait(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 42005, .flags = ACK };
	struct handshake kept;

	(void)state;
	netns_time_wait(&s);
	assert_true(passes("ACK", &s, REASON_time_wait));
	assert_int_equal(state_of(&s), SESSION_TIME_WAIT);
	assert_true(passes("ACK again", &s, REASON_session));
	sessions_clear();
	s.flags = SYN;
	s = synack_ack(&s, &with_ts, &kept);
	assert_true(expect_spec("ACK of our cookie", &s, XDP_DROP,
				REASON_stale_socket));
	assert_true(event_says(EVENT_STALE_SOCKET, &s));
	assert_true(waits_for_nothing(&s));
}

/* What the server's socket @fd expects next, and the end of what it sends. */
static void sequence_of(int fd, uint32_t *ret_rcv_nxt, uint32_t *ret_write_seq)
{
	uint32_t *const into[] = { ret_rcv_nxt, ret_write_seq };
	const int queues[] = { TCP_RECV_QUEUE, TCP_SEND_QUEUE };
	int repair = TCP_REPAIR_ON, i;
	socklen_t len = sizeof(*into[0]);

	assert_false(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &repair,
				sizeof(repair)));
	for (i = 0; i < 2; i++) {
		assert_false(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE,
					&queues[i], sizeof(queues[i])));
		assert_false(getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, into[i],
					&len));
	}
	repair = TCP_REPAIR_OFF_NO_WP;
	assert_false(setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &repair,
				sizeof(repair)));
}

/*
 * The kernel advances snd_nxt only after handing a packet to the driver. Fast
 * clients' FINs acknowledged data that had just been sent and were not counted:
 * one session in 500 stayed half-closed until it timed out. Here written data
 * waits for the client's window.
 */
static void fin_that_was_faster_than_snd_nxt(void **state)
{
	struct spec s = { .src = NEAR4, .sport = 42010, .flags = FIN | ACK };
	static const char much[1 << 16];
	int server, unsent;

	(void)state;
	netns_connect(&s, NULL, &server);
	while (send(server, much, sizeof(much), MSG_DONTWAIT) > 0)
		;
	assert_false(ioctl(server, SIOCOUTQNSD, &unsent));
	assert_true(unsent > 0);
	sequence_of(server, &s.seq, &s.ack);
	sessions_put_state(&s, SESSION_ESTABLISHED);
	s.ack++;
	assert_true(
		passes("FIN for what was never written", &s, REASON_session));
	assert_int_equal(state_of(&s), SESSION_ESTABLISHED);
	s.ack--;
	assert_true(passes("FIN", &s, REASON_session));
	assert_int_equal(state_of(&s), SESSION_HALF_CLOSED_CLIENT);
}

/* This host connects out from the service's port; the server answers. */
static void syn_ack_for_own_connection(void **state)
{
	struct spec s = { .sport = 42006, .flags = SYN | ACK };
	unsigned bad = 0;

	(void)state;
	netns_syn_sent(&s);
	bad += !passes("SYN+ACK", &s, REASON_socket);
	s.flags = RST | ACK;
	bad += !passes("RST+ACK", &s, REASON_socket);
	s.sport = 42007;
	s.flags = SYN | ACK;
	bad += !expect_spec("SYN+ACK to nobody", &s, XDP_DROP,
			    REASON_bad_flags);
	assert_int_equal(bad, 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(syn_of_live_session),
	TEST(syn_of_time_wait),
	TEST(syn_of_ended_session),
	TEST(touched),
	TEST(neighbours_are_unknown),
	TEST(adopted),
	TEST(pending_becomes_established),
	TEST(half_open),
	TEST(time_wait),
	TEST(fin_that_was_faster_than_snd_nxt),
	TEST(syn_ack_for_own_connection),
};

TEST_MAIN(tests)
