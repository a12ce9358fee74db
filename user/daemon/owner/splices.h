/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the connections whose server is behind this host, see
 * synkeeper/splice.h: the programs own them, and no socket can be asked. They
 * are in the map `splices`, which outlives the daemon, and their entry outlives
 * their session: a FIN may be repeated, and has to be translated like the
 * first. So the daemon walks the map from time to time and removes what has no
 * session and no packets any more.
 */
#ifndef SPLICES_H
#define SPLICES_H

#include "kernel/rawtcp.h"
#include "synkeeper/abi.h"
#include "synkeeper/splice.h"

enum { SPLICES_BATCH = 256 };

struct splices {
	int fd;			  /* of the map; the loader's */
	const struct rawtcp *raw; /* resets their ends */
	__u32 place;		  /* of the walk, opaque */
	bool walking;		  /* there is more to read */
};

/* One entry of a walk. */
struct splices_entry {
	struct tuple tuple;
	struct splice splice;
};

/* The entry of @t, which may change at any time; -ENOENT: there is none. */
int splices_find(const struct splices *s, const struct tuple *t,
		 struct splice *ret);

/*
 * Resets client and server with the numbers that each expects. Both resets are
 * sent to the client, and the program on egress turns the first one around. The
 * entry stays. -ENOENT: there is none; or -errno.
 */
int splices_end(const struct splices *s, const struct tuple *t);
void splices_remove(const struct splices *s, const struct tuple *t);

/*
 * Reads up to SPLICES_BATCH entries into @ret and returns how many, or -errno.
 * Unless @s->walking, these were the last, and the next call begins another
 * walk. What is added or removed meanwhile may be missed.
 */
int splices_walk(struct splices *s, struct splices_entry ret[SPLICES_BATCH]);

#endif
