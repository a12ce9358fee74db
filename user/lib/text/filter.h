/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: which sessions are meant, as people write it, for the
 * command and the daemon alike. Words come in pairs; all must hold.
 *
 *	src PREFIX	client address: 192.0.2.0/24, 2001:db8::/32, 192.0.2.1;
 *			0.0.0.0/0 is all of IPv4, ::/0 all of IPv6
 *	dst PREFIX	server's address
 *	sport PORTS	client's port: 40000 or 1024-2047
 *	dport PORTS	server's port
 *	state STATE	one or several, with commas; "half-closed" is both,
 *			"live" all of a session's life: pending to closing
 *	age TIME	at least so old: 5m; or a range, 30s-5m
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
	bool v6;	/* IPv6 only, though ::/0 has IPv4 in it, v4-mapped */
};

struct filter_range {
	__u32 min, max;
};

/* What filter_parse() leaves of no words at all matches every session. */
struct filter {
	struct filter_prefix src, dst;
	struct filter_range sport, dport; /* host byte order */
	struct filter_range age, idle;	  /* ms; max UINT32_MAX: open */
	__u32 states;			  /* mask of 1 << session_state */
	struct listen listen;		  /* of the service; port 0: any */
	char name[SERVICE_NAME_MAX];	  /* of the service; "": any */
};

/*
 * "192.0.2.0/24", "2001:db8::1". On failure returns false, and where there is
 * more to say than that it is none, says it in @why (FILTER_ERR_MAX bytes,
 * left alone otherwise). @text is taken apart.
 */
bool filter_prefix_parse(char *text, struct filter_prefix *ret, char *why);

/*
 * Parses @n words. Returns 0, or -EINVAL with a line in @err (FILTER_ERR_MAX
 * bytes) that names the word and says what would be right: "src '192.0.2':
 * give an address or prefix such as 192.0.2.0/24". A word given twice is
 * refused. Words may not be shortened: a filter may kill.
 */
int filter_parse(const char *const *words, size_t n, struct filter *ret,
		 char *err);

/* The address:port of a service in the map. */
struct listen service_listen(const struct service_info *i);

/*
 * Does @f name a service at all, and is it @info (NULL: not known)?
 */
bool filter_names_service(const struct filter *f);
bool filter_is_service(const struct filter *f, const struct service_info *info);

/* Is every session meant, however that was written? */
bool filter_is_any(const struct filter *f);

/*
 * Is @s meant? @info: of its service, NULL if that is not known. @now: ticks.
 * A copy of the session is judged, so it may not change meanwhile.
 */
bool filter_match(const struct filter *f, const struct session *s,
		  const struct service_info *info, __u32 now);

/* "established"; several states may share a name, "?" is none's. */
const char *filter_state_name(__u8 state);

#endif
