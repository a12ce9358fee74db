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

bool refusal_forgotten(struct refusal *r, __u64 print, bool kernel, __be16 port,
		       __u64 overflows, __u64 through)
{
	__u64 innocent = overflows + through;

	if (r->innocent != innocent || r->kernel != kernel)
		r->clients = 0; /* it was no row */
	else if (r->clients && r->port == port)
		return false;
	r->innocent = innocent;
	r->port = port;
	r->kernel = kernel;
	return ++r->clients >= REFUSAL_CLIENTS && !(kernel && through) &&
	       learn(r, print, kernel ? REFUSAL_ELSEWHERE : REFUSAL_FORGOTTEN);
}
