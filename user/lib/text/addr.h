/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: parses and formats "address:port".
 *	192.0.2.1:443   [2001:db8::1]:443   *:443
 */
#ifndef ADDR_H
#define ADDR_H

#include "synkeeper/types.h"

/* An address:port to protect. Network byte order, IPv4 v4-mapped. */
struct listen {
	__be32 addr[4];
	__be16 port;
	bool wildcard; /* "*": any address of both families, addr is zero */
};

enum { LISTEN_STRLEN = 56, TUPLE_STRLEN = 112, ADDR_STRLEN = 48 };

/*
 * Parses @text into @ret. On failure returns -EINVAL, leaves @ret alone and
 * points *@ret_why to a static sentence that says what is wrong and how to
 * write it (no trailing full stop).
 */
int listen_parse(const char *text, struct listen *ret, const char **ret_why);

/* Both return @buf, which holds LISTEN_STRLEN or ADDR_STRLEN bytes. */
const char *listen_format(const struct listen *l, char *buf);
const char *addr_format(const __be32 addr[4], char *buf);

/* One end of a connection; @buf holds LISTEN_STRLEN bytes and is returned. */
const char *endpoint_format(const __be32 addr[4], __be16 port, char *buf);

/* "CLIENT:PORT -> SERVER:PORT"; @buf holds TUPLE_STRLEN bytes. */
const char *tuple_format(const struct tuple *t, char *buf);

/* Is it IPv4, v4-mapped? */
bool addr_is_v4(const __be32 addr[4]);

bool listen_equal(const struct listen *a, const struct listen *b);
/* An order, wildcards last: < 0, 0 or > 0. */
int listen_compare(const struct listen *a, const struct listen *b);

#endif
