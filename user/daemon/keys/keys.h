/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: cookie keys and their epochs. The lowest bit of the
 * epoch selects the slot whose key makes cookies; the other slot's key still
 * checks those of the previous epoch. Rotation writes the complete new key into
 * the other slot and only then advances the epoch, so a cookie is valid for at
 * least one epoch and at most two. The key that is overwritten moves to a third
 * slot, which only serves to recognize expired cookies.
 *
 * With a secret that other nodes share, cluster.h has the keys that count, and
 * what is said here of an epoch, of the current key and of the life of cookies
 * is theirs; the ones here go on being renewed, unused.
 *
 * Keys come from the kernel's random number generator, live in a map that only
 * root can read, and go nowhere else.
 */
#ifndef KEYS_H
#define KEYS_H

#include "cluster.h"
#include "control/request.h"
#include "synkeeper/abi.h"

struct keys {
	int fd;			   /* the map */
	struct settings *settings; /* mapped; holds the epoch */
	__u64 lifetime_ns;
	const struct cluster *cluster; /* whose keys count instead, if any */
	sd_event_source *timer;	       /* NULL: no timed rotation */
};

struct key_state {
	bool valid;
	__u64 age_ns;
};

/*
 * Takes over the keys in the map if @found, else makes the first one. Returns 0
 * or -errno.
 */
int keys_init(struct keys *k, int fd, struct settings *settings,
	      __u64 lifetime_ns, bool found, const struct cluster *cluster);
/*
 * Starts timed rotation. Returns 0 or -errno. Call keys_stop() in either case.
 */
int keys_start(struct keys *k, sd_event *loop);
void keys_stop(struct keys *k);
/* From now on an epoch lasts for @lifetime_ns. */
void keys_set_lifetime(struct keys *k, __u64 lifetime_ns);

/* Rotates at once. Returns 0 or -errno, logged: retried soon. */
int keys_rotate(struct keys *k);
/* The current epoch's number. */
__u32 keys_epoch(const struct keys *k);
/* How long an epoch lasts, in nanoseconds. */
__u64 keys_lifetime(const struct keys *k);
/* How long a cookie made now stays valid, in nanoseconds. */
__u64 keys_cookie_life(const struct keys *k);
/* Nanoseconds until the current key's epoch ends; 0 if it is over. */
__u64 keys_left(const struct keys *k);
/* @slot: 0 to KEY_SLOTS - 1. */
struct key_state keys_state(const struct keys *k, __u32 slot);
/* The state of the key that makes cookies. */
struct key_state keys_current(const struct keys *k);

/* keys_requests.c: "key.list" and "key.rotate" of a struct keys. */
extern const struct request_handler keys_requests[];

#endif
