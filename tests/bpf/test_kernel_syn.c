// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: who answers a SYN to a service with its listener's own
 * cookies: the kernel is asked about each one, and a SYN for which it makes no
 * cookie passes, for the kernel to answer. test_kernel_cookie checks the
 * cookies.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernelside.h"
#include "netns.h"
#include "sessions.h"
#include "testmain.h"

#define LINUX "mss:1460 sack ts:7777:0 nop ws:7"

static const struct spec syn4 = { .flags = SYN, .opts = LINUX };
static const struct spec syn6 = { .v6 = true, .flags = SYN, .opts = LINUX };

static bool passes(const char *what, const struct spec *s, enum reason reason)
{
	return expect_spec(what, s, XDP_PASS, reason);
}

static bool answered(const char *what, const struct spec *s)
{
	struct answer_spec a = { .hs.wscale = WSCALE_NONE,
				 .opts = s->v6 ? "mss:1440" : "mss:1460" };
	struct cookie c;

	return kernelside_answered(what, s, &a, &c);
}

static void nobody_listens(void **state)
{
	unsigned bad = 0;

	(void)state;
	bad += !passes("IPv4", &syn4, REASON_kernel_syn);
	bad += !passes("IPv6", &syn6, REASON_kernel_syn);
	netns_listen(false, 444);
	bad += !passes("at another port", &syn4, REASON_kernel_syn);
	netns_listen(false, 443);
	bad += !answered("now somebody does", &syn4);
	netns_close_all();
	bad += !passes("nobody any more", &syn4, REASON_kernel_syn);
	assert_int_equal(bad, 0);
}

/* No cookie, since nobody could accept it: the kernel drops the SYN. */
static void accept_queue_full(void **state)
{
	static const struct spec near = { .src = NEAR4, .sport = 42100 };
	int fd, client;

	(void)state;
	fd = netns_listen(false, 443);
	netns_fill_queue(fd, &near);
	assert_true(passes("queue full", &syn4, REASON_kernel_syn));
	client = accept(fd, NULL, NULL);
	assert_true(client >= 0);
	close(client);
	assert_true(answered("there is room", &syn4));
}

static void tcp_syncookies(void **state)
{
	static const struct spec other = { .sport = 42101, .flags = SYN };
	int fd = netns_listen(false, 443);

	(void)state;
	netns_sysctl("tcp_syncookies", "1");
	assert_true(passes("1", &syn4, REASON_kernel_syn));
	netns_sysctl("tcp_syncookies", "0");
	assert_true(passes("0", &syn4, REASON_kernel_syn));
	netns_sysctl("tcp_syncookies", "1");
	netns_half_open(&other);
	assert_false(listen(fd, 0));
	assert_true(answered("1, its queue of requests is full", &syn4));
	netns_sysctl("tcp_syncookies", "2");
	assert_true(answered("2", &syn4));
}

/* Whether or not the table has it; a cookie would interfere. */
static void connections_of_the_kernel(void **state)
{
	static const struct spec open = { .src = NEAR4,
					  .sport = 42102,
					  .flags = SYN };
	static const struct spec open6 = {
		.v6 = true, .src = NEAR6, .sport = 42103, .flags = SYN
	};
	static const struct spec waiting = { .src = NEAR4,
					     .sport = 42104,
					     .flags = SYN };
	static const struct spec half = { .sport = 42105, .flags = SYN };
	unsigned known, bad = 0;

	(void)state;
	netns_sysctl("tcp_syncookies", "1"); /* or none would be half-open */
	netns_connect(&open, NULL, NULL);
	netns_connect(&open6, NULL, NULL);
	netns_half_open(&half);
	netns_sysctl("tcp_syncookies", "2");
	for (known = 0; known < 2; known++) {
		bad += !passes("established", &open, REASON_session_syn);
		bad += !passes("established, IPv6", &open6, REASON_session_syn);
		bad += !passes("half-open", &half, REASON_session_syn);
		if (known)
			break;
		sessions_put_state(&open, SESSION_ESTABLISHED);
		sessions_put_state(&open6, SESSION_HALF_CLOSED_CLIENT);
		sessions_put_state(&half, SESSION_OPENING);
	}
	netns_close_all();
	netns_time_wait(&waiting);
	bad += !passes("TIME-WAIT", &waiting, REASON_session_syn);
	sessions_put_state(&waiting, SESSION_TIME_WAIT);
	bad += !passes("TIME-WAIT, known", &waiting, REASON_session_syn);
	assert_int_equal(bad, 0);
}

