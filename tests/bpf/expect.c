// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: runs one packet through the program and compares the
 * result with the expectation. A table continues after a failure, so one run
 * reports all wrong rows.
 */
#include <linux/bpf.h>
#include <stdio.h>

#include "harness.h"

static const char *action_name(uint32_t action)
{
	static const char *const names[] = { "ABORTED", "DROP", "PASS", "TX",
					     "REDIRECT" };

	return action < 5 ? names[action] : "?";
}

bool expect_run(const char *what, const struct frame *in, const struct run *r,
		uint32_t verdict, enum reason reason, const struct frame *out)
{
	bool ok = true;

	if (r->verdict != verdict || r->reason != reason) {
		fprintf(stderr, "%s: expected %s (%s), got %s (%s)\n", what,
			action_name(verdict), reason_name(reason),
			action_name(r->verdict), reason_name(r->reason));
		ok = false;
	} else if (packet_diff(what, out ? out : in, r->data, r->len)) {
		ok = false;
	}
	if (!ok)
		packet_dump("\tpacket in", in->data, in->len);
	return ok;
}

bool expect(const char *what, const struct frame *in, uint32_t verdict,
	    enum reason reason, const struct frame *out)
{
	static struct run r;

	r.linear = r.ifindex = 0;
	harness_run(in, &r);
	return expect_run(what, in, &r, verdict, reason, out);
}

bool expect_spec(const char *what, const struct spec *s, uint32_t verdict,
		 enum reason reason)
{
	static struct frame in;

	packet_build(s, &in);
	return expect(what, &in, verdict, reason, NULL);
}
