/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: firewall rules above the driver that look at SYNs, which
 * Synkeeper answers before them (netfilter.h). A rule is a failure if it
 * certainly concerns a service, or a listener where no daemon says which are
 * services; a warning if it concerns another listener, or if what it refuses
 * depends on something that cannot be seen from here.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "nft/netfilter.h"

enum { RULES_MAX = 16, PORTS_TEXT = 96 };

struct rule {
	struct nf_finding found;
	char ports[PORTS_TEXT];
	unsigned int last; /* port in @ports */
	bool fails;
};

struct bypass {
	struct check *c;
	const struct netfilter *firewall;
	struct rule rules[RULES_MAX];
	size_t n;
	char refuses[NF_TEXT_LEN]; /* ACKs; "": none */
	char refused[PORTS_TEXT];
	unsigned int last_refused;
	bool refuses_service;
};

static void add_port(char ports[PORTS_TEXT], unsigned int *last,
		     unsigned int port)
{
	size_t n = strlen(ports);

	if (port == *last)
		return; /* one listener per family */
	*last = port;
	if (n < PORTS_TEXT - 16)
		snprintf(ports + n, PORTS_TEXT - n, "%s%u", n ? ", " : "",
			 port);
}

static void add_rule(struct bypass *b, const struct nf_finding *found,
		     unsigned int port)
{
	bool service = !b->c->services || check_is_service(b->c, port);
	size_t i;

	for (i = 0; i < b->n; i++)
		if (!strcmp(b->rules[i].found.text, found->text))
			break;
	if (i == RULES_MAX)
		return;
	if (i == b->n)
		b->rules[b->n++] = (struct rule){ .found = *found };
	add_port(b->rules[i].ports, &b->rules[i].last, port);
	b->rules[i].fails |= found->sure && service;
}

static void ask(struct bypass *b, bool v4, const __be32 *addr, __be16 port)
{
	const struct nf_asked asked = {
		.v4 = v4, .addr = addr, .port = port, .iface = b->c->name
	};
	unsigned int number = be16toh(port);
	struct nf_findings found;
	size_t i;

	netfilter_judge(b->firewall, &asked, &found);
	for (i = 0; i < found.n; i++)
		add_rule(b, &found.list[i], number);
	if (!*found.refuses)
		return;
	if (!*b->refuses)
		memcpy(b->refuses, found.refuses, sizeof(b->refuses));
	add_port(b->refused, &b->last_refused, number);
	b->refuses_service |= !b->c->services || check_is_service(b->c, number);
}

static void ask_listener(struct bypass *b, const struct diag_socket *sk)
{
	const __be32 *a = sk->tuple.server;
	bool any = !a[0] && !a[1] && !a[3] &&
		   (!a[2] || a[2] == htobe32(0xffff)); /* v4-mapped */
	bool v4 = tuple_is_v4(&sk->tuple);

	if (!any) {
		ask(b, v4, a, sk->tuple.server_port);
		return;
	}
	if (!sk->v6only || v4)
		ask(b, true, NULL, sk->tuple.server_port);
	if (sk->v6 && !v4)
		ask(b, false, NULL, sk->tuple.server_port);
}

static void report_rule(struct check *c, const struct rule *r)
{
	static const struct {
		const char *found, *fix;
	} texts[] = {
		[NF_KIND_BYPASSED] = { "in a flood, Synkeeper answers SYNs to "
				       "port %s before this rule can refuse "
				       "them (otherwise they pass): %s",
				       "refuse new connections instead, which "
				       "judges their ACK, too: 'ct state new' "
				       "in place of what only SYNs have; or "
				       "deny the sources in Synkeeper's "
				       "[sources]" },
		[NF_KIND_SYNPROXY] = { "another SYN proxy answers for port %s: "
				       "%s",
				       "remove the rule, or the service" },
		[NF_KIND_TPROXY] = { "connections to port %s are led to a "
				     "proxy: %s",
				     "their SYNs pass: to protect the port, "
				     "exempt "
				     "connections to this host from the rule" },
	};

	check_add(c, "SYN rules",
		  r->fails && r->found.kind != NF_KIND_TPROXY ? CHECK_FAIL
							      : CHECK_WARN,
		  texts[r->found.kind].fix, texts[r->found.kind].found,
		  r->ports, r->found.text);
}

static bool has_found(const struct check *c, const char *what)
{
	const json_t *finding;
	size_t i;

	json_array_foreach (c->findings, i, finding)
		if (!strcmp(json_string_value(json_object_get(finding, "what")),
			    what) &&
		    strcmp(json_string_value(json_object_get(finding, "state")),
			   "ok") != 0)
			return true;
	return false;
}

static void report(struct bypass *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		report_rule(b->c, &b->rules[i]);
	/* check_firewall() may have said it, in its own words */
	if (*b->refuses && !has_found(b->c, "firewall"))
		check_add(b->c, "SYN rules",
			  b->refuses_service ? CHECK_FAIL : CHECK_WARN,
			  "admitted clients hang: accept ct state new whatever "
			  "the TCP flags, and set "
			  "net.netfilter.nf_conntrack_tcp_loose=1",
			  "the ACK of a connection to port %s whose SYN "
			  "conntrack has not seen is refused: %s",
			  b->refused, b->refuses);
	else if (!b->n)
		check_add(b->c, "SYN rules", CHECK_OK, NULL,
			  "no nftables rule refuses only SYNs");
}

void check_bypass(struct check *c)
{
	struct bypass b = { .c = c };
	struct netfilter *n;
	size_t i;

	if (netfilter_open(&n))
		return;
	if (netfilter_look(n) < 0) {
		check_add(c, "SYN rules", CHECK_OK, NULL,
			  "unknown: the rules cannot be read");
	} else {
		b.firewall = n;
		for (i = 0; i < c->n_listeners; i++)
			ask_listener(&b, &c->listeners[i]);
		report(&b);
	}
	netfilter_free(n);
}
