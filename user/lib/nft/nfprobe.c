/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

#include "nfprobe.h"
#include "nfregs.h"

static struct nf_bits all_known(const void *value, size_t len)
{
	struct nf_bits b = {};

	memcpy(b.value, value, len);
	memset(b.known, 0xff, len);
	return b;
}

static struct nf_bits known_u32(__u32 value)
{
	return all_known(&value, sizeof(value));
}

static const struct nf_bits nothing;

/* ---- the packet ---- */

static void put(struct nf_bits *b, size_t at, const void *value, size_t len)
{
	memcpy(b->value + at, value, len);
	memset(b->known + at, 0xff, len);
}

/* Where the host's address is. */
static __u32 addr_at(const struct nf_probe *p)
{
	return p->v4 ? 12 + 4 * nf_probe_host(p) : 8 + 16 * nf_probe_host(p);
}

static struct nf_bits network_header(const struct nf_probe *p)
{
	static const __u8 version[] = { 0x60, 0x40 }, tcp = IPPROTO_TCP;
	struct nf_bits b = {};

	b.value[0] = version[p->v4];
	b.known[0] = 0xf0;
	put(&b, p->v4 ? 9 : 6, &tcp, 1);
	if (p->v4) /* no fragment */
		memcpy(b.known + 6, "\xbf\xff", 2);
	if (p->addr)
		put(&b, addr_at(p), p->v4 ? &p->addr[3] : p->addr,
		    p->v4 ? 4 : 16);
	return b;
}

static struct nf_bits transport_header(const struct nf_probe *p)
{
	__u8 flags = nf_probe_flags(p);
	struct nf_bits b = {};

	put(&b, 2 * nf_probe_host(p), &p->port, 2);
	if (p->packet == NF_SYN_ACK) /* to an ephemeral port: 32768 and above */
		b.value[2] = b.known[2] = 0x80;
	put(&b, 13, &flags, 1);
	put(&b, 18, "\0", 2); /* the urgent pointer */
	return b;
}

static bool covers_addr(const struct nf_probe *p, __u32 at, __u32 len)
{
	return !p->addr && at < addr_at(p) + (p->v4 ? 4 : 16) &&
	       at + len > addr_at(p);
}

static void on_payload(struct nf_run *r, const struct nf_expr *e)
{
	__u32 base = nf_expr_be32(e->attrs[NFTA_PAYLOAD_BASE]);
	__u32 at = nf_expr_be32(e->attrs[NFTA_PAYLOAD_OFFSET]);
	__u32 len = nf_expr_be32(e->attrs[NFTA_PAYLOAD_LEN]);
	struct nf_bits header = {}, b = {};
	__be16 ether = htons(r->p->v4 ? ETH_P_IP : ETH_P_IPV6);
	bool unsure = false;

	if (!e->attrs[NFTA_PAYLOAD_DREG]) {
		nf_run_writes_header(r, e);
		return;
	}
	if (base == NFT_PAYLOAD_NETWORK_HEADER) {
		header = network_header(r->p);
		unsure = covers_addr(r->p, at, len);
	} else if (base == NFT_PAYLOAD_TRANSPORT_HEADER) {
		header = transport_header(r->p);
	} else if (base == NFT_PAYLOAD_LL_HEADER) {
		put(&header, 12, &ether, 2);
	}
	if (len <= NF_BITS_MAX && at <= NF_BITS_MAX - len) {
		memcpy(b.value, header.value + at, len);
		memcpy(b.known, header.known + at, len);
	}
	b.unsure = unsure;
	nf_run_put(r, e->attrs[NFTA_PAYLOAD_DREG], &b, len);
}

