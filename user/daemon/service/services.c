/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the services, see services.h. What they amount to is in
 * services_apply.c.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/clock.h"
#include "log.h"
#include "services_state.h"
#include "synkeeper/stats_rows.h"

static bool is_live(const struct service *svc)
{
	return svc->id && !svc->drain_until_ns;
}

const struct service *services_next(const struct services *s,
				    const struct service *after)
{
	size_t i = after ? (size_t)(after - s->slots) + 1 : 1;

	for (; i < SERVICES_MAX; i++)
		if (s->slots[i].id)
			return &s->slots[i];
	return NULL;
}

const struct service_info *services_info(const struct services *s, __u16 id)
{
	const struct service_info *i = &s->infos[id % SERVICES_MAX];

	return i->listen.port ? i : NULL;
}

int services_init(const struct loader *l, struct totals *totals,
		  struct nat *nat, struct services **ret)
{
	struct services *s = calloc(1, sizeof(*s));
	__u32 id;
	int err;

	if (!s)
		return -ENOMEM;
	s->info_fd = loader_map_fd(l, MAP_SERVICES);
	s->counters_fd = loader_map_fd(l, MAP_COUNTERS);
	s->monitored_fd = loader_map_fd(l, MAP_MONITORED);
	s->monitored_rows = loader_rows(l, MAP_MONITORED);
	s->totals = totals;
	s->nat = nat;
	err = endpoints_init(&s->endpoints, l, nat);
	if (err) {
		free(s);
		return err;
	}
	for (id = 1; id < SERVICES_MAX; id++)
		if (!bpf_map_lookup_elem(s->info_fd, &id, &s->infos[id]) &&
		    s->infos[id].used)
			totals_use(totals, id);
	*ret = s;
	return 0;
}

void services_free(struct services *s)
{
	if (!s)
		return;
	endpoints_free(&s->endpoints);
	listeners_free(&s->listeners);
	free(s);
}

static struct service *find(struct services *s, const struct listen *l)
{
	size_t i;

	for (i = 1; i < SERVICES_MAX; i++)
		if (s->slots[i].id && listen_equal(&s->slots[i].listen, l))
			return &s->slots[i];
	return NULL;
}

const struct service *services_find(const struct services *s,
				    const struct listen *l)
{
	const struct service *svc = NULL;

	while ((svc = services_next(s, svc)))
		if (listen_equal(&svc->listen, l))
			break;
	return svc;
}

__u16 services_end(const struct services *s)
{
	size_t i = SERVICES_MAX;

	while (i > 1 && !s->slots[i - 1].id)
		i--;
	return i;
}

/* Is the id in use, by an inherited service or by sessions? */
static bool id_is_taken(const struct services *s, __u32 id)
{
	struct session_totals t;

	totals_read(s->totals, id, &t);
	return s->infos[id].used || totals_alive(&t);
}

/* The id that this address had, or a new one; 0 if all are taken. */
static __u16 pick_id(const struct services *s, const struct listen *l)
{
	__u32 id, fresh = 0;

	for (id = 1; id < SERVICES_MAX; id++) {
		struct listen had = service_listen(&s->infos[id]);
		bool same = listen_equal(&had, l), taken;

		if (s->slots[id].id || (fresh && !same))
			continue;
		taken = id_is_taken(s, id);
		if (taken && same)
			return id;
		if (!taken && !fresh)
			fresh = id;
	}
	return fresh;
}

static void counters_zero(const struct services *s, __u32 id)
{
	int cpus = libbpf_num_possible_cpus();
	struct counters *zero;
	__u32 row = 0, at;

	if (cpus < 1)
		return;
	zero = calloc(cpus, sizeof(*zero));
	if (zero) {
		bpf_map_update_elem(s->counters_fd, &id, zero, BPF_ANY);
		for (; row < stats_rows_of(s->monitored_rows, id); row++) {
			at = stats_index(row, id);
			bpf_map_update_elem(s->monitored_fd, &at, zero,
					    BPF_ANY);
		}
	}
	free(zero);
}

int services_write_info(struct services *s, const struct service *svc,
			bool used)
{
	struct service_info *info = &s->infos[svc->id];
	__u32 id = svc->id;

	*info = (struct service_info){ .listen.port = svc->listen.port,
				       .used = used,
				       .wildcard = svc->listen.wildcard };
	memcpy(info->listen.addr, svc->listen.addr, sizeof(svc->listen.addr));
	snprintf(info->name, sizeof(info->name), "%s", svc->name);
	return bpf_map_update_elem(s->info_fd, &id, info, BPF_ANY) ? -errno : 0;
}

void services_hold(struct services *s, __u32 bytes)
{
	s->endpoints.hold = bytes;
}

