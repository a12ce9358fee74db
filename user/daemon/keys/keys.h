/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: cookie keys and their epochs. The lowest bit of the
 * epoch names the slot whose key makes cookies; the other slot's key still
 * checks those of the epoch before. Rotation writes the new key into the
 * other slot, complete, and only then moves the epoch, so a cookie is good
 * for one epoch at least and two at most. The key that is overwritten moves
 * to a third place, where it serves to call an expired cookie by its name.
 *
 * Keys come from the kernel's random numbers, live in a map that only root
 * can read, and go nowhere else.
 */
#ifndef KEYS_H
#define KEYS_H

#include "synkeeper/abi.h"

struct keys {
	int fd;			   /* the map */
	struct settings *settings; /* mapped; epoch lives there */
	__u64 lifetime_ns;
};

struct key_state {
	bool valid;
	__u64 age_ns;
};

/*
 * Takes over the keys in the map if @found, else makes the first. Returns 0
 * or -errno.
 */
int keys_init(struct keys *k, int fd, struct settings *settings,
	      __u64 lifetime_ns, bool found);
int keys_rotate(struct keys *k);
/* Nanoseconds until the current key's epoch ends; 0 if it is over. */
__u64 keys_left(const struct keys *k);
/* @slot: 0 to KEY_SLOTS - 1. */
struct key_state keys_state(const struct keys *k, __u32 slot);

#endif
