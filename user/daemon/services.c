/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see services.h; the endpoints are in endpoints.c. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "endpoints.h"
#include "log.h"
#include "services.h"
#include "syncookies.h"

struct services {
	struct service slots[SERVICES_MAX];	 /* by id; 0 stays free */
	struct service_info infos[SERVICES_MAX]; /* as in the map */
	int info_fd;
	int counters_fd;
	int would_fd;
	struct sessions *sessions; /* whose books go by service, too */
	struct listeners listeners;
	struct endpoints endpoints;
	bool changed;	    /* since the endpoints were last computed */
	bool cannot_raise;  /* tcp_syncookies, at the last try */
	__u64 needed_ns;    /* when cookies were last needed */
	struct netconf net; /* that they were computed from */
};

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

struct listen service_listen(const struct service_info *i)
{
	struct listen l = { .port = i->listen.port, .wildcard = i->wildcard };

	memcpy(l.addr, i->listen.addr, sizeof(l.addr));
	return l;
}

int services_init(const struct loader *l, struct sessions *sessions,
		  struct services **ret)
{
	struct services *s = calloc(1, sizeof(*s));
	__u32 id;
	int err;

	if (!s)
		return -ENOMEM;
	s->info_fd = loader_map_fd(l, MAP_SERVICES);
	s->counters_fd = loader_map_fd(l, MAP_COUNTERS);
	s->would_fd = loader_map_fd(l, MAP_WOULD);
	s->sessions = sessions;
	err = endpoints_init(&s->endpoints, l);
	if (err) {
		free(s);
		return err;
	}
	for (id = 1; id < SERVICES_MAX; id++)
		bpf_map_lookup_elem(s->info_fd, &id, &s->infos[id]);
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

/* Is the id spoken for, by a successor's service or by sessions? */
static bool id_is_taken(const struct services *s, __u32 id)
{
	struct session_totals t;

	sessions_totals(s->sessions, id, &t);
	return s->infos[id].used || totals_alive(&t);
}

/* The id that this address had, or a fresh one; 0 if there is none left. */
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

	if (cpus < 1)
		return;
	zero = calloc(cpus, sizeof(*zero));
	if (zero) {
		bpf_map_update_elem(s->counters_fd, &id, zero, BPF_ANY);
		bpf_map_update_elem(s->would_fd, &id, zero, BPF_ANY);
	}
	free(zero);
}

static int write_info(struct services *s, const struct service *svc, bool used)
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

/* From auto on, what protects now goes on until it is calm. */
static void take_policy(struct services *s, struct service *svc,
			enum config_policy policy)
{
	if (policy == POLICY_AUTO && svc->policy != POLICY_AUTO)
		arming_begin(&svc->arming,
			     endpoints_armed(&s->endpoints, &svc->listen));
	svc->policy = policy;
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
		if (!id_is_taken(s, id)) {
			counters_zero(s, id);
			sessions_forget_totals(s->sessions, id);
		}
		*svc = (struct service){ .id = id,
					 .listen = c->listen,
					 .policy = POLICY_ON };
	}
	svc->drain_until_ns = 0;
	take_policy(s, svc, c->policy);
	svc->cookies = c->cookies;
	svc->by_hand = c->by_hand;
	snprintf(svc->name, sizeof(svc->name), "%s", c->name);
	if (ret)
		*ret = svc;
	return write_info(s, svc, true);
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
	svc->drain_until_ns = now_ns() + drain_ns;
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
			.drain_until_ns = now_ns() + drain_ns,
		};
		memcpy(svc->name, s->infos[id].name, sizeof(svc->name) - 1);
		s->changed = true;
		log_warn("%s: protected by the earlier instance, not "
			 "configured now: drains",
			 listen_format(&svc->listen, text));
	}
}

__u16 services_match(const struct services *s, const __be32 addr[4],
		     __be16 port)
{
	return endpoints_match(&s->endpoints, addr, port);
}

static void log_refusal(const struct service *svc, __u64 print)
{
	static const char *const what[] = {
		[REFUSAL_SOCKET] = "refused a socket for its listener",
		[REFUSAL_FORGOTTEN] = "forgets the sockets it gets from us, as "
				      "it does where NAT is in use",
		[REFUSAL_ELSEWHERE] = "takes its clients for strays, as it "
				      "does where NAT leads elsewhere",
	};
	enum refusal_of refusal = refusal_of(&svc->refusal, print);
	char text[LISTEN_STRLEN];

	log_warn("%s: the kernel %s: %s until the listener changes or the "
		 "configuration is read again",
		 listen_format(&svc->listen, text), what[refusal],
		 refusal == REFUSAL_ELSEWHERE || svc->cookies == COOKIES_BY_OWN
			 ? "SYNs pass"
			 : "the kernel's cookies");
}

