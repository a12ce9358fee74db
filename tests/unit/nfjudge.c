// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: which rules would have refused a SYN and not the ACK
 * (nft/nfjudge.h). Each row is a ruleset of one base chain at input, c, and one
 * that it may jump to, d, put together from netlink messages as the kernel
 * writes them. (Rulesets as nft and iptables write them: net/syn_rules.)
 */
#include "nfruleset.h"
#include "testmain.h"

static const struct row rows[] = {
	{ "nothing", {}, {} },
	{ "--syn drop",
	  { { { PORT, 80 }, { FLAGS, SYN }, DROP } },
	  .sure = 1,
	  .text = "inet f c handle 1: tcp dport 80 "
		  "tcp flags syn / fin,syn,rst,ack drop" },
	{ "--syn drop, another port",
	  { { { PORT, 81 }, { FLAGS, SYN }, DROP } } },
	{ "by source", { { { SOURCE, 1 }, DROP } } },
	{ "by source, --syn",
	  { { { SOURCE, 1 }, { FLAGS, SYN }, { REJECT } } },
	  .sure = 1,
	  .text = "inet f c handle 1: ip saddr 0.0.0.1 "
		  "tcp flags syn / fin,syn,rst,ack reject" },
	{ "a small MSS",
	  { { { MAXSEG, 500 }, DROP } },
	  .sure = 1,
	  .text = "inet f c handle 1: tcp option maxseg size <= 500 drop" },
	{ "without an MSS: every ACK",
	  { { { NO_MSS }, DROP } },
	  .refuses = true },
	{ "fingerprints", { { { OSF }, DROP } }, .sure = 1 },
	{ "fingerprints of iptables", { { { XT, XT_OSF }, DROP } }, .sure = 1 },
	{ "a limit of SYNs",
	  { { { FLAGS, SYN }, { LIMIT }, DROP } },
	  .sure = 1 },
	{ "a limit of new ones", { { { STATE, NEW }, { LIMIT }, DROP } } },
	{ "a limit of new ones, where an ACK is invalid",
	  { { { STATE, NEW }, { LIMIT }, DROP } },
	  .strict = true,
	  .sure = 1 },
	{ "connlimit of SYNs",
	  { { { FLAGS, SYN }, { XT, CONNLIMIT }, { REJECT } } },
	  .sure = 1 },
	{ "connlimit of new ones",
	  { { { STATE, NEW }, { XT, CONNLIMIT }, { REJECT } } } },
	{ "by a mark", { { { FLAGS, SYN }, { MARK, 1 }, DROP } }, .unsure = 1 },
	{ "by a match that is not known",
	  { { { FLAGS, SYN }, { XT, STRANGE }, DROP } },
	  .unsure = 1 },
	{ "by an expression that is not known",
	  { { { FLAGS, SYN }, { UNKNOWN }, DROP } },
	  .unsure = 1 },
	{ "on this interface",
	  { { { IFACE, ETH0 }, { FLAGS, SYN }, DROP } },
	  .sure = 1 },
	{ "on another, which may be a bridge over this",
	  { { { IFACE, ETH1 }, { FLAGS, SYN }, DROP } },
	  .unsure = 1 },
	{ "on the loopback interface",
	  { { { IFACE, LO }, { FLAGS, SYN }, DROP } } },
	{ "stateful",
	  { { { STATE, ESTABLISHED }, ACCEPT },
	    { { STATE, INVALID }, DROP },
	    { { PORT, 80 }, { STATE, NEW }, ACCEPT } },
	  .drops = true },
	{ "stateful, where an ACK is invalid",
	  { { { STATE, ESTABLISHED }, ACCEPT },
	    { { STATE, INVALID }, DROP },
	    { { PORT, 80 }, { STATE, NEW }, ACCEPT } },
	  .drops = true,
	  .strict = true,
	  .refuses = true,
	  .text = "inet f c handle 2: ct state invalid drop" },
	{ "new and not syn",
	  { { { STATE, NEW }, { NOT_SYN }, DROP } },
	  .refuses = true },
	{ "SYNs are accepted, ACKs are not",
	  { { { PORT, 80 }, { FLAGS, SYN }, ACCEPT } },
	  .drops = true,
	  .refuses = true,
	  .text = "inet f c: policy drop" },
	{ "stateless: all but SYNs, and some SYNs",
	  { { { NOT_SYN }, ACCEPT }, { { SOURCE, 1 }, ACCEPT } },
	  .drops = true,
	  .sure = 1,
	  .text = "inet f c: policy drop" },
	{ "stateless, this port is open",
	  { { { NOT_SYN }, ACCEPT }, { { PORT, 80 }, ACCEPT } },
	  .drops = true },
	{ "SYNs are dropped behind what accepts them",
	  { { { PORT, 80 }, ACCEPT }, { { FLAGS, SYN }, DROP } } },
	{ "... of some",
	  { { { SOURCE, 1 }, ACCEPT }, { { FLAGS, SYN }, DROP } },
	  .sure = 1 },
	{ "whoever is refused has no ACK accepted either",
	  { { { SOURCE, 1 }, ACCEPT }, { { FLAGS, SYN }, DROP } },
	  .drops = true },
	{ "a chain for SYNs",
	  { { { FLAGS, SYN }, { JUMP } } },
	  { { { LIMIT }, RETURN }, { DROP } },
	  .sure = 1,
	  .text = "inet f d handle 2: drop" },
	{ "a chain for SYNs that drops none",
	  { { { FLAGS, SYN }, { JUMP } } },
	  { { RETURN }, { DROP } } },
	{ "a chain for all, with a limit",
	  { { { PORT, 80 }, { JUMP } } },
	  { { { LIMIT }, RETURN }, { DROP } } },
	{ "scans", { { { FLAGS, SYN | 1 }, DROP }, { { FLAGS, 0 }, DROP } } },
	{ "gone to a chain that accepts",
	  { { { PORT, 80 }, { GOTO } }, { { FLAGS, SYN }, DROP } },
	  { { ACCEPT } } },
	{ "another proxy", { { { PORT, 80 }, { SYNPROXY } } }, .sure = 1 },
	{ "led to a proxy", { { { PORT, 80 }, { PROXY }, ACCEPT } }, .sure = 1 },
};

