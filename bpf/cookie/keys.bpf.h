/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the interface between cookies and keys. Which key makes
 * a cookie, and which one checks it, is decided here and nowhere else; no other
 * file in bpf/ reads the map `keys` or the epoch.
 *
 * The keys are local to this host. The daemon generates them at random and puts
 * each in the slot given by the lowest bit of its epoch; a cookie carries that
 * bit. Two keys are live at any time; the two before them are kept only to tell
 * an expired cookie from a forged one.
 */
#ifndef SYNKEEPER_KEYS_BPF_H
#define SYNKEEPER_KEYS_BPF_H

#include "maps.bpf.h"
#include "synkeeper/cookie.h"

enum keys_age {
	KEYS_LIVE,
	KEYS_ENDED, /* cookies made with it have expired */
};

/* The key in @slot, or NULL if the slot is empty. */
static __always_inline const struct siphash_key *keys_slot(__u32 slot)
{
	const struct cookie_key *key = bpf_map_lookup_elem(&keys, &slot);

	return key && key->born_ns ? &key->key : NULL;
}

/*
 * The key that currently makes cookies, or NULL if there is none yet.
 * *@ret_epoch: the bit that cookie_make() stores in the cookie, 0 or 1.
 */
static __always_inline const struct siphash_key *
keys_make(const struct settings *cfg, __u32 *ret_epoch)
{
	*ret_epoch = cfg->epoch & 1;
	return keys_slot(*ret_epoch);
}

/*
 * The key of this @age for a cookie with ISN @isn (host byte order), or NULL if
 * there is none.
 */
static __always_inline const struct siphash_key *keys_check(__u32 isn,
							    enum keys_age age)
{
	return keys_slot(cookie_slot(isn) + (age == KEYS_ENDED ? KEY_OLD : 0));
}

#endif