void services_refused(struct services *s, __u16 id)
{
	struct service *svc = &s->slots[id % SERVICES_MAX];
	__u64 print = listeners_print(&s->listeners, svc->listen.port);

	if (!svc->id || !refusal_socket(&svc->refusal, print))
		return;
	s->changed = true;
	log_refusal(svc, print);
}

bool services_forgotten(struct services *s, const struct event *e,
			__u64 overflows, __u64 asked_ns)
{
	struct service *svc = &s->slots[e->service % SERVICES_MAX];
	__u64 print = listeners_print(&s->listeners, svc->listen.port);
	struct forgotten f = { .when_ns = e->when_ns,
			       .port = e->tuple.client_port,
			       .kernel = e->told == COOKIES_KERNEL,
			       .asked_ns = asked_ns,
			       .overflows = overflows };
	struct session_totals t;

	sessions_totals(s->sessions, e->service, &t);
	f.through = t.events[TELL_ESTABLISHED];
	if (!svc->id || !refusal_forgotten(&svc->refusal, print, &f))
		return false;
	s->changed = true;
	log_refusal(svc, print);
	return true;
}

void services_try_again(struct services *s)
{
	struct service *svc;

	for (svc = s->slots; svc < s->slots + SERVICES_MAX; svc++)
		svc->refusal = (struct refusal){};
	s->changed = true;
}

/* Services whose draining is over go. */
static void drop_drained(struct services *s)
{
	__u64 now = now_ns();
	__u32 id;

	for (id = 1; id < SERVICES_MAX; id++) {
		struct service *svc = &s->slots[id];

		if (!svc->id || !svc->drain_until_ns ||
		    svc->drain_until_ns > now)
			continue;
		write_info(s, svc, false);
		*svc = (struct service){};
		s->changed = true;
	}
}

/*
 * Computes the endpoints. Where tcp_syncookies cannot be raised to what they
 * need, they are computed again, to do with what it is.
 */
static int compute(struct services *s, const struct netconf *net,
		   struct settings *settings)
{
	bool may_raise = !s->cannot_raise;
	__u32 id;
	int err = 0;

	endpoints_begin(&s->endpoints, net, may_raise, &s->listeners);
	for (id = 1; id < SERVICES_MAX && !err; id++)
		if (s->slots[id].id)
			err = endpoints_of(&s->endpoints, &s->slots[id]);
	if (err || !may_raise)
		return err;
	err = syncookies_raise(settings, s->endpoints.need);
	if (err > 0)
		log_info("net.ipv4.tcp_syncookies: %u -> %d, as cookies need "
			 "it; it is put back when they do not",
			 net->cookies, s->endpoints.need);
	if (err >= 0)
		return 0;
	log_warn("net.ipv4.tcp_syncookies: cannot be set to %d: %s",
		 s->endpoints.need, strerror(-err));
	s->cannot_raise = true;
	return compute(s, net, settings);
}

/* Cookies in flight come back within this; the kernel's live so long. */
enum { COOKIES_LIVE_S = 120 };

/* While it is 1, cookies in flight are honoured; while it is 0, none is. */
static void lower(struct services *s, struct settings *settings)
{
	int need = s->endpoints.need, value;

	if (need)
		s->needed_ns = now_ns();
	else if (now_ns() - s->needed_ns < COOKIES_LIVE_S * 1000000000ULL)
		need = SYNCOOKIES_OWN;
	value = syncookies_restore(settings, need);
	if (value >= 0)
		log_info("net.ipv4.tcp_syncookies: put back to %d", value);
}

/* Tells the programs whether there is anything to guard, see bpf/parse.bpf.h. */
static void guard(struct settings *settings, bool armed)
{
	if (armed)
		__atomic_or_fetch(&settings->flags, SETTING_GUARDED,
				  __ATOMIC_SEQ_CST);
	else
		__atomic_and_fetch(&settings->flags, ~SETTING_GUARDED,
				   __ATOMIC_SEQ_CST);
}

int services_apply(struct services *s, struct sockdiag *diag,
		   const struct netconf *net, struct settings *settings,
		   struct endpoints_news *ret)
{
	int err;

	err = listeners_read(&s->listeners, diag, &s->changed);
	if (err)
		return err;
	drop_drained(s);
	*ret = (struct endpoints_news){};
	if (!s->changed && !memcmp(&s->net, net, sizeof(*net))) {
		lower(s, settings);
		return 0;
	}
	err = compute(s, net, settings);
	if (!err)
		err = endpoints_commit(&s->endpoints, ret);
	if (!err) {
		s->net = *net;
		/* as raised: whoever lowers it again is noticed */
		s->net.cookies = syncookies_read();
		s->changed = false;
		guard(settings, s->endpoints.need);
		lower(s, settings);
	}
	return err;
}
