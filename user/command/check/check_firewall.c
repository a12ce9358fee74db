/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the first packet of an admitted connection that a
 * firewall sees is the client's ACK; SYN and SYN-ACK bypassed it. Rules that
 * accept a SYN and drop that ACK are found by evaluating both with rules.h, for
 * the ports with a listener and for any other. A port that drops SYNs, too, is
 * closed on purpose.
 *
 * To conntrack such a connection is new (and is then tracked without window
 * checks), unless nf_conntrack_tcp_loose is 0: then it is invalid. netfilter.h
 * tells what NAT does to sockets that tc assigns, as it tells synkeeperd.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "nft/netfilter.h"
#include "firewall/rules.h"

enum { PORTS_TEXT = 96, MEND_TEXT = 256 };

/* The ports with a problem. */
struct trouble {
	char ports[PORTS_TEXT];
	int last;   /* port in @ports */
	bool fails; /* affects a service, or any port */
};

struct firewall {
	struct check *c;
	struct rules *rules;
	const char *state; /* conntrack's, of an ACK without its SYN */
	struct trouble refused;
	const char *refused_by; /* a chain */
	bool by_state;		/* accepted if its state were new */
};

static int read_ruleset(struct rules **ret)
{
	FILE *f = popen("nft -j -t list ruleset 2>/dev/null", "re");
	json_t *ruleset;
	int err;

	if (!f)
		return -errno;
	ruleset = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL);
	if (pclose(f) || !ruleset)
		err = -ENOENT;
	else
		err = rules_new(ruleset, ret);
	json_decref(ruleset);
	return err;
}

static void note(const struct check *c, struct trouble *t, int port)
{
	size_t n = strlen(t->ports);

	if (n && port == t->last)
		return; /* one listener per family */
	t->last = port;
	if (n < PORTS_TEXT - 16)
		snprintf(t->ports + n, PORTS_TEXT - n,
			 port < 0 ? "%sany" : "%s%d", n ? ", " : "", port);
	t->fails |= port < 0 || check_is_service(c, port);
}

static struct rules_packet packet(const struct firewall *f, const char *flags,
				  const char *state, int port, bool v6)
{
	return (struct rules_packet){ .flags = flags,
				      .state = state,
				      .iface = f->c->name,
				      .port = port,
				      .v6 = v6 };
}

/* Is a SYN accepted and the ACK dropped? */
static bool is_refused(struct firewall *f, int port, bool v6)
{
	struct rules_packet syn = packet(f, "syn", "new", port, v6);
	struct rules_packet ack = packet(f, "ack", f->state, port, v6);
	const char *where, *ignored;

	if (!(rules_outcomes(f->rules, &syn, &ignored) & RULES_ACCEPT) ||
	    rules_outcomes(f->rules, &ack, &where) != RULES_DROP)
		return false;
	ack.state = "new";
	f->refused_by = where;
	f->by_state = rules_outcomes(f->rules, &ack, &ignored) & RULES_ACCEPT;
	return true;
}

static void try_port(struct firewall *f, int port)
{
	if (is_refused(f, port, false) || is_refused(f, port, true))
		note(f->c, &f->refused, port);
}

static int port_of(const struct diag_socket *sk)
{
	return be16toh(sk->tuple.server_port);
}

static void try_listeners(struct firewall *f)
{
	const struct check *c = f->c;
	size_t i;

	for (i = 0; i < c->n_listeners; i++)
		if (!i ||
		    port_of(&c->listeners[i - 1]) != port_of(&c->listeners[i]))
			try_port(f, port_of(&c->listeners[i]));
}

static void report_refused(const struct firewall *f)
{
	char fix[MEND_TEXT];

	if (f->by_state)
		snprintf(fix, sizeof(fix),
			 "conntrack must accept connections whose SYN it has "
			 "not seen: sysctl -w "
			 "net.netfilter.nf_conntrack_tcp_loose=1");
	else
		snprintf(fix, sizeof(fix),
			 "admitted clients hang: accept ct state new whatever "
			 "the TCP flags");
	check_add(f->c, "firewall", f->refused.fails ? CHECK_FAIL : CHECK_WARN,
		  fix,
		  "chain \"%s\" accepts SYNs to port %s but drops the ACK of a "
		  "connection whose SYN it has not seen",
		  f->refused_by, f->refused.ports);
}

