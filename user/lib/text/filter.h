/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: which sessions to list, watch or kill, in words, for the
 * command and the daemon alike. Words come in pairs; all must match.
 *
 *	src PREFIX	client address: 192.0.2.0/24, 2001:db8::/32, 192.0.2.1;
 *			0.0.0.0/0 is all of IPv4, ::/0 all of IPv6
 *	dst PREFIX	server address
 *	sport PORTS	client port: 40000 or 1024-2047
 *	dport PORTS	server port
 *	state STATE	one or several, with commas; "half-closed" is both,
 *			"live" everything from pending to closing
 *	age TIME	at least this old: 5m; or a range, 30s-5m
 *	idle TIME	the same since the last packet
 *	service SERVICE	its address:port, or its name
 */
#ifndef FILTER_H
#define FILTER_H

#include "addr.h"
#include "synkeeper/abi.h"

enum { FILTER_WORDS_MAX = 16, FILTER_ERR_MAX = 256 };

struct filter_prefix {
	__be32 addr[4]; /* IPv4 v4-mapped */
	__u8 len;	/* 0..128 */
	bool v6;	/* IPv6 only; else ::/0 would match v4-mapped IPv4 */
};

struct filter_range {
	__u32 min, max;
};

/* Parsed from no words, it matches every session. */
struct filter {
	struct filter_prefix src, dst;
	struct filter_range sport, dport; /* host byte order */
	struct filter_range age, idle;	  /* ms; max UINT32_MAX: open */
	__u32 states;			  /* mask of 1 << session_state */
	struct listen listen;		  /* of the service; port 0: any */
	char name[SERVICE_NAME_MAX];	  /* of the service; "": any */
};

/*
 * "192.0.2.0/24", "2001:db8::1". On failure returns false; @why (FILTER_ERR_MAX
 * bytes) is changed only if there is more to say than that it is no prefix.
 * @text is modified.
 */
bool filter_prefix_parse(char *text, struct filter_prefix *ret, char *why);

/*
 * Parses @n words. Returns 0, or -EINVAL with a line in @err (FILTER_ERR_MAX
 * bytes) that names the word and what it takes: "src '192.0.2': give an address
 * or prefix such as 192.0.2.0/24". A word given twice is refused. Words cannot
 * be abbreviated: a filter may kill.
 */
int filter_parse(const char *const *words, size_t n, struct filter *ret,
		 char *err);

/* The address:port of a service in the map. */
struct listen service_listen(const struct service_info *i);

/* Does @f name a service? Is it @info (NULL: unknown)? */
bool filter_names_service(const struct filter *f);
bool filter_is_service(const struct filter *f, const struct service_info *info);

/* Does @f match every session, however it was written? */
bool filter_is_any(const struct filter *f);

/*
 * Does @f match @s? @info: its service, NULL if unknown. @now: ticks. @s is a
 * copy: it must not change meanwhile.
 */
bool filter_match(const struct filter *f, const struct session *s,
		  const struct service_info *info, __u32 now);

/* "established"; several states may share a name. "?": no such state. */
const char *filter_state_name(__u8 state);

#endif
