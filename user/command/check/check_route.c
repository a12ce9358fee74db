/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: to whom SYN-ACKs go, for each family: to the usual
 * gateway without a question, to whom the kernel's routes say, or, where these
 * cannot be asked, to whom the SYN came from.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "kernel/forwarding.h"
#include "kernel/hop.h"
#include "kernel/metrics.h"

/* What keeps the daemon from having the kernel asked; false: nothing. */
static bool cannot_ask(const struct routing *r, bool v6, char why[160],
		       char fix[160])
{
	const char *name = v6 ? FORWARDING6_NAME : FORWARDING4_NAME;

	if (forwarding_read(v6))
		return false;
	if (v6 && !hop_may_forward6(r)) {
		snprintf(why, 160,
			 "%s = 1 would delete routes learned from "
			 "router advertisements",
			 name);
		snprintf(fix, 160,
			 "only where SYNs come from a director or "
			 "several gateways: configure the default "
			 "route by hand, or set accept_ra to 2");
		return true;
	}
	if (forwarding_can_be_set(v6))
		return false;
	snprintf(why, 160, "%s is 0 and cannot be set here", name);
	snprintf(fix, 160,
		 "have it set to 1 where the container is started; "
		 "it forwards nothing by itself");
	return true;
}

static void check_family(struct check *c, __u8 family, const char *what)
{
	char gateway[INET6_ADDRSTRLEN] = "", why[160], fix[160];
	bool v6 = family == AF_INET6;
	const struct route *usual;
	struct routing r = {};
	struct next_hop hop;
	int err = routing_read(family, &r);

	if (err == -EAFNOSUPPORT || err == -EOPNOTSUPP)
		return;
	if (err) {
		check_add(c, what, CHECK_WARN, "try again", "unknown: %s",
			  strerror(-err));
		return;
	}
	usual = hop_choose(&r, family, c->link.ifindex, &hop);
	if (usual)
		inet_ntop(usual->via_family, usual->via, gateway,
			  sizeof(gateway));
	if (!hop_is_needed(&r, family))
		check_add(c, what, CHECK_OK, NULL, "no routes");
	else if (cannot_ask(&r, v6, why, fix))
		check_add(c, what, CHECK_WARN, fix,
			  "%s%s%sto whom SYNs come from: %s",
			  usual ? "to " : "", gateway, usual ? ", else " : "",
			  why);
	else if (usual)
		check_add(c, what, CHECK_OK, NULL,
			  "to %s, by route for %u prefixes", gateway, hop.n);
	else
		check_add(c, what, CHECK_OK, NULL,
			  "by route, which costs 40 ns a SYN: %s",
			  !r.plain_rules ? "there are policy rules"
			  : !r.complete	 ? "there are many routes"
					 : "no single gateway on this "
					   "interface, or too many prefixes "
					   "beside it");
	if (metrics_exist(&r) && metrics_ignored(&r))
		check_add(c, what, CHECK_WARN,
			  "where clients need them, set the MSS (TCP_MAXSEG) "
			  "of the listener",
			  "metrics of routes such as advmss are not followed "
			  "in SYN-ACKs: %s",
			  metrics_ignored(&r));
	routing_free(&r);
}

void check_routes(struct check *c)
{
	check_family(c, AF_INET, "answers");
	check_family(c, AF_INET6, "answers, IPv6");
}
