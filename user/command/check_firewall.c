/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the first packet of an admitted connection that a
 * firewall sees is the client's ACK: SYN and SYN-ACK never came to it. Rules
 * that let a SYN in and refuse that ACK are found by asking rules.h about both,
 * at the ports where somebody listens and at any other. What a SYN may not
 * enter either is closed on purpose.
 *
 * Connection tracking takes such a connection for a new one (which it then
 * follows without checking windows), unless nf_conntrack_tcp_loose is 0: then
 * it is invalid. NAT, wherever it is in use, takes the socket that tc has
 * assigned to the first packet of a new connection for one of another port,
 * and the kernel forgets it (nf_nat_ipv4_local_in(); the request that
 * bpf_sk_assign_tcp_reqsk() makes has no port yet): the client is not admitted.
 * synkeeperd finds out by its first clients (services_forgotten()).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "rules.h"

enum { PORTS_TEXT = 96, MEND_TEXT = 256 };

/* What is wrong, and at which ports. */
struct trouble {
	char ports[PORTS_TEXT];
	bool fails; /* a service is concerned, or would be anywhere */
};

struct firewall {
	struct check *c;
	struct rules *rules;
	const char *state; /* of an ACK without its SYN */
	struct trouble refused, nat;
	const char *refused_by; /* a chain */
	bool by_state;		/* it would be let in, were it new */
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

static void note(const struct firewall *f, struct trouble *t, int port)
{
	size_t n = strlen(t->ports);

	if (n < PORTS_TEXT - 16)
		snprintf(t->ports + n, PORTS_TEXT - n,
			 port < 0 ? "%sany" : "%s%d", n ? ", " : "", port);
	t->fails |= port < 0 || check_is_service(f->c, port);
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

/* Is a SYN let in and the ACK not? */
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

static bool is_translated(struct firewall *f, int port, bool v6)
{
	struct rules_packet ack = packet(f, "ack", f->state, port, v6);

	return rules_nat_sees(f->rules, &ack);
}

static void try_port(struct firewall *f, int port)
{
	if (is_refused(f, port, false) || is_refused(f, port, true))
		note(f, &f->refused, port);
	if (is_translated(f, port, false) || is_translated(f, port, true))
		note(f, &f->nat, port);
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
	char mend[MEND_TEXT];

	if (f->by_state)
		snprintf(mend, sizeof(mend),
			 "connection tracking must take connections whose SYN "
			 "it has not seen: sysctl -w "
			 "net.netfilter.nf_conntrack_tcp_loose=1");
	else
		snprintf(mend, sizeof(mend),
			 "admitted clients hang: let in what is of ct state "
			 "new whatever its TCP flags are");
	check_add(f->c, "firewall", f->refused.fails ? CHECK_FAIL : CHECK_WARN,
		  mend,
		  "chain \"%s\" lets SYNs to port %s in and refuses the ACK of "
		  "a connection whose SYN it has not seen",
		  f->refused_by, f->refused.ports);
}

static void report_nat(const struct firewall *f)
{
	check_add(f->c, "NAT", f->nat.fails ? CHECK_FAIL : CHECK_WARN,
		  "where NAT is in use the kernel forgets whom XDP has "
		  "admitted: the first clients hang, until synkeeperd falls "
		  "back to the kernel's cookies, which bear fewer TCP options; "
		  "keep NAT off the ports, by 'tcp dport PORT notrack' in "
		  "prerouting at priority raw, and let 'ct state untracked' "
		  "in, or say 'cookies = kernel'; where NAT leads elsewhere, "
		  "'policy = off'",
		  "connection tracking and NAT see what comes to port %s",
		  f->nat.ports);
}

void check_firewall(struct check *c)
{
	bool loose = check_sysctl("netfilter/nf_conntrack_tcp_loose", 1);
	struct firewall f = { .c = c, .state = loose ? "new" : "invalid" };

	if (read_ruleset(&f.rules)) {
		check_add(c, "firewall", CHECK_OK, NULL,
			  "not known: nft is not installed or tells nothing");
		return;
	}
	try_port(&f, RULES_PORT_UNKNOWN);
	if (!*f.refused.ports && !*f.nat.ports)
		try_listeners(&f);
	if (*f.refused.ports)
		report_refused(&f);
	else
		check_add(c, "firewall", CHECK_OK, NULL,
			  "no rule of nftables refuses admitted connections");
	if (*f.nat.ports)
		report_nat(&f);
	else
		check_add(c, "NAT", CHECK_OK, NULL,
			  "none of nftables sees them");
	rules_free(f.rules);
}
