/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/clock.h"
#include "log.h"
#include "loop/timer.h"
#include "nat.h"
#include "netconf.h"

/* Reading a large ruleset takes 1/READING_SHARE of the time at most. */
enum { READING_SHARE = 20, TRIES = 3 };

struct nat {
	const struct totals *totals;
	struct netfilter *firewall;
	struct nat_detect by_service[SERVICES_MAX][2]; /* [1]: IPv4 */
	int err;	     /* of the last read; 0: known */
	__u64 not_before_ns; /* of the next read */
	/* NULL: no subscription */
	sd_event *loop;
	sd_event_source *source, *timer;
	void (*changed)(void *data);
	void *data;
};

int nat_init(const struct totals *totals, struct nat **ret)
{
	struct nat *n = calloc(1, sizeof(*n));
	int err, i;

	if (!n)
		return -ENOMEM;
	n->totals = totals;
	err = netfilter_open(&n->firewall);
	if (err) {
		free(n);
		return err;
	}
	for (i = 0; i < TRIES && (!i || n->err); i++) {
		n->not_before_ns = 0;
		nat_look(n);
	}
	*ret = n;
	return 0;
}

void nat_free(struct nat *n)
{
	if (!n)
		return;
	sd_event_source_unref(n->source);
	timer_free(n->timer);
	netfilter_free(n->firewall);
	free(n);
}

static int on_timer(sd_event_source *source, uint64_t when, void *data)
{
	struct nat *n = data;

	(void)source;
	(void)when;
	n->changed(n->data);
	return 0;
}

/* Now, or once READING_SHARE allows. */
static int on_change(sd_event_source *source, int fd, uint32_t revents,
		     void *data)
{
	struct nat *n = data;
	__u64 now = clock_ns();

	(void)source;
	(void)fd;
	(void)revents;
	netfilter_drain(n->firewall);
	if (now >= n->not_before_ns) {
		n->changed(n->data);
	} else {
		timer_set(n->timer, (n->not_before_ns - now) / 1000 + 1);
	}
	return 0;
}

/* The kernel's connection tracking announces its changes. */
static void subscribe(struct nat *n)
{
	int fd;

	if (!n->loop || n->source)
		return;
	fd = netfilter_fd(n->firewall);
	if (fd >= 0 &&
	    sd_event_add_io(n->loop, &n->source, fd, EPOLLIN, on_change, n) < 0)
		n->source = NULL; /* the next poll retries */
}

void nat_subscribe(struct nat *n, sd_event *loop, void (*changed)(void *data),
		   void *data)
{
	n->changed = changed;
	n->data = data;
	if (timer_add(loop, &n->timer, TIMER_LAZY, on_timer, n))
		return; /* it is polled twice a second anyway */
	n->loop = loop;
	subscribe(n);
}

static bool look_at_host(struct nat *n)
{
	__u64 begun = clock_ns(), ended;
	int ret;

	if (begun < n->not_before_ns)
		return false;
	subscribe(n); /* before reading, so that no change is missed */
	ret = netfilter_look(n->firewall);
	ended = clock_ns();
	if (ret > 0)
		n->not_before_ns = ended + READING_SHARE * (ended - begun);
	if (ret < 0 && ret != n->err)
		log_warn("cannot read the firewall's rules: %s: keeping what "
			 "is known about NAT",
			 strerror(-ret));
	n->err = ret < 0 ? ret : 0;
	return ret > 0;
}

static struct nat_counts counts_of(const struct nat *n, __u16 id,
				   const struct netconf_counts *host)
{
	struct session_totals t;

	totals_read(n->totals, id, &t);
	return (struct nat_counts){ .clock_ns = clock_ns(),
				    .through = t.events[EV_ESTABLISHED],
				    .other_causes = host->accept_overflows };
}

static bool settle(struct nat *n)
{
	struct netconf_counts host;
	bool counted = false, changed = false;
	__u32 id, v4;

	for (id = 1; id < SERVICES_MAX; id++) {
		for (v4 = 0; v4 < 2; v4++) {
			struct nat_detect *d = &n->by_service[id][v4];
			struct nat_counts c;

			if (!nat_detect_is_busy(d))
				continue;
			if (!counted)
				netconf_counts(&host);
			counted = true;
			c = counts_of(n, id, &host);
			if (nat_detect_settle(d, &c))
				changed = true;
		}
	}
	return changed;
}

bool nat_look(struct nat *n)
{
	bool host = look_at_host(n);

	return settle(n) || host;
}

enum nf_fate nat_at(const struct nat *n, bool v4, const __be32 addr[4],
		    __be16 port)
{
	return netfilter_at(n->firewall, v4, addr, port);
}

void nat_judge(const struct nat *n, const struct nf_asked *asked,
	       struct nf_findings *ret)
{
	netfilter_judge(n->firewall, asked, ret);
}

unsigned int nat_rewrites(const struct nat *n, const struct nf_asked *asked,
			  struct nf_rewrite *ret)
{
	return netfilter_rewrites(n->firewall, asked, ret);
}

unsigned int nat_version(const struct nat *n)
{
	return netfilter_version(n->firewall);
}

bool nat_proxies(const struct nat *n)
{
	return netfilter_proxies(n->firewall);
}

bool nat_proxied(const struct nat *n, bool v4, const __be32 addr[4],
		 __be16 port)
{
	const struct nf_asked asked = { .v4 = v4, .addr = addr, .port = port };
	struct nf_findings found;
	size_t i;

	if (!nat_proxies(n))
		return false;
	netfilter_judge(n->firewall, &asked, &found);
	for (i = 0; i < found.n; i++)
		if (found.list[i].kind == NF_KIND_TPROXY && found.list[i].sure)
			return true;
	return false;
}

enum nat_found nat_found(const struct nat *n, __u16 id, bool v4)
{
	return n->by_service[id % SERVICES_MAX][v4].found;
}

bool nat_reached(const struct nat *n, __u16 id)
{
	struct session_totals t;

	totals_read(n->totals, id, &t);
	return t.events[EV_ESTABLISHED];
}

void nat_witness(struct nat *n, const struct event *e, enum nat_found claim)
{
	bool v4 = tuple_is_v4(&e->tuple);
	struct nat_detect *d = &n->by_service[e->service % SERVICES_MAX][v4];
	__u64 prefix = nat_prefix(e->tuple.client);
	struct netconf_counts host;
	struct nat_counts c;

	if (!nat_detect_listens(d, claim, prefix, e->when_ns, clock_ns()))
		return;
	netconf_counts(&host);
	c = counts_of(n, e->service, &host);
	nat_detect_witness(d, claim, prefix, &c);
}

void nat_inherit(struct nat *n, __u16 id, bool v4)
{
	nat_detect_inherit(&n->by_service[id % SERVICES_MAX][v4], clock_ns());
}

void nat_forget(struct nat *n, __u16 id)
{
	memset(n->by_service[id % SERVICES_MAX], 0, sizeof(n->by_service[0]));
}