bool service_is_auto(const struct service *svc)
{
	return svc->policy == POLICY_AUTO ||
	       (svc->policy == POLICY_ON && svc->yields);
}

/*
 * On a change to auto, an armed service stays armed until the flood is over;
 * but not where rules judge its SYNs: these are to count at once.
 */
static void take_policy(struct services *s, struct service *svc,
			enum config_policy policy)
{
	bool was = service_is_auto(svc);

	svc->policy = policy;
	if (!was && service_is_auto(svc))
		arming_begin(&svc->arming,
			     !svc->yields && endpoints_armed(&s->endpoints,
							     &svc->listen));
	s->changed = true;
}

void services_yield(struct services *s, __u16 id, bool yields)
{
	struct service *svc = &s->slots[id % SERVICES_MAX];

	if (svc->yields == yields)
		return;
	svc->yields = yields;
	if (svc->policy == POLICY_ON && yields)
		arming_begin(&svc->arming, false);
	s->changed = true;
}

void services_rewrite(struct services *s, __u16 id,
		      const struct service_rewrites *rewrites)
{
	struct service *svc = &s->slots[id % SERVICES_MAX];

	if (!memcmp(&svc->rewrites, rewrites, sizeof(*rewrites)))
		return;
	svc->rewrites = *rewrites;
	s->changed = true;
}

int services_set(struct services *s, const struct config_service *c,
		 const struct service **ret)
{
	struct service *svc = find(s, &c->listen);
	__u16 id;

	if (!svc) {
		id = pick_id(s, &c->listen);
		if (!id)
			return -ENOSPC;
		svc = &s->slots[id];
		totals_use(s->totals, id);
		if (!id_is_taken(s, id)) {
			counters_zero(s, id);
			totals_forget(s->totals, id);
			nat_forget(s->nat, id);
		}
		*svc = (struct service){ .id = id,
					 .listen = c->listen,
					 .policy = POLICY_ON };
	}
	svc->drain_until_ns = 0;
	take_policy(s, svc, c->policy);
	svc->cookies = c->cookies;
	svc->owner = c->owner;
	svc->by_hand = c->by_hand;
	snprintf(svc->name, sizeof(svc->name), "%s", c->name);
	if (ret)
		*ret = svc;
	return services_write_info(s, svc, true);
}

int services_add(struct services *s, const struct config_service *c,
		 const struct service **ret)
{
	const struct service *svc = find(s, &c->listen);

	return svc && is_live(svc) ? -EEXIST : services_set(s, c, ret);
}

int services_del(struct services *s, const struct listen *l, __u64 drain_ns,
		 const struct service **ret)
{
	struct service *svc = find(s, l);

	if (!svc || !is_live(svc))
		return -ENOENT;
	svc->drain_until_ns = clock_ns() + drain_ns;
	if (ret)
		*ret = svc;
	s->changed = true;
	return 0;
}

int services_policy(struct services *s, const struct listen *l,
		    enum config_policy policy, const struct service **ret)
{
	struct service *svc = find(s, l);

	if (!svc || !is_live(svc))
		return -ENOENT;
	take_policy(s, svc, policy);
	*ret = svc;
	return 0;
}

void services_arm(struct services *s, __u16 id, const struct arming *a)
{
	struct service *svc = &s->slots[id % SERVICES_MAX];

	if (svc->arming.armed != a->armed)
		s->changed = true;
	svc->arming = *a;
}

void services_drain_rest(struct services *s, __u64 drain_ns)
{
	char text[LISTEN_STRLEN];
	__u32 id;

	for (id = 1; id < SERVICES_MAX; id++) {
		struct service *svc = &s->slots[id];

		if (!s->infos[id].used || svc->id)
			continue;
		*svc = (struct service){
			.id = id,
			.listen = service_listen(&s->infos[id]),
			.drain_until_ns = clock_ns() + drain_ns,
		};
		memcpy(svc->name, s->infos[id].name, sizeof(svc->name) - 1);
		s->changed = true;
		log_warn("%s: protected by the earlier instance, no longer "
			 "configured: draining",
			 listen_format(&svc->listen, text));
	}
}

__u16 services_match(const struct services *s, const __be32 addr[4],
		     __be16 port)
{
	return endpoints_match(&s->endpoints, addr, port);
}

enum cookie_backend services_cookies_at(const struct services *s,
					const __be32 addr[4], __be16 port)
{
	return endpoints_cookies(&s->endpoints, addr, port);
}

__u8 services_flags_at(const struct services *s, const __be32 addr[4],
		       __be16 port)
{
	return endpoints_flags(&s->endpoints, addr, port);
}
