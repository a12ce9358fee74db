/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the one entry of the map settings, mapped into memory:
 * the programs see each field the moment it is stored. Some of it is made once
 * and outlives the daemon with the session table (the hash's secrets, the
 * size), the rest follows the host's own configuration.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "kernel/clock.h"
#include "daemon.h"
#include "log.h"
#include "kernel/syncookies.h"

int settings_map(struct daemon *d)
{
	void *at = mmap(NULL, sizeof(*d->settings), PROT_READ | PROT_WRITE,
			MAP_SHARED, loader_map_fd(&d->loader, MAP_SETTINGS), 0);

	if (at == MAP_FAILED) {
		log_err("cannot map the settings: %s", strerror(errno));
		return -errno;
	}
	d->settings = at;
	return 0;
}

int settings_init(struct daemon *d)
{
	struct settings *s = d->settings;
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	__u64 secret[2];

	if (!d->loader.took_over) {
		if (getrandom(secret, sizeof(secret), 0) != sizeof(secret) ||
		    bpf_obj_get_info_by_fd(
			    loader_map_fd(&d->loader, MAP_SESSION_TAGS), &info,
			    &len)) {
			log_err("cannot make the settings: %s",
				strerror(errno));
			return -errno;
		}
		s->hash_seed = secret[0];
		s->hash_mul = secret[1] | 1;
		s->set_mask = info.max_entries - 1;
		s->abi = ABI_VERSION;
	}
	s->netns = syncookies_netns();
	settings_configure(d);
	return 0;
}

void settings_configure(struct daemon *d)
{
	d->settings->resets_per_second = d->config.resets_per_second;
	d->settings->source_bits4 = d->config.source_bits4;
	d->settings->source_bits6 = d->config.source_bits6;
	d->settings->synacks_per_second = d->config.synacks_per_second;
}

int settings_follow(struct daemon *d)
{
	struct settings *s = d->settings;
	const __u32 offers = SETTING_TS | SETTING_WSCALE | SETTING_SACK |
			     SETTING_ECN | SETTING_FORWARDING |
			     SETTING_KERNEL_TS;
	__u32 now = ns_to_ticks(now_ns()), wrong;
	struct netconf before = d->net;
	struct netconf_counts counts;
	int err = netconf_read(&d->net);

	if (err && !d->net.rcvbuf) {
		log_err("cannot read /proc/sys/net: %s", strerror(-err));
		return err;
	}
	if (before.rcvbuf && d->net.offer != before.offer)
		d->offer_changed_ns = now_ns();
	s->ttl = d->net.ttl;
	s->hop_limit = d->net.hop_limit;
	wrong = (offers & ~d->net.offer) | (d->ending ? 0 : SETTING_DISARMED);
	__atomic_and_fetch(&s->flags, ~wrong, __ATOMIC_SEQ_CST);
	__atomic_or_fetch(&s->flags, d->net.offer, __ATOMIC_SEQ_CST);
	netconf_counts(&counts);
	if (counts.cookies_sent != d->cookies_sent)
		d->cookies_sent_ns = now_ns();
	d->cookies_sent = counts.cookies_sent;
	if ((__s32)(s->kernel_cookies_until - now) < 0)
		s->kernel_cookies_until = now; /* ticks wrap, in years */
	if (d->net.offer & SETTING_FORWARDING &&
	    netconf_local_addrs(loader_map_fd(&d->loader, MAP_LOCAL_ADDRS)))
		log_warn("cannot list the local addresses; wildcard services "
			 "pass");
	return 0;
}
