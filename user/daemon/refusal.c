/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see refusal.h. */
#include "refusal.h"

enum refusal_of refusal_of(const struct refusal *r, __u64 print)
{
	return r->print == print ? r->what : REFUSAL_NONE;
}

static bool learn(struct refusal *r, __u64 print, enum refusal_of what)
{
	if (refusal_of(r, print) >= what)
		return false;
	r->print = print;
	r->what = what;
	r->clients = 0;
	return true;
}

bool refusal_socket(struct refusal *r, __u64 print)
{
	return learn(r, print, REFUSAL_SOCKET);
}

bool refusal_forgotten(struct refusal *r, __u64 print,
		       const struct forgotten *f)
{
	__u64 innocent = f->overflows + f->through;
	bool same = r->innocent == innocent && r->kernel == f->kernel;

	if (f->when_ns <= r->asked_ns && !(same && r->in_a_row))
		return false;
	if (!same)
		r->clients = 0; /* it was no row */
	else if (r->clients && r->port == f->port)
		return false;
	r->in_a_row = same;
	r->asked_ns = f->asked_ns;
	r->innocent = innocent;
	r->port = f->port;
	r->kernel = f->kernel;
	return ++r->clients >= REFUSAL_CLIENTS && !(f->kernel && f->through) &&
	       learn(r, print,
		     f->kernel ? REFUSAL_ELSEWHERE : REFUSAL_FORGOTTEN);
}
