/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see nfprobe.h; layouts as in linux/netfilter/xt_*.h. */
#include <arpa/inet.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "nfregs.h"

static enum nf_odds certain(bool is)
{
	return is ? NF_ALWAYS : NF_NEVER;
}

/* xt_tcpudp.h */
struct match_tcp {
	__u16 ports[2][2]; /* source, destination: the first, the last */
	__u8 option, flag_mask, flag_cmp, inverted;
};
enum { TCP_NOT_SOURCE = 1, TCP_NOT_FLAGS = 4, TCP_NOT = 8 };

static void match_tcp(const struct nf_probe *p, const void *info, size_t len,
		      struct nf_effect *e)
{
	__u8 flags = nf_probe_flags(p);
	__u16 port = ntohs(p->port);
	int host = nf_probe_host(p);
	struct match_tcp m;
	bool in;

	if (len < sizeof(m))
		return;
	memcpy(&m, info, sizeof(m));
	if (m.ports[!host][0] || m.ports[!host][1] != 0xffff)
		nf_effect_if(e, NF_PERHAPS);
	in = port >= m.ports[host][0] && port <= m.ports[host][1];
	nf_effect_if(e, certain(in != !!(m.inverted & TCP_NOT_SOURCE << host)));
	in = (flags & m.flag_mask) == m.flag_cmp;
	nf_effect_if(e, certain(in != !!(m.inverted & TCP_NOT_FLAGS)));
	if (m.option && p->packet == NF_ACK && nf_option_of_syn(m.option))
		nf_effect_if(e, certain(m.inverted & TCP_NOT));
	else if (m.option)
		nf_effect_if(e, NF_PERHAPS);
}

/* xt_conntrack.h, xt_conntrack_mtinfo1 to 3: behind addresses and ports */
enum {
	CT_AT = 146,
	CT_SHORT = 152, /* revision 1: bytes instead of words */
	CT_STATE = 1 << 0,
	CT_NATTED = 1 << 6 | 1 << 7,
	CT_UNTRACKED = 1 << 8,
};

static void match_conntrack(const struct nf_probe *p, const void *info,
			    size_t len, struct nf_effect *e)
{
	__u32 bit = p->ct_state == NF_CT_UNTRACKED ? CT_UNTRACKED : p->ct_state;
	__u16 v[3] = {}; /* match, invert, state */
	bool other;

	if (len < CT_SHORT) {
		nf_effect_if(e, NF_PERHAPS);
		e->unsure = true;
		return;
	}
	memcpy(v, (const char *)info + CT_AT, sizeof(v));
	if (len == CT_SHORT)
		v[2] &= 0xff;
	other = v[0] & ~CT_STATE || (v[2] & CT_NATTED && !(v[2] & bit));
	if (v[0] & CT_STATE && !(v[2] & CT_NATTED && other))
		nf_effect_if(e, certain(!!(v[2] & bit) != !!(v[1] & CT_STATE)));
	if (other) {
		nf_effect_if(e, NF_PERHAPS);
		e->unsure = true;
	}
}

static void match_state(const struct nf_probe *p, const void *info, size_t len,
			struct nf_effect *e)
{
	__u32 states = 0;

	if (len < sizeof(states))
		return;
	memcpy(&states, info, sizeof(states));
	/* here, untracked is the same bit as in nftables */
	nf_effect_if(e, certain(states & p->ct_state));
}

/* xt_multiport.h, xt_multiport_v1 */
struct match_multiport {
	__u8 which, count; /* which: 0 source, 1 destination, 2 either */
	__u16 ports[15];
	__u8 is_range[15], inverted;
};

static void match_multiport(const struct nf_probe *p, const void *info,
			    size_t len, struct nf_effect *e)
{
	__u16 port = ntohs(p->port);
	struct match_multiport m;
	bool in = false;
	unsigned int i;

	if (len < sizeof(m)) {
		nf_effect_if(e, NF_PERHAPS);
		return;
	}
	memcpy(&m, info, sizeof(m));
	for (i = 0; i < m.count && i < 15 && !in; i++) {
		__u16 low = m.ports[i], high = low;

		if (m.is_range[i] && i + 1 < 15)
			high = m.ports[++i];
		in = port >= low && port <= high;
	}
	if (m.which == nf_probe_host(p) || (m.which == 2 && in))
		nf_effect_if(e, certain(in != !!m.inverted));
	else
		nf_effect_if(e, NF_PERHAPS);
}

/* xt_addrtype.h, xt_addrtype_info_v1 */
static void match_addrtype(const struct nf_probe *p, const void *info,
			   size_t len, struct nf_effect *e)
{
	enum { NOT_SOURCE = 1 };
	int host = nf_probe_host(p);
	__u16 types[2]; /* source, destination */
	__u32 flags;

	if (len < sizeof(types) + sizeof(flags)) {
		nf_effect_if(e, NF_PERHAPS);
		return;
	}
	memcpy(types, info, sizeof(types));
	memcpy(&flags, (const char *)info + sizeof(types), sizeof(flags));
	if (types[host])
		nf_effect_if(e, certain(!!(types[host] & 1 << RTN_LOCAL) !=
					!!(flags & NOT_SOURCE << host)));
	if (types[!host])
		nf_effect_if(e, NF_PERHAPS);
}

/* xt_tcpmss.h: what has no MSS does not match, and does if inverted */
static void match_tcpmss(const struct nf_probe *p, const void *info, size_t len,
			 struct nf_effect *e)
{
	struct {
		__u16 low, high;
		__u8 inverted;
	} m = {};

