/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the interface between cookies and keys. Which key makes
 * a cookie, and which one checks it, is decided here and nowhere else; no other
 * file in bpf/ reads the map `keys` or the epoch.
 *
 * Without a shared secret, keys are local to this host. The daemon generates
 * them at random and puts each in the slot given by the lowest bit of its
 * epoch; a cookie carries that bit. Two keys are live at any time; the two
 * before them are kept only to tell an expired cookie from a forged one.
 *
 * With a shared secret (SETTING_CLUSTER), the daemon derives the keys of the
 * next hour's epochs from it, and the program picks by the clock, as
 * synkeeper/epoch.h says: it stays in step with other nodes while no daemon
 * runs, and once the hour is over it has no key and answers nothing. While one
 * secret replaces another (SETTING_TWO_SECRETS), cookies of the one that does
 * not sign are checked by a second hash, after the first has failed: nothing in
 * a cookie says which secret it is of, and both must count in both slots.
 */
#ifndef SYNKEEPER_KEYS_BPF_H
#define SYNKEEPER_KEYS_BPF_H

#include "maps.bpf.h"
#include "synkeeper/cookie.h"
#include "synkeeper/promise.h"

enum keys_age {
	KEYS_LIVE,
	KEYS_ENDED, /* cookies made with it have expired */
	KEYS_OTHER, /* live, of the secret that does not make cookies */
};

/* The key in @slot, or NULL if the slot is empty. */
static __always_inline const struct siphash_key *keys_slot(__u32 slot)
{
	const struct cookie_key *key = bpf_map_lookup_elem(&keys, &slot);

	return key && key->born_ns ? &key->key : NULL;
}

static __always_inline __u64 keys_half(const struct settings *cfg)
{
	return epoch_half(bpf_ktime_get_tai_ns() +
			  cfg->utc_offset_ms * 1000000LL);
}

/* The key of @epoch, of the secret in @place; NULL: the hour is over. */
static __always_inline const struct siphash_key *keys_of_epoch(__u32 place,
							       __u64 epoch)
{
	__u32 at = epoch_key_at(place & 1, epoch);
	const struct epoch_key *key = bpf_map_lookup_elem(&epoch_keys, &at);

	return key && epoch && key->epoch == epoch ? &key->key : NULL;
}

static __always_inline __u32 keys_place(const struct settings *cfg)
{
	return !!(cfg->flags & SETTING_PLACE_1);
}

/*
 * What a cookie of endpoint @ep is bound to besides the key. @scale: the
 * server's, as the route to the client bounds it.
 */
static __always_inline __u32 keys_promise(const struct settings *cfg,
					  const struct endpoint *ep,
					  __u32 scale)
{
	if (!(cfg->flags & SETTING_CLUSTER))
		return 0;
	if (ep->flags & ENDPOINT_SPLICE)
		scale = 0; /* the server's own, learned by each node */
	return promise_of(cfg->flags, scale & 0xf, ep->mss);
}

/* keys_check() by time. Not inlined: others must not pay for it. */
static __noinline const struct siphash_key *
keys_check_by_time(const struct settings *cfg, __u32 isn, enum keys_age age)
{
	__u64 epoch = epoch_for_bit(keys_half(cfg), cookie_slot(isn));

	return keys_of_epoch(keys_place(cfg) ^ (age == KEYS_OTHER),
			     age == KEYS_ENDED ? epoch - 2 : epoch);
}

/*
 * Copies @key to *@ret; false: it is NULL. A copy, since the verifier would
 * follow pointers into either map to the end.
 */
static __always_inline bool keys_copy(const struct siphash_key *key,
				      struct siphash_key *ret)
{
	if (!key)
		return false;
	*ret = *key;
	return true;
}

/*
 * Copies the key that currently makes cookies to *@ret; false: there is none
 * yet. *@ret_epoch: the bit that cookie_make() stores in the cookie, 0 or 1.
 */
static __always_inline bool keys_make(const struct settings *cfg,
				      struct siphash_key *ret, __u32 *ret_epoch)
{
	if (cfg->flags & SETTING_CLUSTER) {
		__u64 epoch = epoch_of(keys_half(cfg));

		*ret_epoch = epoch & 1;
		return keys_copy(keys_of_epoch(keys_place(cfg), epoch), ret);
	}
	*ret_epoch = cfg->epoch & 1;
	return keys_copy(keys_slot(*ret_epoch), ret);
}

/*
 * The same with the key of this @age for a cookie with ISN @isn (host byte
 * order). KEYS_OTHER: only with SETTING_TWO_SECRETS.
 */
static __always_inline bool keys_check(const struct settings *cfg, __u32 isn,
				       enum keys_age age,
				       struct siphash_key *ret)
{
	if (cfg->flags & SETTING_CLUSTER)
		return keys_copy(keys_check_by_time(cfg, isn, age), ret);
	return keys_copy(
		keys_slot(cookie_slot(isn) + (age == KEYS_ENDED ? KEY_OLD : 0)),
		ret);
}

#endif
