// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: SYNs to a listener whose accept queue is full, with our
 * own cookies. What starts the watch is tc, which a test run does not get that
 * far; net/hung_server does.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "netns.h"
#include "synack.h"
#include "testmain.h"

static struct queue_seen seen(unsigned int service)
{
	int fd = bpf_map__fd(harness.skel->maps.queues);
	struct queue_seen q = {};

	assert_int_equal(bpf_map_lookup_elem(fd, &service, &q), 0);
	return q;
}

static void watch(unsigned int service, const struct queue_seen *q)
{
	int fd = bpf_map__fd(harness.skel->maps.queues);
	struct queue_seen all = { .count = q->watched };
	__u32 zero = 0;

	assert_int_equal(bpf_map_update_elem(fd, &zero, &all, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(fd, &service, q, BPF_ANY), 0);
	if (q->watched)
		harness.cfg.flags |= SETTING_QUEUES;
	else
		harness.cfg.flags &= ~SETTING_QUEUES;
	harness_settings();
}

static bool flagged(void)
{
	int fd = bpf_map__fd(harness.skel->maps.settings);
	struct settings cfg;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &cfg), 0);
	return cfg.flags & SETTING_QUEUES;
}

static bool answered(const char *what, const struct spec *syn)
{
	struct frame in, out;

	packet_build(syn, &in);
	synack_reference(syn, &in, &out);
	return expect(what, &in, XDP_TX, REASON_answered, &out);
}

static void full(void **state)
{
	static const struct spec syn4 = { .flags = SYN };
	static const struct spec syn6 = { .v6 = true, .flags = SYN };
	static const struct spec near = { .src = NEAR4, .sport = 43000 };
	static const struct queue_seen on = { .watched = 1 };
	int listener = netns_listen(false, 443);

	(void)state;
	netns_listen(true, 443);
	netns_fill_queue(listener, &near);
	watch(SERVICE_4, &(struct queue_seen){});
	assert_true(answered("not watched", &syn4));
	watch(SERVICE_4, &on);
	assert_true(expect_spec("watched", &syn4, XDP_DROP, REASON_queue_full));
	assert_true(answered("another service", &syn6));
	assert_true(seen(SERVICE_4).full);
	assert_true(flagged());
}

/* A queue with room is answered for, and a calm one is not watched for long. */
static void calm(void **state)
{
	static const struct spec syn4 = { .flags = SYN };
	static const struct queue_seen on = { .watched = 1 };

	(void)state;
	netns_listen(false, 443);
	watch(SERVICE_4, &on);
	assert_true(answered("calm", &syn4));
	assert_false(seen(SERVICE_4).watched);
	assert_int_equal(seen(0).count, 0);
	assert_false(flagged());
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(full),
	TEST(calm),
};

TEST_MAIN(tests)
