// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bpf.h>
#include <stdio.h>

#include "check.h"
#include "handed_over.h"
#include "sessions.h"

enum { BUDGET = 100 }; /* of each kind; see bpf/report/budget.bpf.h */

unsigned handed_over(const char *what, const struct spec *syn)
{
	struct tuple t = sessions_tuple(syn);
	unsigned bad;

	sessions_clear();
	bad = !expect_spec(what, syn, XDP_PASS, REASON_handed_over);
	if (sessions_find(&t, NULL) != SESSION_OPENING) {
		fprintf(stderr, "%s: expected an entry, opening\n", what);
		bad++;
	}
	return bad;
}

void handed_over_flood(const struct spec *syn, enum reason beyond)
{
	struct spec s = *syn;
	unsigned i, passed = 0;
	static struct frame in;
	static struct run r;

	for (i = 0; i < 10 * BUDGET; i++) {
		s.sport = 10000 + i;
		packet_build(&s, &in);
		harness_run(&in, &r);
		passed += r.verdict == XDP_PASS;
		if (r.reason !=
		    (r.verdict == XDP_PASS ? REASON_handed_over : beyond))
			fail_msg("SYN %u: expected handed_over or %s, got %s",
				 i, reason_name(beyond), reason_name(r.reason));
	}
	/* the second may have turned, on a slow machine more than once */
	assert_in_range(passed, BUDGET, 5 * BUDGET);
}
