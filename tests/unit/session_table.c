// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the command's code to walk, search and sort a session
 * table, here in plain memory instead of maps.
 */
#include "testmain.h"

#include <arpa/inet.h>
#include <errno.h>

#include "session/cmd_session_sort.h"
#include "random.h"
#include "synkeeper/session_table.h"
#include "session/table_view.h"

enum { SETS = 64, SESSIONS = SETS * SET_WAYS };

static struct session_set tags[SETS];
static struct session sessions[SESSIONS];

static struct session_table table_new(void)
{
	memset(tags, 0, sizeof(tags));
	memset(sessions, 0, sizeof(sessions));
	return (struct session_table){
		.tags = tags,
		.sessions = sessions,
		.sets = SETS,
		.services_fd = -1,
		.settings = { .set_mask = SETS - 1,
			      .hash_seed = 0x0123456789abcdef,
			      .hash_mul = 0x9e3779b97f4a7c15 },
	};
}

static struct tuple tuple_of(__u32 n)
{
	return (struct tuple){
		.client = { 0, 0, htonl(0xffff), htonl(0x0a000000 + n) },
		.server = { 0, 0, htonl(0xffff), htonl(0xc0000202) },
		.client_port = htons(40000),
		.server_port = htons(80),
	};
}

/* Returns false if the set is full. */
static bool add(const struct session_table *t, __u32 n)
{
	struct tuple tuple = tuple_of(n);
	struct session *s;
	struct table_hash h;
	__u32 set, way;

	table_hash(&t->settings, &tuple, &h);
	set = h.set & t->settings.set_mask;
	way = table_claim(&tags[set], h.tag);
	if (way == SET_WAYS)
		return false;
	s = &sessions[table_line(SETS, set * SET_WAYS + way)];
	s->tuple = tuple;
	s->born = n;
	s->live.state = SESSION_ESTABLISHED;
	return true;
}

static void walk_meets_each_once(void **state)
{
	struct session_table t = table_new();
	bool there[SESSIONS / 2] = {};
	struct session s;
	size_t pos = 0;
	__u32 n;

	(void)state;
	assert_false(table_view_next(&t, &pos, &s));
	for (n = 0; n < SESSIONS / 2; n++)
		there[n] = add(&t, n);
	pos = 0;
	while (table_view_next(&t, &pos, &s)) {
		if (s.born >= SESSIONS / 2 || !there[s.born])
			fail_msg("session %u: expected once, met again or "
				 "never added",
				 s.born);
		there[s.born] = false;
	}
	for (n = 0; n < SESSIONS / 2; n++)
		if (there[n])
			fail_msg("session %u: expected once, not met", n);
}

static void walk_leaves_out_what_is_free(void **state)
{
	struct session_table t = table_new();
	struct session s;
	size_t pos = 0;

	(void)state;
	assert_true(add(&t, 1));
	while (!sessions[pos].live.state)
		pos++;
	sessions[pos].live.word = 0; /* claimed, being filled */
	pos = 0;
	assert_false(table_view_next(&t, &pos, &s));
	/* a session without its tag has ended */
	sessions[0].live.state = SESSION_ESTABLISHED;
	pos = 0;
	assert_false(table_view_next(&t, &pos, &s));
	/* the last way of all is one, too */
	table_retag(&tags[SETS - 1], SET_WAYS - 1, 1);
	sessions[SESSIONS - 1].live.state = SESSION_TIME_WAIT;
	pos = 0;
	assert_true(table_view_next(&t, &pos, &s));
	assert_int_equal(s.live.state, SESSION_TIME_WAIT);
	assert_false(table_view_next(&t, &pos, &s));
}

static void find_by_tuple(void **state)
{
	struct session_table t = table_new();
	bool there[SESSIONS / 2];
	struct session s;
	__u32 n;

	(void)state;
	for (n = 0; n < SESSIONS / 2; n++)
		there[n] = add(&t, n);
	for (n = 0; n < SESSIONS; n++) {
		struct tuple tuple = tuple_of(n);
		bool want = n < SESSIONS / 2 && there[n];
		bool found = table_view_find(&t, &tuple, &s);

		if (found != want || (found && s.born != n))
			fail_msg("session %u: expected it %s", n,
				 want ? "to be found" : "not to be found");
	}
}

