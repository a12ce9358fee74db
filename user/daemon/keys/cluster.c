/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "cluster.h"
#include "log.h"
#include "maps/settings.h"

static __u64 epoch_at(const struct utc *utc)
{
	return epoch_of(epoch_half(utc->now_ns));
}

/* ---- the map ---- */

static int write_key(struct cluster *c, __u32 place, __u64 epoch,
		     const struct secret *s)
{
	__u32 at = epoch_key_at(place, epoch);
	struct epoch_key key = { .epoch = s ? epoch : 0 };
	int err;

	if (s)
		secret_derive(s, epoch, &key.key);
	err = bpf_map_update_elem(c->fd, &at, &key, BPF_ANY) ? -errno : 0;
	explicit_bzero(&key, sizeof(key));
	if (err && !c->failed)
		log_err("cannot store a key of the cluster: %s",
			strerror(-err));
	c->failed = err;
	return err;
}

/* Writes the keys of one secret from epoch @from to @to, both included. */
static int write_keys(struct cluster *c, __u32 place, const struct secret *s,
		      __u64 from, __u64 to)
{
	__u64 epoch;
	int err = 0;

	for (epoch = from; epoch <= to && !err; epoch++)
		err = write_key(c, place, epoch, s);
	return err;
}

static __u64 window_from(const struct cluster *c)
{
	__u64 epoch = epoch_at(&c->utc);

	return epoch > EPOCH_KEYS_BEHIND ? epoch - EPOCH_KEYS_BEHIND : 1;
}

/* Moves the window of keys in the map to where the clock is. */
static int follow_clock(struct cluster *c)
{
	__u64 from = window_from(c), to = from + EPOCH_KEYS - 1, first = from;
	int err = 0;
	size_t i;

	if (c->written_from == from)
		return 0;
	/* usually an epoch has passed, but the clock may have been set */
	if (c->written_to && from > c->written_from && from <= c->written_to)
		first = c->written_to + 1;
	for (i = 0; i < c->secrets->n && !err; i++)
		err = write_keys(c, c->place[i], &c->secrets->list[i], first,
				 to);
	c->written_from = err ? 0 : from;
	c->written_to = err ? 0 : to;
	return err;
}

/* Does @place have the current key of @s? */
static bool is_in_place(const struct cluster *c, __u32 place,
			const struct secret *s)
{
	__u64 epoch = epoch_at(&c->utc);
	__u32 at = epoch_key_at(place, epoch);
	struct epoch_key had = {};
	struct siphash_key key;
	bool same;

	secret_derive(s, epoch, &key);
	same = !bpf_map_lookup_elem(c->fd, &at, &had) && had.epoch == epoch &&
	       !sodium_memcmp(&had.key, &key, sizeof(key));
	explicit_bzero(&had, sizeof(had));
	explicit_bzero(&key, sizeof(key));
	return same;
}

/* Which place each secret gets: the one it has, else a free one. */
static void find_places(struct cluster *c, const struct secrets *s)
{
	__u32 first = 0;

	if (is_in_place(c, 1, &s->list[0]) ||
	    (s->n == 2 && is_in_place(c, 0, &s->list[1])))
		first = 1;
	c->place[0] = first;
	c->place[1] = !first;
}

/*
 * The order keeps cookies in flight valid: keys first, then who signs, then
 * what counts no longer.
 */
static int apply(struct cluster *c)
{
	const struct secrets *s = c->secrets;
	__u64 from;
	int err;

	c->written_from = c->written_to = 0;
	c->settings->utc_offset_ms = c->utc.offset_ms;
	err = follow_clock(c);
	if (err)
		return err;
	if (s->n == 2)
		settings_set(c->settings, SETTING_TWO_SECRETS);
	settings_put(c->settings, SETTING_PLACE_1,
		     c->place[secrets_find(s, SECRET_CURRENT) - s->list]);
	settings_set(c->settings, SETTING_CLUSTER);
	if (s->n == 2)
		return 0;
	settings_clear(c->settings, SETTING_TWO_SECRETS);
	from = window_from(c);
	return write_keys(c, c->place[1], NULL, from, from + EPOCH_KEYS - 1);
}

