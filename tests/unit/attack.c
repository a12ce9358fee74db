// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: when a flood is reported, for curves of packets per
 * second: quiet days, a launch, sudden and slow floods, pulses, and rates
 * around the threshold. Each curve is sampled once a second; compared are
 * start, end, peak and total of the first attack, and the number of attacks.
 */
#include "testmain.h"

#include <stdio.h>

#include "service/attack.h"

enum { CURVE_MAX = 16, NEVER = -1, THRESHOLD = 1000 };

struct span {
	unsigned int seconds, packets, good; /* a second */
};

struct curve {
	const char *what;
	struct span spans[CURVE_MAX];
	int told_s, ended_s; /* the look that told; NEVER */
	__u64 peak, total;   /* of the first attack */
	int lasted_s;
	unsigned int attacks;
};

static const struct curve curves[] = {
	{ "a quiet night", { { 60, 3, 3 } }, NEVER, NEVER, 0, 0, 0, 0 },
	{ "just below the threshold", { { 60, 999 } }, NEVER, NEVER, 0, 0, 0, 0 },
	{ "good clients, however many",
	  { { 30, 50000, 50000 } },
	  NEVER,
	  NEVER,
	  0,
	  0,
	  0,
	  0 },
	{ "a rush: the last ones are still on their way",
	  { { 5, 100, 100 }, { 1, 20000, 16000 }, { 5, 20000, 20000 } },
	  NEVER,
	  NEVER,
	  0,
	  0,
	  0,
	  0 },
	{ "a flood at once",
	  { { 2, 10, 10 }, { 10, 30000 }, { 10 } },
	  3,
	  17,
	  30000,
	  300000,
	  10,
	  1 },
	{ "a flood among good clients",
	  { { 2, 500, 500 }, { 4, 10500, 500 }, { 10, 500, 500 } },
	  3,
	  11,
	  10000,
	  40000,
	  4,
	  1 },
	{ "a slow rise",
	  { { 2, 400 }, { 2, 800 }, { 2, 1600 }, { 2, 3200 }, { 9 } },
	  5,
	  13,
	  3200,
	  9600,
	  4,
	  1 },
	{ "pulses are one attack, and what lies between them belongs to it",
	  { { 1, 5000 },
	    { 4, 100 },
	    { 1, 7000 },
	    { 4, 100 },
	    { 1, 5000 },
	    { 9 } },
	  1,
	  16,
	  7000,
	  17800,
	  11,
	  1 },
	{ "around the threshold",
	  { { 3, 1000 },
	    { 3, 600 },
	    { 3, 1000 },
	    { 4, 400 },
	    { 3, 1000 },
	    { 9 } },
	  1,
	  21,
	  1000,
	  12400,
	  16,
	  1 },
	{ "two attacks",
	  { { 3, 2000 }, { 6 }, { 3, 4000 }, { 6 } },
	  1,
	  8,
	  2000,
	  6000,
	  3,
	  2 },
	{ "one that does not end",
	  { { 60, 2000 } },
	  1,
	  NEVER,
	  2000,
	  120000,
	  0,
	  1 },
};

/* The expected and the actual result for a curve. */
struct played {
	int told_s, ended_s, lasted_s;
	unsigned int attacks;
	__u64 peak, total;
};

static void note(struct played *p, const struct attack *a,
		 enum attack_changes news, int second)
{
	if (news == ATTACK_BEGAN && !p->attacks++)
		p->told_s = second;
	if (p->attacks == 1) {
		p->peak = a->peak;
		p->total = a->total;
	}
	if (news == ATTACK_ENDED && p->ended_s == NEVER) {
		p->ended_s = second;
		p->lasted_s = (int)((a->high_ns - a->began_ns) / 1000000000);
	}
}

static void play(const struct curve *c)
{
	struct played p = { .told_s = NEVER, .ended_s = NEVER };
	struct attack_look look = { .clock_ns = 5000000000 };
	struct attack a = {};
	const struct span *s;
	unsigned int i;
	int second = 0;

	attack_step(&a, THRESHOLD, &look);
	for (s = c->spans; s->seconds; s++)
		for (i = 0; i < s->seconds; i++) {
			look.clock_ns += 1000000000;
			look.packets += s->packets;
			look.good += s->good;
			note(&p, &a, attack_step(&a, THRESHOLD, &look),
			     ++second);
		}
	if (p.told_s != c->told_s || p.ended_s != c->ended_s ||
	    p.peak != c->peak || p.total != c->total ||
	    p.lasted_s != c->lasted_s || p.attacks != c->attacks)
		fail_msg("%s: expected told at %d s, ended at %d, peak %llu, "
			 "total %llu, %d s long, %u in all; got %d, %d, %llu, "
			 "%llu, %d, %u",
			 c->what, c->told_s, c->ended_s, c->peak, c->total,
			 c->lasted_s, c->attacks, p.told_s, p.ended_s, p.peak,
			 p.total, p.lasted_s, p.attacks);
}