static void unknown_services(void **state)
{
	struct session_table t = table_new();

	(void)state;
	assert_null(table_view_service(&t, 1));
	assert_null(table_view_service(&t, SERVICES_MAX));
	assert_null(table_view_service(&t, 65535));
	free(t.services);
}

/* ---- order ---- */

static struct session random_session(struct random *r)
{
	struct session s = { .tuple = tuple_of(random_below(r, 50)) };

	s.tuple.client_port = htons(1 + random_below(r, 9));
	s.tuple.server_port = htons(1 + random_below(r, 9));
	s.born = 0U - 20 + random_below(r, 40); /* the clock wraps */
	s.live.seen = 0U - 20 + random_below(r, 40);
	s.live.state = 1 + random_below(r, SESSION_STATES - 1);
	s.live.service = random_below(r, 300);
	return s;
}

static void first_of_many_in_order(void **state)
{
	static const char *const keys[] = { "age",    "idle",  "client",
					    "server", "state", "service" };
	static const size_t rooms[] = { 1, 2, 3, 10, 499, 500, 501, 1000 };
	static struct session all[500];
	size_t k, r, i, before;

	(void)state;
	for (k = 0; k < 6; k++) {
		for (r = 0; r < sizeof(rooms) / sizeof(rooms[0]); r++) {
			struct random random = { k * 100 + r };
			struct session_sort s;

			assert_int_equal(
				session_sort_init(&s, keys[k], rooms[r]), 0);
			for (i = 0; i < 500; i++) {
				all[i] = random_session(&random);
				session_sort_offer(&s, &all[i]);
			}
			session_sort_finish(&s);
			assert_int_equal(s.offered, 500);
			assert_int_equal(s.n, rooms[r] < 500 ? rooms[r] : 500);
			for (i = 1; i < s.n; i++)
				if (s.compare(&s.kept[i - 1], &s.kept[i]) > 0)
					fail_msg("%s, %zu kept: expected %zu "
						 "before %zu",
						 keys[k], s.n, i - 1, i);
			for (i = before = 0; i < 500; i++)
				before += s.compare(&all[i], &s.kept[s.n - 1]) <
					  0;
			if (before >= s.n)
				fail_msg("%s: expected the first %zu, but %zu "
					 "come before the last of them",
					 keys[k], s.n, before);
			session_sort_free(&s);
		}
	}
}

static void what_comes_first(void **state)
{
	const struct {
		const char *key;
		struct session first, second;
	} table[] = {
		{ "age", { .born = 0U - 5 }, { .born = 5 } },
		{ "idle",
		  { .live.seen = 100, .born = 99 },
		  { .live.seen = 101, .born = 1 } },
		{ "client",
		  { .tuple.client_port = htobe16(255) },
		  { .tuple.client_port = htobe16(256) } },
		{ "client",
		  { .tuple.client[3] = htobe32(0x000000ff),
		    .tuple.client_port = htobe16(2) },
		  { .tuple.client[3] = htobe32(0x01000000),
		    .tuple.client_port = htobe16(1) } },
		{ "server",
		  { .tuple.server[0] = 0, .tuple.client[0] = 1 },
		  { .tuple.server[0] = 1, .tuple.client[0] = 0 } },
		{ "state",
		  { .live.state = SESSION_PENDING },
		  { .live.state = SESSION_TIME_WAIT } },
		{ "service", { .live.service = 9 }, { .live.service = 10 } },
		/* else by client, so that the order is always the same */
		{ "age",
		  { .born = 7, .tuple.client[3] = htobe32(1) },
		  { .born = 7, .tuple.client[3] = htobe32(2) } },
	};
	struct session_sort s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(session_sort_init(&s, table[i].key, 1), 0);
		if (s.compare(&table[i].first, &table[i].second) >= 0 ||
		    s.compare(&table[i].second, &table[i].first) <= 0 ||
		    s.compare(&table[i].first, &table[i].first) != 0)
			fail_msg("row %zu, %s: expected the first one first", i,
				 table[i].key);
		session_sort_free(&s);
	}
	assert_int_equal(session_sort_init(&s, "ag", 1), -ENOENT);
	assert_int_equal(session_sort_init(&s, "", 1), -ENOENT);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(walk_meets_each_once),
	cmocka_unit_test(walk_leaves_out_what_is_free),
	cmocka_unit_test(find_by_tuple),
	cmocka_unit_test(unknown_services),
	cmocka_unit_test(first_of_many_in_order),
	cmocka_unit_test(what_comes_first),
};

TEST_MAIN(tests)