/* ---- the file ---- */

int cluster_read(const struct cluster *c, struct secrets *ret, char *err)
{
	char why[SECRET_ERR_MAX];
	int fault;

	if (!c->path)
		return 0;
	fault = secrets_read(c->path, ret, why);
	if (fault)
		config_refuse(err, fault, "[keys] secret: %s", why);
	return fault;
}

static bool is_same(const struct secrets *a, const struct secrets *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (a->list[i].role != b->list[i].role ||
		    strcmp(a->list[i].id, b->list[i].id) != 0 ||
		    sodium_memcmp(a->list[i].bytes, b->list[i].bytes,
				  SECRET_BYTES))
			return false;
	return true;
}

bool cluster_take(struct cluster *c, const struct secrets *fresh, char *from,
		  char *to)
{
	if (!c->secrets || !fresh->n || is_same(c->secrets, fresh))
		return false;
	secrets_describe(c->secrets, from);
	secrets_describe(fresh, to);
	utc_read(&c->utc);
	find_places(c, fresh);
	*c->secrets = *fresh;
	apply(c); /* if it fails, the next tick tries again */
	return true;
}

/* ---- life ---- */

static int refuse_clock(const struct utc *utc)
{
	log_err("[keys] secret: the clock is not synchronised (%s), so cookies "
		"of other nodes would not be valid: start an NTP daemon and "
		"wait for it, as by chronyc waitsync",
		utc->why);
	return -EAGAIN;
}

/* sodium_malloc() excludes it from dumps and, if it may, locks it. */
static int take_file(struct cluster *c)
{
	char err[CONFIG_ERR_MAX];
	int fault;

	c->secrets = secret_init() ? NULL : sodium_malloc(sizeof(*c->secrets));
	if (!c->secrets) {
		log_err("[keys] secret: no memory that can be protected");
		return -ENOMEM;
	}
	memset(c->secrets, 0, sizeof(*c->secrets));
	fault = cluster_read(c, c->secrets, err);
	if (fault)
		log_err("%s", err);
	return fault;
}

int cluster_start(struct cluster *c, int fd, struct settings *settings,
		  const struct config *config)
{
	char state[SECRET_STATE_MAX];
	int err;

	*c = (struct cluster){ .fd = fd,
			       .settings = settings,
			       .path = config->key_secret };
	if (!c->path) { /* an earlier instance may have had one */
		settings_clear(settings, SETTING_CLUSTER);
		return 0;
	}
	err = take_file(c);
	if (err)
		return err;
	utc_read(&c->utc);
	if (!c->utc.synced)
		return refuse_clock(&c->utc);
	if (c->utc.moved)
		log_warn(UTC_TEST_VARIABLE " is set: this is a test, and the "
					   "clock is moved");
	find_places(c, c->secrets);
	err = apply(c);
	if (!err)
		log_info("cookies are shared with other nodes: %s",
			 secrets_describe(c->secrets, state));
	return err;
}

void cluster_stop(struct cluster *c)
{
	if (c->secrets)
		sodium_free(c->secrets); /* wipes it */
	c->secrets = NULL;
}

void cluster_tick(struct cluster *c)
{
	bool was_synced = c->utc.synced;

	if (!c->secrets)
		return;
	utc_read(&c->utc);
	c->settings->utc_offset_ms = c->utc.offset_ms;
	if (was_synced && !c->utc.synced)
		log_warn("the clock is not synchronised any more (%s): other "
			 "nodes' cookies fail once it is off by half a minute",
			 c->utc.why);
	else if (!was_synced && c->utc.synced)
		log_info("the clock is synchronised again");
	if (c->failed)
		apply(c);
	else
		follow_clock(c);
}

__u64 cluster_epoch(const struct cluster *c)
{
	return c->secrets ? epoch_at(&c->utc) : 0;
}

__u64 cluster_cookie_life(const struct cluster *c)
{
	return c->secrets ? 3 * EPOCH_HALF_NS : 0;
}
