/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what is counted for all CPUs in one map is counted in
 * the row of the CPU that it happens on, whichever service it is for.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sched.h>

#include "netns.h"
#include "sessions.h"
#include "synack.h"
#include "synkeeper/stats_rows.h"
#include "testmain.h"

/* The harness keeps this thread on its CPU. */
static __u32 row_here(void)
{
	return sched_getcpu() & (ROWS - 1);
}

static __u64 admitted_in(__u32 row)
{
	__u32 i = stats_index(row, SERVICE_4);
	struct session_totals t = {};

	bpf_map_lookup_elem(bpf_map__fd(harness.skel->maps.totals), &i, &t);
	return t.alive[SESSION_OPENING];
}

static __u64 monitored_in(__u32 row)
{
	__u32 i = stats_index(row, SERVICE_4);
	struct counters c = {};

	bpf_map_lookup_elem(bpf_map__fd(harness.skel->maps.monitored), &i, &c);
	return c.packets[REASON_answered];
}

/* Counts one thing by @happens in each row that @mask allows. */
static void judge(const char *what, __u32 mask, __u64 (*in)(__u32 row),
		  void (*happens)(uint16_t sport), uint16_t sport)
{
	__u64 before[ROWS], want;
	__u32 row;

	harness.cfg.rows_mask = mask;
	harness_settings();
	for (row = 0; row < ROWS; row++)
		before[row] = in(row);
	happens(sport);
	for (row = 0; row < ROWS; row++) {
		want = row == (row_here() & mask);
		if (in(row)-before[row] != want)
			fail_msg("%s on CPU %d, mask %u: row %u: expected "
				 "%llu more, got %llu",
				 what, sched_getcpu(), mask, row, want,
				 in(row)-before[row]);
	}
}

static void admit(uint16_t sport)
{
	synack_admitted(sport);
}

static void monitor(uint16_t sport)
{
	struct spec syn = { .sport = sport, .flags = SYN };
	struct run r = {};
	struct frame f;

	packet_build(&syn, &f);
	harness_run(&f, &r);
	assert_int_equal(r.verdict, XDP_PASS);
}

static void session_stats(void **state)
{
	(void)state;
	netns_listen(false, 443);
	judge("admission", ROWS - 1, admitted_in, admit, 21000);
	judge("admission", 0, admitted_in, admit, 21001);
}

static void monitored(void **state)
{
	(void)state;
	harness_mode(ENDPOINT_MONITOR);
	judge("monitored SYN", ROWS - 1, monitored_in, monitor, 21100);
	judge("monitored SYN", 0, monitored_in, monitor, 21101);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(session_stats),
	TEST(monitored),
};

TEST_MAIN(tests)