static void on_meta(struct nf_run *r, const struct nf_expr *e)
{
	__u8 nfproto = r->p->v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	__be16 ether = htons(r->p->v4 ? ETH_P_IP : ETH_P_IPV6);
	__u8 tcp = IPPROTO_TCP, host = 0;
	__u32 key = nf_expr_be32(e->attrs[NFTA_META_KEY]);
	char name[IFNAMSIZ] = "";
	struct nf_bits b = {};

	if (!e->attrs[NFTA_META_DREG])
		return; /* it sets */
	switch (key) {
	case NFT_META_NFPROTO:
		b = all_known(&nfproto, 1);
		break;
	case NFT_META_L4PROTO:
		b = all_known(&tcp, 1);
		break;
	case NFT_META_PROTOCOL:
		b = all_known(&ether, 2);
		break;
	case NFT_META_PKTTYPE:
		b = all_known(&host, 1);
		break;
	case NFT_META_OIFNAME:
	case NFT_META_IIFNAME:
		b.unsure = nf_probe_host(r->p) != (key == NFT_META_IIFNAME);
		if (b.unsure)
			break;
		if (r->p->iface)
			strncpy(name, r->p->iface, sizeof(name) - 1);
		b = all_known(name, sizeof(name));
		b.is_iface = true;
		break;
	case NFT_META_LEN:
	case NFT_META_PRANDOM:
	case NFT_META_TIME_NS:
	case NFT_META_TIME_DAY:
	case NFT_META_TIME_HOUR:
		break;
	default: /* marks, other interfaces, IPsec, ... */
		b.unsure = true;
	}
	nf_run_put(r, e->attrs[NFTA_META_DREG], &b, NF_BITS_MAX);
}

static void on_ct(struct nf_run *r, const struct nf_expr *e)
{
	__u32 key = nf_expr_be32(e->attrs[NFTA_CT_KEY]);
	struct nf_bits b = {};

	if (!e->attrs[NFTA_CT_DREG])
		return;
	if (key == NFT_CT_STATE)
		b = known_u32(r->p->ct_state);
	else if (key != NFT_CT_SRC && key != NFT_CT_PROTO_SRC)
		b.unsure = true;
	nf_run_put(r, e->attrs[NFTA_CT_DREG], &b, NF_BITS_MAX);
}

/* What XDP answers is for this host. */
static void on_fib(struct nf_run *r, const struct nf_expr *e)
{
	__u32 flags = nf_expr_be32(e->attrs[NFTA_FIB_FLAGS]);
	struct nf_bits b = {};

	if (flags & (nf_probe_host(r->p) ? NFTA_FIB_F_DADDR
					 : NFTA_FIB_F_SADDR) &&
	    nf_expr_be32(e->attrs[NFTA_FIB_RESULT]) == NFT_FIB_RESULT_ADDRTYPE)
		b = known_u32(RTN_LOCAL);
	nf_run_put(r, e->attrs[NFTA_FIB_DREG], &b, NF_BITS_MAX);
}

static void on_exthdr(struct nf_run *r, const struct nf_expr *e)
{
	__u32 op = nf_expr_be32(e->attrs[NFTA_EXTHDR_OP]);
	bool asks = nf_expr_be32(e->attrs[NFTA_EXTHDR_FLAGS]) &
		    NFT_EXTHDR_F_PRESENT;
	const struct nlattr *kind = e->attrs[NFTA_EXTHDR_TYPE];
	struct nf_bits none = known_u32(0);
	bool missing;

	if (!e->attrs[NFTA_EXTHDR_DREG]) {
		nf_run_writes_option(r, e);
		return;
	}
	missing = op != NFT_EXTHDR_OP_TCPOPT ||
		  (r->p->packet == NF_ACK && kind &&
		   nf_option_of_syn(*(const __u8 *)mnl_attr_get_payload(kind)));
	if (missing && !asks) /* the kernel leaves the rule */
		nf_effect_if(&r->effect, NF_NEVER);
	nf_run_put(r, e->attrs[NFTA_EXTHDR_DREG], missing ? &none : &nothing,
		   NF_BITS_MAX);
}

/* ---- conditions ---- */

static void on_cmp(struct nf_run *r, const struct nf_expr *e)
{
	const struct nlattr *v =
		nf_expr_attr(e->attrs[NFTA_CMP_DATA], NFTA_DATA_VALUE);
	struct nf_bits b = nf_run_get(r, e->attrs[NFTA_CMP_SREG]);
	size_t len = v ? mnl_attr_get_payload_len(v) : 0;

	if (!len || len > NF_BITS_MAX) {
		nf_run_unsure(r);
		return;
	}
	nf_run_compare(r, &b, nf_expr_be32(e->attrs[NFTA_CMP_OP]),
		       mnl_attr_get_payload(v), len);
}

