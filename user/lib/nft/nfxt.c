/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include "nfxt.h"

static bool is_one_of(const char *name, const char *const *list)
{
	while (*list && strcmp(name, *list))
		list++;
	return *list;
}

/* XT_CT_NOTRACK, in the first member of all revisions (xt_CT.h). */
enum { CT_NOTRACK = 1 << 0 };

void nf_xt_target(struct nf_rule *r, const char *name, const void *info,
		  size_t len)
{
	static const char *const redirects[] = { "DNAT", "REDIRECT", "NETMAP",
						 NULL };
	static const char *const ends[] = { "SNAT", "MASQUERADE", "SYNPROXY",
					    NULL };
	static const char *const harmless[] = { "LOG", "NFLOG", "MARK", "TRACE",
						NULL };
	__u16 flags = 0;

	if (len >= sizeof(flags))
		memcpy(&flags, info, sizeof(flags));
	if (!strcmp(name, "NOTRACK") ||
	    (!strcmp(name, "CT") && flags & CT_NOTRACK)) {
		nf_rule_acts(r, NF_NOTRACK);
	} else if (!strcmp(name, "CT") || !strcmp(name, "CONNMARK") ||
		   !strcmp(name, "CONNSECMARK")) {
		r->tracks = true;
	} else if (is_one_of(name, redirects)) {
		r->tracks = true;
		nf_rule_acts(r, NF_REDIRECT);
	} else if (is_one_of(name, ends)) {
		r->tracks = true;
		nf_rule_acts(r, NF_ACCEPTS);
	} else if (!is_one_of(name, harmless)) {
		nf_rule_acts(r, NF_UNKNOWN);
	}
}

/* As in linux/netfilter/xt_tcpudp.h. */
struct match_tcp {
	__u16 source[2], dest[2];
	__u8 option, flag_mask, flag_cmp, inverted;
};

void nf_xt_match(struct nf_rule *r, const char *name, const void *info,
		 size_t len)
{
	static const char *const trackers[] = {
		"conntrack", "state",  "connmark", "connbytes", "connlimit",
		"connlabel", "helper", "cluster",  NULL
	};
	struct match_tcp tcp;

	if (!strcmp(name, "comment"))
		return;
	if (!strcmp(name, "addrtype")) {
		r->by_iface = true;
		return;
	}
	r->tracks = r->tracks || is_one_of(name, trackers);
	if (strcmp(name, "tcp") || len < sizeof(tcp)) {
		r->partial = true;
		return;
	}
	memcpy(&tcp, info, sizeof(tcp));
	if (tcp.source[0] || tcp.source[1] != 0xffff || tcp.option ||
	    tcp.flag_mask || tcp.inverted)
		r->partial = true;
	if (!tcp.inverted)
		nf_rule_limit_port(r, tcp.dest[0], tcp.dest[1]);
}