/* All are known: the kernel is asked anyway, for the cookie. */
static void connection_of_a_complete_table(void **state)
{
	static const struct spec open = { .src = NEAR4,
					  .sport = 42106,
					  .flags = SYN };
	struct tuple t = sessions_tuple(&open);

	(void)state;
	netns_connect(&open, NULL, NULL);
	harness.cfg.flags |= SETTING_COMPLETE;
	harness_settings();
	sessions_mark(sessions_set_of(&t), false);
	assert_true(passes("established", &open, REASON_session_syn));
	assert_true(answered("a stranger", &syn4));
}

/* The kernel has no socket, so the session is over: a new client's SYN. */
static void session_without_a_socket(void **state)
{
	static const enum session_state states[] = {
		SESSION_PENDING,
		SESSION_ESTABLISHED,
		SESSION_HALF_CLOSED_SERVER,
		SESSION_CLOSING,
		SESSION_TIME_WAIT,
	};
	unsigned i, bad = 0;

	(void)state;
	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		sessions_clear();
		sessions_put_state(&syn4, states[i]);
		bad += !answered("IPv4", &syn4);
		sessions_put_state(&syn6, states[i]);
		bad += !answered("IPv6", &syn6);
	}
	assert_int_equal(bad, 0);
}

static void modes(void **state)
{
	static struct frame in;
	static struct run r;
	unsigned bad = 0;

	(void)state;
	kernelside_mode(ENDPOINT_DISARMED);
	bad += !passes("disarmed", &syn4, REASON_disarmed_syn);
	kernelside_mode(ENDPOINT_OFF);
	bad += !passes("off", &syn6, REASON_disarmed_syn);
	kernelside_mode(ENDPOINT_MONITOR);
	packet_build(&syn4, &in);
	harness_run(&in, &r);
	bad += !expect_run("monitored", &in, &r, XDP_PASS, REASON_answered,
			   NULL);
	bad += !r.monitored;
	netns_close_all();
	harness_run(&in, &r);
	bad += !expect_run("monitored, nobody listens", &in, &r, XDP_PASS,
			   REASON_kernel_syn, NULL);
	bad += r.monitored;
	assert_int_equal(bad, 0);
}

/* The interface is about to be detached, or all are. */
static void going_down(void **state)
{
	struct iface iface = { .ifindex = LO };

	(void)state;
	memcpy(iface.mac, server_mac, 6);
	harness_iface(&iface);
	assert_true(passes("retired interface", &syn4, REASON_disarmed_syn));
	iface.mtu = MTU;
	harness_iface(&iface);
	harness.cfg.flags |= SETTING_DISARMED;
	harness_settings();
	assert_true(passes("everything disarmed", &syn4, REASON_disarmed_syn));
}

static void denied_sources(void **state)
{
	static const struct spec denied = { .src = "198.51.7.1", .flags = SYN };
	static const struct spec allowed = { .src = "198.51.7.9",
					     .flags = SYN };
	unsigned bad = 0;

	(void)state;
	harness_source("198.51.7.0", 96 + 24, SOURCE_DENIED);
	harness_source("198.51.7.9", 128, SOURCE_ALLOWED);
	bad += !expect_spec("denied", &denied, XDP_DROP, REASON_denied);
	bad += !answered("allowed within", &allowed);
	bad += !answered("in no list", &syn6);
	netns_close_all();
	bad += !expect_spec("denied, and nobody listens", &denied, XDP_DROP,
			    REASON_denied);
	assert_int_equal(bad, 0);
}

/* How many of a hundred SYNs of one prefix are answered. */
static unsigned answers(const char *net, enum reason otherwise)
{
	static struct frame in;
	static struct run r;
	unsigned i, got = 0;
	char src[64];

	for (i = 1; i <= 100; i++) {
		struct spec s = { .src = src, .flags = SYN };

		snprintf(src, sizeof(src), net, i);
		packet_build(&s, &in);
		harness_run(&in, &r);
		if (r.reason == REASON_answered)
			got++;
		else if (r.reason != otherwise)
			fail_msg("SYN of %s: expected answered or %s, got %s",
				 src, reason_name(otherwise),
				 reason_name(r.reason));
	}
	return got;
}

static void cap(void **state)
{
	unsigned got;

	(void)state;
	harness.cfg.synacks_per_second = 10;
	harness.cfg.source_bits4 = 24;
	harness.cfg.source_bits6 = 56;
	harness_settings();
	got = answers("203.0.113.%u", REASON_over_cap);
	/* a second may end in between */
	if (got < 10 || got > 20)
		fail_msg("100 SYNs, cap 10: expected 10 answers, got %u", got);
	harness_source("203.0.113.0", 96 + 24, SOURCE_ALLOWED);
	assert_int_equal(answers("203.0.113.%u", REASON_NONE), 100);
	/* what the kernel answers is not ours to count */
	netns_close_all();
	assert_int_equal(answers("203.0.112.%u", REASON_kernel_syn), 0);
}