static void on_range(struct nf_run *r, const struct nf_expr *e)
{
	const struct nlattr *from =
		nf_expr_attr(e->attrs[NFTA_RANGE_FROM_DATA], NFTA_DATA_VALUE);
	const struct nlattr *to =
		nf_expr_attr(e->attrs[NFTA_RANGE_TO_DATA], NFTA_DATA_VALUE);
	bool inside = nf_expr_be32(e->attrs[NFTA_RANGE_OP]) == NFT_RANGE_EQ;
	struct nf_bits b = nf_run_get(r, e->attrs[NFTA_RANGE_SREG]);
	size_t len = from ? mnl_attr_get_payload_len(from) : 0;
	bool in;

	if (!len || len > NF_BITS_MAX || !to ||
	    mnl_attr_get_payload_len(to) != len) {
		nf_run_unsure(r);
	} else if (!nf_bits_known(&b, len)) {
		nf_run_perhaps(r, b.unsure);
	} else {
		in = memcmp(b.value, mnl_attr_get_payload(from), len) >= 0 &&
		     memcmp(b.value, mnl_attr_get_payload(to), len) <= 0;
		nf_effect_if(&r->effect, in == inside ? NF_ALWAYS : NF_NEVER);
	}
}

static void on_bitwise(struct nf_run *r, const struct nf_expr *e)
{
	const struct nlattr *mask =
		nf_expr_attr(e->attrs[NFTA_BITWISE_MASK], NFTA_DATA_VALUE);
	const struct nlattr *flip =
		nf_expr_attr(e->attrs[NFTA_BITWISE_XOR], NFTA_DATA_VALUE);
	struct nf_bits b = nf_run_get(r, e->attrs[NFTA_BITWISE_SREG]);
	size_t i, len = mask ? mnl_attr_get_payload_len(mask) : 0;

	if (!len || len > NF_BITS_MAX || !flip ||
	    mnl_attr_get_payload_len(flip) != len) {
		memset(b.known, 0, sizeof(b.known)); /* a shift */
	} else {
		const __u8 *m = mnl_attr_get_payload(mask);
		const __u8 *x = mnl_attr_get_payload(flip);

		for (i = 0; i < len; i++) {
			b.value[i] = (b.value[i] & m[i]) ^ x[i];
			b.known[i] |= (__u8)~m[i];
		}
	}
	nf_run_put(r, e->attrs[NFTA_BITWISE_DREG], &b, NF_BITS_MAX);
}

static void on_immediate(struct nf_run *r, const struct nf_expr *e)
{
	const struct nlattr *data = e->attrs[NFTA_IMMEDIATE_DATA];
	const struct nlattr *v = nf_expr_attr(data, NFTA_DATA_VALUE);
	struct nf_bits b = {};
	size_t len = v ? mnl_attr_get_payload_len(v) : 0;

	if (nf_expr_be32(e->attrs[NFTA_IMMEDIATE_DREG]) == NFT_REG_VERDICT) {
		const struct nlattr *verdict =
			nf_expr_attr(data, NFTA_DATA_VERDICT);
		const struct nlattr *to =
			nf_expr_attr(verdict, NFTA_VERDICT_CHAIN);

		nf_run_verdict(r,
			       (int)nf_expr_be32(nf_expr_attr(
				       verdict, NFTA_VERDICT_CODE)),
			       to ? mnl_attr_get_str(to) : NULL);
		return;
	}
	if (len && len <= NF_BITS_MAX)
		b = all_known(mnl_attr_get_payload(v), len);
	nf_run_put(r, e->attrs[NFTA_IMMEDIATE_DREG], &b, NF_BITS_MAX);
}

static void on_objref(struct nf_run *r, const struct nf_expr *e)
{
	switch (nf_expr_be32(e->attrs[NFTA_OBJREF_IMM_TYPE])) {
	case NFT_OBJECT_QUOTA:
	case NFT_OBJECT_LIMIT:
	case NFT_OBJECT_CONNLIMIT:
		nf_run_perhaps(r, false);
		break;
	case NFT_OBJECT_SYNPROXY:
		nf_run_does(r, NF_DEED_SYNPROXY);
		break;
	}
}

