/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "kernel/clock.h"
#include "keys.h"
#include "log.h"
#include "loop/timer.h"

enum { RETRY_US = 1000000 }; /* after a key could not be made */

static int key_make(struct cookie_key *ret)
{
	if (getrandom(&ret->key, sizeof(ret->key), 0) != sizeof(ret->key)) {
		log_err("cannot generate a cookie key: %s", strerror(errno));
		return -EIO;
	}
	ret->born_ns = clock_ns();
	return 0;
}

static int key_write(const struct keys *k, __u32 slot,
		     const struct cookie_key *key)
{
	if (bpf_map_update_elem(k->fd, &slot, key, BPF_ANY)) {
		int err = -errno;

		log_err("cannot store a cookie key: %s", strerror(-err));
		return err;
	}
	return 0;
}

static int key_read(const struct keys *k, __u32 slot, struct cookie_key *ret)
{
	return bpf_map_lookup_elem(k->fd, &slot, ret) ? -errno : 0;
}

__u32 keys_epoch(const struct keys *k)
{
	return cluster_on(k->cluster) ? (__u32)cluster_epoch(k->cluster)
				      : k->settings->epoch;
}

static __u32 current_slot(const struct keys *k)
{
	return k->settings->epoch & 1;
}

int keys_init(struct keys *k, int fd, struct settings *settings,
	      __u64 lifetime_ns, bool found, const struct cluster *cluster)
{
	struct cookie_key key = {};
	int err = 0;

	*k = (struct keys){ .fd = fd,
			    .settings = settings,
			    .lifetime_ns = lifetime_ns,
			    .cluster = cluster };
	if (found && !key_read(k, current_slot(k), &key) && key.born_ns)
		return 0;
	err = key_make(&key);
	if (!err)
		err = key_write(k, current_slot(k), &key);
	explicit_bzero(&key, sizeof(key));
	return err;
}

static int rotate(struct keys *k)
{
	__u32 next = (k->settings->epoch + 1) & 1;
	struct cookie_key ended = {}, fresh = {};
	int err;

	err = key_read(k, next, &ended);
	if (!err)
		err = key_make(&fresh);
	if (!err)
		err = key_write(k, KEY_OLD + next, &ended);
	if (!err)
		err = key_write(k, next, &fresh);
	if (!err)
		__atomic_store_n(&k->settings->epoch, k->settings->epoch + 1,
				 __ATOMIC_SEQ_CST);
	explicit_bzero(&ended, sizeof(ended));
	explicit_bzero(&fresh, sizeof(fresh));
	return err;
}

struct key_state keys_state(const struct keys *k, __u32 slot)
{
	struct key_state state = {};
	struct cookie_key key = {};

	if (!key_read(k, slot, &key) && key.born_ns) {
		state.valid = true;
		state.age_ns = clock_ns() - key.born_ns;
	}
	explicit_bzero(&key, sizeof(key));
	return state;
}

__u64 keys_left(const struct keys *k)
{
	__u64 age = keys_state(k, current_slot(k)).age_ns;

	return age < k->lifetime_ns ? k->lifetime_ns - age : 0;
}

__u64 keys_cookie_life(const struct keys *k)
{
	__u64 own = 2 * k->lifetime_ns,
	      shared = cluster_cookie_life(k->cluster);

	return own > shared ? own : shared;
}

struct key_state keys_current(const struct keys *k)
{
	if (cluster_on(k->cluster))
		return (struct key_state){
			.valid = true,
			.age_ns = k->cluster->utc.now_ns % (2 * EPOCH_HALF_NS),
		};
	return keys_state(k, current_slot(k));
}

__u64 keys_lifetime(const struct keys *k)
{
	return cluster_on(k->cluster) ? 2 * EPOCH_HALF_NS : k->lifetime_ns;
}

/* ---- in time ---- */

int keys_rotate(struct keys *k)
{
	int err = rotate(k);

	if (k->timer)
		timer_set(k->timer, err ? RETRY_US : keys_left(k) / 1000);
	return err;
}

static int on_timer(sd_event_source *source, uint64_t when, void *data)
{
	(void)source;
	(void)when;
	keys_rotate(data);
	return 0;
}

int keys_start(struct keys *k, sd_event *loop)
{
	int err = timer_add(loop, &k->timer, TIMER_LAZY, on_timer, k);

	return err ? err : timer_set(k->timer, keys_left(k) / 1000);
}

void keys_stop(struct keys *k)
{
	k->timer = timer_free(k->timer);
}

void keys_set_lifetime(struct keys *k, __u64 lifetime_ns)
{
	k->lifetime_ns = lifetime_ns;
	if (k->timer)
		timer_set(k->timer, keys_left(k) / 1000);
}
