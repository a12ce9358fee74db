// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: which ACKs mark their source as refused by the kernel,
 * and what becomes of its SYNs. That the kernel took the first ACK, which tc
 * records, is written into the session here.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "testmain.h"

enum { PER_SECOND = 100 };

static bool flagged(void)
{
	int fd = bpf_map__fd(harness.skel->maps.settings);
	struct settings cfg;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &cfg), 0);
	return cfg.flags & SETTING_REFUSED;
}

static void watched(bool on)
{
	int fd = bpf_map__fd(harness.skel->maps.queues);
	struct queue_seen q = { .watched = on };
	__u32 service = SERVICE_4;

	assert_int_equal(bpf_map_update_elem(fd, &service, &q, BPF_ANY), 0);
	harness.cfg.flags &= ~(SETTING_QUEUES | SETTING_REFUSED);
	if (on)
		harness.cfg.flags |= SETTING_QUEUES;
	harness_settings();
}

/* The ACK of @syn's client twice; between the two the session is @found. */
static void ack_twice(const struct spec *syn, enum session_state found,
		      bool back_to_back)
{
	struct handshake kept;
	struct spec ack = synack_ack(syn, &with_ts, &kept);
	struct tuple t = sessions_tuple(&ack);
	struct session s;

	sessions_clear();
	assert_true(expect_spec("ACK", &ack, XDP_PASS, REASON_admitted));
	sessions_find(&t, &s);
	s.live.state = found;
	sessions_clear();
	sessions_put(&s);
	if (back_to_back)
		sessions_renew(&t);
	else
		sessions_age(&t);
	assert_true(
		expect_spec("ACK again", &ack, XDP_PASS,
			    back_to_back ? REASON_session : REASON_admitted));
}

static void who_is_marked(void **state)
{
	static const struct spec syn = { .flags = SYN };

	(void)state;
	if (!harness_assigns())
		skip();
	watched(false);
	ack_twice(&syn, SESSION_OPENING, false);
	assert_false(flagged()); /* the kernel may not have got it */
	ack_twice(&syn, SESSION_PENDING, true);
	assert_false(flagged()); /* both are on their way */
	watched(true);
	ack_twice(&syn, SESSION_PENDING, false);
	assert_false(flagged()); /* the queue may have been full */
	watched(false);
	ack_twice(&syn, SESSION_PENDING, false);
	assert_true(flagged());
}

static bool answered(const char *what, const struct spec *syn)
{
	struct frame in, out;

	packet_build(syn, &in);
	synack_reference(syn, &in, &out);
	return expect(what, &in, XDP_TX, REASON_answered, &out);
}

static void syns_pass_within_a_budget(void **state)
{
	static const struct spec syn = { .flags = SYN };
	static const struct spec stranger = { .src = "198.51.100.99",
					      .flags = SYN };
	struct spec again = { .sport = 41000, .flags = SYN };
	static struct frame in;
	static struct run r;
	struct tuple t = sessions_tuple(&again);
	unsigned i, passed = 1;

	(void)state;
	if (!harness_assigns())
		skip();
	watched(false);
	ack_twice(&syn, SESSION_PENDING, false);
	assert_true(
		expect_spec("SYN", &again, XDP_PASS, REASON_refused_source));
	assert_int_equal(sessions_find(&t, NULL), SESSION_OPENING);
	assert_true(answered("a stranger's SYN", &stranger));
	for (i = 0; i < 4 * PER_SECOND; i++) {
		again.sport = 41001 + i;
		packet_build(&again, &in);
		harness_run(&in, &r);
		passed += r.reason == REASON_refused_source;
	}
	/* in one second or two */
	assert_in_range(passed, PER_SECOND, 2 * PER_SECOND);
	assert_int_equal(r.reason, REASON_answered);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(who_is_marked, harness_setup_listening,
					harness_teardown),
	cmocka_unit_test_setup_teardown(syns_pass_within_a_budget,
					harness_setup_listening,
					harness_teardown),
};

TEST_MAIN(tests)