static void check_rules(struct check *c)
{
	bool loose = check_sysctl("netfilter/nf_conntrack_tcp_loose", 1);
	struct firewall f = { .c = c, .state = loose ? "new" : "invalid" };

	if (read_ruleset(&f.rules)) {
		check_add(c, "firewall", CHECK_OK, NULL,
			  "unknown: nft is not installed or lists nothing");
		return;
	}
	try_port(&f, RULES_PORT_UNKNOWN);
	if (!*f.refused.ports)
		try_listeners(&f);
	if (*f.refused.ports)
		report_refused(&f);
	else
		check_add(c, "firewall", CHECK_OK, NULL,
			  "no nftables rule drops all admitted connections; a "
			  "client whom one refuses, by source, hangs once "
			  "connected");
	rules_free(f.rules);
}

/* ---- NAT ---- */

struct nat_troubles {
	struct trouble loses, elsewhere;
	bool exempt;
};

static enum nf_fate fate_of(const struct netfilter *n,
			    const struct diag_socket *sk, bool v4)
{
	const __be32 *a = sk->tuple.server;
	bool any = !a[0] && !a[1] && !a[3] &&
		   (!a[2] || a[2] == htobe32(0xffff)); /* v4-mapped */

	return netfilter_at(n, v4, any ? NULL : a, sk->tuple.server_port);
}

static void try_nat(struct check *c, const struct netfilter *n,
		    const struct diag_socket *sk, struct nat_troubles *t)
{
	bool any = sk->v6 && !tuple_is_v4(&sk->tuple);
	bool v4 = !any || !sk->v6only;
	enum nf_fate four = v4 ? fate_of(n, sk, true) : NF_KEEPS;
	enum nf_fate six = any ? fate_of(n, sk, false) : NF_KEEPS;

	if (four == NF_ELSEWHERE || six == NF_ELSEWHERE)
		note(c, &t->elsewhere, port_of(sk));
	else if (four == NF_LOSES || six == NF_LOSES)
		note(c, &t->loses, port_of(sk));
	t->exempt |= four == NF_EXEMPT || six == NF_EXEMPT;
}

static void report_nat(struct check *c, const struct nat_troubles *t)
{
	if (*t->elsewhere.ports)
		check_add(c, "NAT",
			  t->elsewhere.fails ? CHECK_FAIL : CHECK_WARN,
			  "SYNs to it pass, as no cookie would be accepted: "
			  "protect the port that it is redirected to, or set "
			  "'policy = off'",
			  "connections to port %s are redirected before this "
			  "host's listeners see them",
			  t->elsewhere.ports);
	if (*t->loses.ports)
		check_add(c, "NAT", CHECK_WARN,
			  "services there use the kernel's cookies, which keep "
			  "fewer TCP options; to keep all, exempt the port: "
			  "'tcp dport PORT notrack' in prerouting at priority "
			  "raw, and accept 'ct state untracked'",
			  "conntrack and NAT process packets to port %s",
			  t->loses.ports);
	if (!*t->elsewhere.ports && !*t->loses.ports)
		check_add(c, "NAT", CHECK_OK, NULL, "%s",
			  t->exempt ? "in use, but the listeners' ports are "
				      "exempt"
				    : "does not process packets to listeners");
}

static void check_nat(struct check *c)
{
	struct nat_troubles t = {};
	struct netfilter *n;
	size_t i;
	int err;

	if (netfilter_open(&n))
		return;
	err = netfilter_look(n);
	if (err < 0) {
		check_add(c, "NAT", CHECK_OK, NULL, "unknown: %s",
			  strerror(-err));
	} else {
		for (i = 0; i < c->n_listeners; i++)
			try_nat(c, n, &c->listeners[i], &t);
		if (!c->n_listeners &&
		    (netfilter_at(n, true, NULL, 0) == NF_LOSES ||
		     netfilter_at(n, false, NULL, 0) == NF_LOSES))
			note(c, &t.loses, RULES_PORT_UNKNOWN);
		report_nat(c, &t);
	}
	netfilter_free(n);
}

void check_firewall(struct check *c)
{
	check_rules(c);
	check_nat(c);
}