	if (len >= 5)
		memcpy(&m, info, 5);
	nf_effect_if(e, p->packet == NF_ACK ? certain(m.inverted) : NF_PERHAPS);
}

/* xt_osf.c: nothing but SYNs match, inverted or not */
static void match_osf(const struct nf_probe *p, const void *info, size_t len,
		      struct nf_effect *e)
{
	(void)info;
	(void)len;
	nf_effect_if(e, p->packet == NF_ACK ? NF_NEVER : NF_PERHAPS);
}

static void match_nothing(const struct nf_probe *p, const void *info,
			  size_t len, struct nf_effect *e)
{
	(void)p;
	(void)info;
	(void)len;
	(void)e;
}

static bool is_one_of(const char *name, const char *const *list)
{
	while (*list && strcmp(name, *list) != 0)
		list++;
	return *list;
}

void nf_probe_match(const struct nf_probe *p, const char *name,
		    const void *info, size_t len, struct nf_effect *e)
{
	static const struct {
		const char *name;
		void (*on)(const struct nf_probe *p, const void *info,
			   size_t len, struct nf_effect *e);
	} matches[] = {
		{ "tcp", match_tcp },
		{ "conntrack", match_conntrack },
		{ "state", match_state },
		{ "multiport", match_multiport },
		{ "addrtype", match_addrtype },
		{ "tcpmss", match_tcpmss },
		{ "osf", match_osf },
		{ "comment", match_nothing },
	};
	/* they look at the client, its packet, the time or a count */
	static const char *const of_client[] = {
		"connbytes", "connlimit", "dscp",      "ecn",	  "geoip",
		"hashlimit", "hl",	  "iprange",   "length",  "limit",
		"mac",	     "quota",	  "quota2",    "rateest", "recent",
		"rpfilter",  "set",	  "statistic", "string",  "time",
		"tos",	     "ttl",	  "u32",       NULL
	};
	size_t i;

	for (i = 0; i < sizeof(matches) / sizeof(matches[0]); i++)
		if (!strcmp(matches[i].name, name)) {
			matches[i].on(p, info, len, e);
			return;
		}
	nf_effect_if(e, NF_PERHAPS);
	if (!is_one_of(name, of_client))
		e->unsure = true;
}

/* xt_CT.h: of all revisions */
static bool is_notrack(const char *name, const void *info, size_t len)
{
	enum { CT_NOTRACK = 1 << 0 };
	__u16 flags = 0;

	if (len >= sizeof(flags))
		memcpy(&flags, info, sizeof(flags));
	return !strcmp(name, "NOTRACK") ||
	       (!strcmp(name, "CT") && flags & CT_NOTRACK);
}

/* xt_TCPMSS.h, xt_DSCP.h */
static void rewrite(const char *name, const __u8 *info, size_t len,
		    struct nf_rewrite *ret)
{
	enum { CLAMP_TO_PMTU = 0xffff, DSCP_SHIFT = 2 };
	__u16 mss = CLAMP_TO_PMTU;

	if (!strcmp(name, "TCPMSS") && len >= sizeof(mss)) {
		memcpy(&mss, info, sizeof(mss));
		if (mss != CLAMP_TO_PMTU)
			ret->mss = mss;
	} else if (!strcmp(name, "DSCP") && len >= 1) {
		ret->tos = (__u8)(info[0] << DSCP_SHIFT);
		ret->tos_mask = (__u8)(0xff << DSCP_SHIFT);
	} else if (!strcmp(name, "TOS") && len >= 2) {
		ret->tos = info[0] & info[1];
		ret->tos_mask = info[1];
	}
}

void nf_probe_target(const char *name, const void *info, size_t len,
		     struct nf_effect *e)
{
	static const char *const drops[] = { "REJECT", "TARPIT", "DELUDE",
					     "CHAOS",  "DROP",	 NULL };
	static const char *const goes_on[] = {
		"AUDIT",   "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK",
		"CT",	   "DSCP",     "ECN",	   "HL",       "IDLETIMER",
		"LED",	   "LOG",      "MARK",	   "NFLOG",    "NOTRACK",
		"RATEEST", "SECMARK",  "SET",	   "TCPMSS",   "TCPOPTSTRIP",
		"TEE",	   "TOS",      "TRACE",	   "TTL",      NULL
	};

	e->notracks = e->notracks || is_notrack(name, info, len);
	rewrite(name, info, len, &e->rewrites);
	if (is_one_of(name, drops))
		e->deed = NF_DEED_DROP;
	else if (!strcmp(name, "SYNPROXY"))
		e->deed = NF_DEED_SYNPROXY;
	else if (!strcmp(name, "TPROXY"))
		e->deed = NF_DEED_TPROXY_ENDS;
	else if (!is_one_of(name, goes_on))
		e->deed = NF_DEED_ACCEPT;
}

bool nf_probe_tproxies(const struct nlattr *expressions)
{
	const struct nlattr *elem, *name;
	struct nf_expr e;

	if (!expressions)
		return false;
	mnl_attr_for_each_nested (elem, expressions) {
		nf_expr_read(elem, &e);
		name = e.attrs[NFTA_TARGET_NAME];
		if (!strcmp(e.name, "tproxy") ||
		    (!strcmp(e.name, "target") && name &&
		     !strcmp(mnl_attr_get_str(name), "TPROXY")))
			return true;
	}
	return false;
}
