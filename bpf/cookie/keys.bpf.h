/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the seam between cookies and their keys. Which key
 * makes a cookie now, and which one checks it, is answered here and nowhere
 * else; no other file of bpf/ looks into the map `keys` or at the epoch.
 *
 * The keys are this host's own. The daemon draws them at random and puts each
 * into the slot that the lowest bit of its epoch names; a cookie bears that
 * bit. So two keys are live at any time, and the two before them are kept, only
 * to tell a cookie that came too late from a forged one.
 */
#ifndef SYNKEEPER_KEYS_BPF_H
#define SYNKEEPER_KEYS_BPF_H

#include "maps.bpf.h"
#include "synkeeper/cookie.h"

enum keys_age {
	KEYS_LIVE,
	KEYS_ENDED, /* a cookie under it is not good any more */
};

/* The key in @slot, or NULL if there is none yet. */
static __always_inline const struct siphash_key *keys_slot(__u32 slot)
{
	const struct cookie_key *key = bpf_map_lookup_elem(&keys, &slot);

	return key && key->born_ns ? &key->key : NULL;
}

/*
 * The key that makes cookies now, or NULL if there is none yet. *@ret_epoch:
 * what cookie_make() is to note in the cookie, 0 or 1.
 */
static __always_inline const struct siphash_key *
keys_make(const struct settings *cfg, __u32 *ret_epoch)
{
	*ret_epoch = cfg->epoch & 1;
	return keys_slot(*ret_epoch);
}

/*
 * The key of this @age that the cookie with ISN @isn (host byte order) would
 * have been made with, or NULL if there is none.
 */
static __always_inline const struct siphash_key *keys_check(__u32 isn,
							    enum keys_age age)
{
	return keys_slot(cookie_slot(isn) + (age == KEYS_ENDED ? KEY_OLD : 0));
}

#endif