static void test_curves(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		play(&curves[i]);
}

/* A busy daemon samples late: rates use the time elapsed. */
static void test_late_looks(void **state)
{
	struct attack_look look = { .clock_ns = 1 };
	struct attack a = {};

	(void)state;
	attack_step(&a, THRESHOLD, &look);
	look.clock_ns += 4000000000;
	look.packets = 3996;
	assert_int_equal(attack_step(&a, THRESHOLD, &look), ATTACK_NOTHING);
	assert_int_equal(a.rate, 999);
	assert_int_equal(attack_step(&a, THRESHOLD, &look), ATTACK_NOTHING);
	look.clock_ns += 500000000;
	look.packets += 600;
	assert_int_equal(attack_step(&a, THRESHOLD, &look), ATTACK_BEGAN);
	assert_int_equal(a.peak, 1200);
	assert_int_equal(a.total, 600);
}

/* Counts from before a restart are not a flood in this second. */
static void test_restart(void **state)
{
	struct attack_look look = { .clock_ns = 1, .packets = 1ULL << 40 };
	struct attack a = {};

	(void)state;
	assert_int_equal(attack_step(&a, THRESHOLD, &look), ATTACK_NOTHING);
	look.clock_ns += 1000000000;
	look.packets = 0; /* a new service took the id */
	assert_int_equal(attack_step(&a, THRESHOLD, &look), ATTACK_NOTHING);
	look.clock_ns += 1000000000;
	look.packets = 5000;
	assert_int_equal(attack_step(&a, THRESHOLD, &look), ATTACK_BEGAN);
	assert_int_equal(attack_stop(&a), ATTACK_ENDED);
	assert_int_equal(attack_stop(&a), ATTACK_NOTHING);
	assert_true(a.ever);
}

static void test_kinds(void **state)
{
	struct counters c = {}, monitored = {};
	struct attack_look look = {};

	(void)state;
	c.packets[REASON_answered] = 100;
	c.packets[REASON_disarmed_syn] = 20;
	c.packets[REASON_admitted] = 7;
	c.packets[REASON_session] = 1000;
	c.packets[REASON_bad_cookie] = 3;
	c.packets[REASON_stray_rst] = 5;
	monitored.packets[REASON_bad_cookie] = 4;
	monitored.packets[REASON_bad_flags] = 2;
	attack_count(ATTACK_SYN, &c, &monitored, &look);
	assert_int_equal(look.packets, 120);
	assert_int_equal(look.good, 7);
	attack_count(ATTACK_ACK, &c, &monitored, &look);
	assert_int_equal(look.packets, 7);
	assert_int_equal(look.good, 0);
	attack_count(ATTACK_RST, &c, &monitored, &look);
	assert_int_equal(look.packets, 5);
	attack_count(ATTACK_MALFORMED, &c, &monitored, &look);
	assert_int_equal(look.packets, 2);
	assert_string_equal(attack_label(ATTACK_SYN), "syn");
	assert_string_equal(attack_text(ATTACK_ACK), "ACK flood");
}

static void test_rates(void **state)
{
	static const struct {
		__u64 rate;
		const char *text;
	} table[] = {
		{ 0, "0/s" },	       { 999, "999/s" },
		{ 1000, "1.0k/s" },    { 9949, "9.9k/s" },
		{ 9951, "10k/s" },     { 30123, "30k/s" },
		{ 999499, "999k/s" },  { 999500, "1.0M/s" },
		{ 14880952, "15M/s" }, { 2000000000000, "2000G/s" },
	};
	char buf[ATTACK_RATE_STRLEN];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_string_equal(attack_rate_format(table[i].rate, buf),
				    table[i].text);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_curves),	cmocka_unit_test(test_late_looks),
	cmocka_unit_test(test_restart), cmocka_unit_test(test_kinds),
	cmocka_unit_test(test_rates),
};

TEST_MAIN(tests)