static void on_osf(struct nf_run *r, const struct nf_expr *e)
{
	if (r->p->packet == NF_ACK) /* nft_osf_eval() leaves the rule */
		nf_effect_if(&r->effect, NF_NEVER);
	nf_run_put(r, e->attrs[NFTA_OSF_DREG], &nothing, NF_BITS_MAX);
}

static void on_xt(struct nf_run *r, const struct nf_expr *e, bool target)
{
	const struct nlattr *name = e->attrs[NFTA_MATCH_NAME];
	const struct nlattr *info = e->attrs[NFTA_MATCH_INFO];
	const void *at = info ? mnl_attr_get_payload(info) : NULL;
	size_t len = info ? mnl_attr_get_payload_len(info) : 0;

	if (!name)
		nf_run_unsure(r);
	else if (target)
		nf_probe_target(mnl_attr_get_str(name), at, len, &r->effect);
	else
		nf_probe_match(r->p, mnl_attr_get_str(name), at, len,
			       &r->effect);
}

static void on_match(struct nf_run *r, const struct nf_expr *e)
{
	on_xt(r, e, false);
}

static void on_target(struct nf_run *r, const struct nf_expr *e)
{
	on_xt(r, e, true);
}

static void on_notrack(struct nf_run *r, const struct nf_expr *e)
{
	(void)e;
	r->effect.notracks = true;
}

static const struct known {
	const char *name;
	void (*on)(struct nf_run *r, const struct nf_expr *e);
	enum nf_deed deed;
	bool perhaps;
} known[] = {
	{ "payload", on_payload },
	{ "cmp", on_cmp },
	{ "meta", on_meta },
	{ "bitwise", on_bitwise },
	{ "ct", on_ct },
	{ "immediate", on_immediate },
	{ "lookup", nf_run_lookup },
	{ "match", on_match },
	{ "target", on_target },
	{ "range", on_range },
	{ "exthdr", on_exthdr },
	{ "fib", on_fib },
	{ "osf", on_osf },
	{ "objref", on_objref },
	{ "limit", .perhaps = true },
	{ "quota", .perhaps = true },
	{ "connlimit", .perhaps = true },
	{ "dynset", .perhaps = true },
	{ "reject", .deed = NF_DEED_DROP },
	{ "synproxy", .deed = NF_DEED_SYNPROXY },
	{ "tproxy", .deed = NF_DEED_TPROXY },
	{ "queue", .deed = NF_DEED_ACCEPT },
	{ "nat", .deed = NF_DEED_ACCEPT },
	{ "redir", .deed = NF_DEED_ACCEPT },
	{ "masq", .deed = NF_DEED_ACCEPT },
	{ "fwd", .deed = NF_DEED_ACCEPT },
	{ "counter" },
	{ "log" },
	{ "last" },
	{ "notrack", on_notrack },
	{ "dup" },
	{ "flow_offload" },
};

static void on_expr(struct nf_run *r, const struct nf_expr *e)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, e->name) != 0)
			continue;
		if (known[i].on)
			known[i].on(r, e);
		if (known[i].perhaps)
			nf_run_perhaps(r, false);
		if (known[i].deed)
			nf_run_does(r, known[i].deed);
		return;
	}
	nf_run_unsure(r);
}

static void run(struct nf_run *r, const struct nlattr *expressions)
{
	const struct nlattr *elem;
	struct nf_expr e;

	if (!expressions)
		return;
	mnl_attr_for_each_nested (elem, expressions) {
		nf_expr_read(elem, &e);
		on_expr(r, &e);
		if (r->effect.odds == NF_NEVER && !r->want)
			return;
	}
}

struct nf_effect nf_probe_rule(const struct nf_probe *p,
			       const struct nlattr *expressions)
{
	struct nf_run r = { .p = p, .effect.odds = NF_ALWAYS };

	run(&r, expressions);
	return r.effect;
}

void nf_probe_sets(const struct nlattr *expressions,
		   void (*want)(const char *set, void *data), void *data)
{
	struct nf_probe p = { .v4 = true };
	struct nf_run r = { .p = &p, .want = want, .data = data };

	run(&r, expressions);
	p.packet = NF_SYN_ACK;
	run(&r, expressions);
}
