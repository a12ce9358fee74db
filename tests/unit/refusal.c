// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: what a service concludes from clients that the kernel
 * refused or forgot. Each row is a story, a letter a client: "o" was forgotten
 * with a cookie of our own, "k" with one of the kernel's, "r" refused, "t" got
 * through; in capitals an overflow was counted before; "l" was forgotten by the
 * time that overflows were counted for the one before; "=" is the last client
 * once more, "L" another listener in the place of the old.
 */
#include "testmain.h"

#include "refusal.h"

struct story {
	const char *clients;
	enum refusal_of end;
};

static const struct story stories[] = {
	{ "", REFUSAL_NONE },
	{ "r", REFUSAL_SOCKET },
	{ "oo", REFUSAL_NONE },
	{ "ooo", REFUSAL_FORGOTTEN },
	{ "o====", REFUSAL_NONE },
	{ "o=o=o", REFUSAL_FORGOTTEN },
	{ "ooO", REFUSAL_NONE },
	/* a daemon that reads late: their overflows are in the first's count */
	{ "Ollllll", REFUSAL_NONE },
	{ "oloo", REFUSAL_FORGOTTEN },
	/* a crowd at once, and no overflow; the same after older ones */
	{ "oll", REFUSAL_FORGOTTEN },
	{ "Ollol", REFUSAL_FORGOTTEN },
	{ "ollk", REFUSAL_FORGOTTEN },
	/* a crowd that sends again together, the same client in front */
	{ "o=l=l", REFUSAL_FORGOTTEN },
	{ "OOOOOO", REFUSAL_NONE },
	{ "Ooo", REFUSAL_FORGOTTEN },
	/* those in flight when it was found out */
	{ "ooooooooo", REFUSAL_FORGOTTEN },
	{ "ooookkoook", REFUSAL_FORGOTTEN },
	{ "oookkk", REFUSAL_ELSEWHERE },
	{ "kkk", REFUSAL_ELSEWHERE },
	{ "rkkk", REFUSAL_ELSEWHERE },
	{ "kkkooor", REFUSAL_ELSEWHERE },
	{ "rooo", REFUSAL_FORGOTTEN },
	{ "oooL", REFUSAL_NONE },
	{ "oooLr", REFUSAL_SOCKET },
	{ "kkkLooo", REFUSAL_FORGOTTEN },
	{ "ooto", REFUSAL_NONE },
	{ "tooo", REFUSAL_FORGOTTEN },
	/* a stranger's three must not disarm what serves others */
	{ "tkkkkkk", REFUSAL_NONE },
	{ "oootkkk", REFUSAL_FORGOTTEN },
};

static void play(const struct story *s)
{
	struct forgotten f = {};
	struct refusal r = {};
	enum refusal_of was = REFUSAL_NONE, now;
	__u64 print = 1;
	bool news;
	const char *c;

	for (c = s->clients; *c; c++) {
		if (*c == 'L') {
			print++;
			was = REFUSAL_NONE;
			continue;
		}
		f.overflows += *c == 'O' || *c == 'K';
		f.through += *c == 't';
		if (*c == 't')
			continue;
		if (*c != '=') {
			f.port++;
			f.kernel = *c == 'k' || *c == 'K';
		}
		if (*c != 'l')
			f.when_ns = f.asked_ns + 1;
		f.asked_ns = f.when_ns + 1;
		news = *c == 'r' ? refusal_socket(&r, print)
				 : refusal_forgotten(&r, print, &f);
		now = refusal_of(&r, print);
		if (news != (now != was))
			fail_msg("\"%s\" at \"%s\": known %d, then %d, but %s",
				 s->clients, c, was, now,
				 news ? "said to be news" : "not said");
		was = now;
	}
	if (was != s->end)
		fail_msg("\"%s\": expected %d, got %d", s->clients, s->end,
			 was);
}

static void test_stories(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
		play(&stories[i]);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_stories),
};

TEST_MAIN(tests)