static const struct nf_asked to_80 = { .v4 = true,
				       .port = 0x5000, /* 80 */
				       .iface = "eth0" };

static void check_text(const struct nf_ruleset *s, const struct row *row,
		       const struct nf_judgement *j)
{
	char text[NF_TEXT_LEN] = "";

	if (j->n)
		nf_found_text(s, j->found[0].chain, j->found[0].rule, text,
			      sizeof(text));
	else if (j->refuses)
		nf_found_text(s, j->refuses, j->refused_by, text, sizeof(text));
	if (row->text && strcmp(text, row->text) != 0)
		fail_msg("%s: expected \"%s\", got \"%s\"", row->what,
			 row->text, text);
}

static void test_what_refuses_the_syn_alone(void **state)
{
	struct nf_judgement j;
	struct nf_ruleset s;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		int sure = 0, unsure = 0;

		read_row(row, &s);
		nf_ruleset_judge(&s, &to_80, !row->strict, &j);
		for (k = 0; k < j.n; k++)
			*(j.found[k].sure ? &sure : &unsure) += 1;
		if (sure != row->sure || unsure != row->unsure ||
		    !!j.refuses != row->refuses)
			fail_msg("%s: expected %d sure, %d unsure, refuses "
				 "%d; got %d, %d, %d",
				 row->what, row->sure, row->unsure,
				 row->refuses, sure, unsure, !!j.refuses);
		check_text(&s, row, &j);
		nf_ruleset_free(&s);
	}
}

/* Each jumps to itself, and more: it ends, and claims nothing of the rest. */
static void test_the_walk_is_bounded(void **state)
{
	static const struct row row = {
		.c = { { { JUMP } } },
		.d = { { { LIMIT }, { JUMP } },
		       { { LIMIT }, { JUMP } },
		       { { LIMIT }, { JUMP } } },
		.drops = true,
	};
	struct nf_judgement j;
	struct nf_ruleset s;

	(void)state;
	read_row(&row, &s);
	nf_ruleset_judge(&s, &to_80, true, &j);
	assert_int_equal(j.n, 0);
	assert_null(j.refuses);
	assert_true(j.visits <= 1 << 14);
	nf_ruleset_free(&s);
}

static void test_elements_of_sets(void **state)
{
	/* 22, 80-90, and from 1000 up */
	static struct nf_element points[] = {
		{ .key = { 0, 22 } },
		{ .key = { 0, 23 }, .is_end = true },
		{ .key = { 0, 91 }, .is_end = true },
		{ .key = { 0, 80 } },
		{ .key = { 3, 0xe8 } },
	};
	struct nf_set set = { .ranges = true,
			      .key_len = 2,
			      .elements = points,
			      .n = sizeof(points) / sizeof(points[0]) };
	static const struct {
		__u16 port;
		bool in;
	} tries[] = { { 0, 0 },	  { 21, 0 },   { 22, 1 },   { 23, 0 },
		      { 79, 0 },  { 80, 1 },   { 90, 1 },   { 91, 0 },
		      { 999, 0 }, { 1000, 1 }, { 65535, 1 } };
	size_t i;

	(void)state;
	nf_set_settle(&set);
	for (i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		__be16 key = htons(tries[i].port);

		if (!!nf_set_lookup(&set, &key) != tries[i].in)
			fail_msg("port %u: expected %d", tries[i].port,
				 tries[i].in);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_what_refuses_the_syn_alone),
	cmocka_unit_test(test_the_walk_is_bounded),
	cmocka_unit_test(test_elements_of_sets),
};

TEST_MAIN(tests)