/* Each service with a back-end of its own, beside the others. */
static void several_services(void **state)
{
	static const struct spec exact = { .dst = NEAR4, .flags = SYN };
	static const struct spec other = { .dport = 444, .flags = SYN };
	struct endpoint own = harness_service(3, ENDPOINT_ARMED), kernel = own;
	struct port_services ps = { .any4 = own, .exact = 1 };
	static struct frame in, out;
	static struct run r;
	unsigned bad = 0;

	(void)state;
	kernel.service = 4;
	kernel.cookies = COOKIES_KERNEL;
	harness_endpoint(NEAR4, 443, &kernel);
	harness_port(443, &ps);
	ps = (struct port_services){ .any4 = harness_service(5,
							     ENDPOINT_ARMED) };
	ps.any4.cookies = COOKIES_KERNEL;
	harness_port(444, &ps);
	netns_listen(false, 444);

	packet_build(&syn4, &in);
	synack_reference(&syn4, &in, &out);
	harness_run(&in, &r);
	bad += !expect_run("own cookies", &in, &r, XDP_TX, REASON_answered,
			   &out);
	bad += r.service != 3;
	bad += !answered("the kernel's at an exact address", &exact);
	bad += !answered("the kernel's at another port", &other);
	packet_build(&other, &in);
	harness_run(&in, &r);
	bad += r.service != 5;
	harness_port(444, &(struct port_services){});
	assert_int_equal(bad, 0);
}

/* What no other service answers, this one does not answer either. */
static void unanswerable(void **state)
{
	static const struct {
		const char *what;
		struct spec spec;
		enum reason reason;
	} rows[] = {
		{ "LAND", { .src = SERVER4, .flags = SYN }, REASON_bad_address },
		{ "loopback, IPv6",
		  { .v6 = true, .src = "::1", .flags = SYN },
		  REASON_bad_address },
		{ "first fragment",
		  { .frag = 0x2000, .flags = SYN },
		  REASON_fragment },
		{ "SYN+FIN", { .flags = SYN | FIN }, REASON_bad_flags },
		{ "SYN+ACK", { .flags = SYN | ACK }, REASON_bad_flags },
	};
	unsigned i, bad = 0;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		bad += !expect_spec(rows[i].what, &rows[i].spec, XDP_DROP,
				    rows[i].reason);
	assert_int_equal(bad, 0);
}

/*
 * A frame whose buffer cannot grow: the MSS option is left out. In a
 * multi-buffer frame the tail is in the last buffer, which is full here.
 */
static void no_room_for_mss(void **state)
{
	struct spec syn = { .flags = SYN }, ack;
	struct answer_spec a = { .hs.wscale = WSCALE_NONE, .opts = "" };
	static struct frame in, out;
	static struct run r;
	struct cookie c = {};
	int err;

	(void)state;
	packet_build(&syn, &in);
	memset(in.data + in.len, 0xee, 4095);
	in.len += 4095;
	r.linear = 54;
	err = harness_try(&in, &r);
	if (err == -EINVAL || err == -E2BIG) {
		fprintf(stderr, "skip: no frames in fragments in test runs\n");
		skip();
	}
	assert_int_equal(err, 0);
	memcpy(&c.isn, r.data + in.l4 + 4, sizeof(c.isn));
	c.isn = ntohl(c.isn);
	a.cookie = &c;
	synack_build(&syn, &in, &a, &out);
	memset(out.data + 54, 0xee, 4095);
	out.len = in.len;
	assert_true(expect_run("SYN of 54 bytes", &in, &r, XDP_TX,
			       REASON_answered, &out));
	ack = kernelside_ack(&syn, &c);
	assert_true(kernelside_takes("its ACK", &ack));
}

#define TEST(name, setup) \
	cmocka_unit_test_setup_teardown(name, setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(nobody_listens, kernelside_setup),
	TEST(accept_queue_full, kernelside_setup),
	TEST(tcp_syncookies, kernelside_setup),
	TEST(connections_of_the_kernel, kernelside_setup),
	TEST(connection_of_a_complete_table, kernelside_setup),
	TEST(session_without_a_socket, kernelside_setup_listening),
	TEST(modes, kernelside_setup_listening),
	TEST(going_down, kernelside_setup_listening),
	TEST(denied_sources, kernelside_setup_listening),
	TEST(cap, kernelside_setup_listening),
	TEST(several_services, kernelside_setup_listening),
	TEST(unanswerable, kernelside_setup_listening),
	TEST(no_room_for_mss, kernelside_setup_listening),
};

TEST_MAIN(tests)
