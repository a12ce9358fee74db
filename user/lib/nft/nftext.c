/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nfregs.h"
#include "nftext.h"

enum { NAME_LEN = 48 };

enum style {
	STYLE_OTHER,
	STYLE_HIDDEN,
	STYLE_U16,
	STYLE_FLAGS,
	STYLE_STATE,
	STYLE_ADDR,
	STYLE_NAME,
	STYLE_EXISTS
};

/* What a register holds, in words; masked by @mask. */
struct held {
	char name[NAME_LEN];
	enum style style;
	bool masked;
	__u32 mask; /* host byte order of a flag's byte or a state */
};

struct text {
	struct held held[NF_REGISTERS];
	char *buf;
	size_t size, n;
};

static void say(struct text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct text *t, const char *format, ...)
{
	va_list ap;
	int n;

	if (t->n && t->n + 1 < t->size)
		t->buf[t->n++] = ' ';
	va_start(ap, format);
	n = vsnprintf(t->buf + t->n, t->size - t->n, format, ap);
	va_end(ap);
	t->n += n < 0 ? 0 : (size_t)n;
	if (t->n >= t->size)
		t->n = t->size - 1;
}

static struct held *held_in(struct text *t, const struct nlattr *reg)
{
	__u32 n = nf_expr_be32(reg);

	n = n < NFT_REG32_00 ? n * 4 : n - NFT_REG32_00 + 4;
	return &t->held[reg && n < NF_REGISTERS ? n : 0];
}

static void hold(struct text *t, const struct nlattr *reg, const char *name,
		 enum style style)
{
	struct held *h = held_in(t, reg);

	*h = (struct held){ .style = style };
	snprintf(h->name, sizeof(h->name), "%s", name);
}

/* ---- values ---- */

static const char *bits_text(__u32 value, const char *const *names, char *buf,
			     size_t size)
{
	size_t n = 0, i;

	buf[0] = '\0';
	for (i = 0; names[i]; i++)
		if (value & 1U << i && n < size)
			n += snprintf(buf + n, size - n, "%s%s", n ? "," : "",
				      names[i]);
	return n ? buf : "0x0";
}

static const char *flags_text(enum style style, __u32 value, char buf[64])
{
	static const char *const tcp[] = { "fin", "syn", "rst", "psh", "ack",
					   "urg", "ecn", "cwr", NULL };
	static const char *const state[] = { "invalid",	  "established",
					     "related",	  "new",
					     "?",	  "?",
					     "untracked", NULL };

	return bits_text(value, style == STYLE_FLAGS ? tcp : state, buf, 64);
}

static __u32 number_of(enum style style, const void *value, size_t len)
{
	__u32 whole = 0;

	if (style == STYLE_FLAGS)
		return *(const __u8 *)value;
	memcpy(&whole, value, len < sizeof(whole) ? len : sizeof(whole));
	return whole;
}

static const char *value_text(const struct held *h, const void *value,
			      size_t len, char buf[64])
{
	__be16 be = 0;
	__u8 addr[16] = {};

	switch (h->style) {
	case STYLE_U16:
		memcpy(&be, value, len < 2 ? len : 2);
		snprintf(buf, 64, "%u", ntohs(be));
		return buf;
	case STYLE_FLAGS:
	case STYLE_STATE:
		return flags_text(h->style, number_of(h->style, value, len),
				  buf);
	case STYLE_ADDR: /* a prefix may be shorter than the address */
		memcpy(addr, value, len < 16 ? len : 16);
		if (len <= 4) {
			inet_ntop(AF_INET, addr, buf, INET_ADDRSTRLEN);
			if (len < 4)
				snprintf(buf + strlen(buf), 8, "/%zu", 8 * len);
		} else {
			inet_ntop(AF_INET6, addr, buf, INET6_ADDRSTRLEN);
		}
		return buf;
	case STYLE_NAME:
		snprintf(buf, 64, "\"%.*s%s\"", (int)strnlen(value, len),
			 (const char *)value, len < 16 ? "*" : "");
		return buf;
	default:
		return "...";
	}
}

/* ---- what is loaded ---- */

static void on_meta(struct text *t, const struct nf_expr *e)
{
	switch (nf_expr_be32(e->attrs[NFTA_META_KEY])) {
	case NFT_META_NFPROTO:
	case NFT_META_L4PROTO:
	case NFT_META_PROTOCOL:
		hold(t, e->attrs[NFTA_META_DREG], "", STYLE_HIDDEN);
		return;
	case NFT_META_IIFNAME:
		hold(t, e->attrs[NFTA_META_DREG], "iifname", STYLE_NAME);
		return;
	case NFT_META_IIF:
		hold(t, e->attrs[NFTA_META_DREG], "iif", STYLE_OTHER);
		return;
	case NFT_META_MARK:
		hold(t, e->attrs[NFTA_META_DREG], "meta mark", STYLE_OTHER);
		return;
	default:
		hold(t, e->attrs[NFTA_META_DREG], "meta ...", STYLE_OTHER);
	}
}

static void on_payload(struct text *t, const struct nf_expr *e)
{
	static const struct {
		__u32 base, at, len; /* 0: any */
		const char *name;
		enum style style;
	} fields[] = {
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, "tcp sport", STYLE_U16 },
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, "tcp dport", STYLE_U16 },
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 4, 4, "tcp sequence",
		  STYLE_OTHER },
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, "tcp flags",
		  STYLE_FLAGS },
		{ NFT_PAYLOAD_TRANSPORT_HEADER, 14, 2, "tcp window",
		  STYLE_U16 },
		{ NFT_PAYLOAD_NETWORK_HEADER, 9, 1, "", STYLE_HIDDEN },
		{ NFT_PAYLOAD_NETWORK_HEADER, 12, 0, "ip saddr", STYLE_ADDR },
		{ NFT_PAYLOAD_NETWORK_HEADER, 16, 0, "ip daddr", STYLE_ADDR },
		{ NFT_PAYLOAD_NETWORK_HEADER, 8, 16, "ip6 saddr", STYLE_ADDR },
		{ NFT_PAYLOAD_NETWORK_HEADER, 24, 16, "ip6 daddr", STYLE_ADDR },
	};
	__u32 base = nf_expr_be32(e->attrs[NFTA_PAYLOAD_BASE]);
	__u32 at = nf_expr_be32(e->attrs[NFTA_PAYLOAD_OFFSET]);
	__u32 len = nf_expr_be32(e->attrs[NFTA_PAYLOAD_LEN]);
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].base == base && fields[i].at == at &&
		    (!fields[i].len || fields[i].len == len)) {
			hold(t, e->attrs[NFTA_PAYLOAD_DREG], fields[i].name,
			     fields[i].style);
			return;
		}
	hold(t, e->attrs[NFTA_PAYLOAD_DREG], "...", STYLE_OTHER);
}

static void on_ct(struct text *t, const struct nf_expr *e)
{
	bool state = nf_expr_be32(e->attrs[NFTA_CT_KEY]) == NFT_CT_STATE;

	hold(t, e->attrs[NFTA_CT_DREG], state ? "ct state" : "ct ...",
	     state ? STYLE_STATE : STYLE_OTHER);
}

static void on_exthdr(struct text *t, const struct nf_expr *e)
{
	static const char *const kinds[] = {
		[2] = "maxseg",	   [3] = "window",    [4] = "sack-perm",
		[5] = "sack",	   [8] = "timestamp", [30] = "mptcp",
		[34] = "fastopen",
	};
	const struct nlattr *type = e->attrs[NFTA_EXTHDR_TYPE];
	__u8 kind = type ? *(const __u8 *)mnl_attr_get_payload(type) : 0;
	bool asks = nf_expr_be32(e->attrs[NFTA_EXTHDR_FLAGS]) &
		    NFT_EXTHDR_F_PRESENT;
	bool named = kind < sizeof(kinds) / sizeof(kinds[0]) && kinds[kind];
	char name[NAME_LEN];

	if (nf_expr_be32(e->attrs[NFTA_EXTHDR_OP]) != NFT_EXTHDR_OP_TCPOPT)
		snprintf(name, sizeof(name), "exthdr ...");
	else if (named)
		snprintf(name, sizeof(name), "tcp option %s%s", kinds[kind],
			 kind == 2 && !asks ? " size" : "");
	else
		snprintf(name, sizeof(name), "tcp option %u", kind);
	hold(t, e->attrs[NFTA_EXTHDR_DREG], name,
	     asks	 ? STYLE_EXISTS
	     : kind == 2 ? STYLE_U16
			 : STYLE_OTHER);
}

static void on_bitwise(struct text *t, const struct nf_expr *e)
{
	const struct nlattr *mask =
		nf_expr_attr(e->attrs[NFTA_BITWISE_MASK], NFTA_DATA_VALUE);
	struct held h = *held_in(t, e->attrs[NFTA_BITWISE_SREG]);

	h.masked = true;
	if (mask)
		h.mask = number_of(h.style, mnl_attr_get_payload(mask),
				   mnl_attr_get_payload_len(mask));
	*held_in(t, e->attrs[NFTA_BITWISE_DREG]) = h;
}

/* ---- conditions ---- */

static void say_masked(struct text *t, const struct held *h, bool not,
		       __u32 value)
{
	char a[64], b[64];

	if (not &&!value) /* some of these flags */
		say(t, "%s %s", h->name, flags_text(h->style, h->mask, a));
	else
		say(t, "%s %s%s / %s", h->name, not ? "!= " : "",
		    flags_text(h->style, value, a),
		    flags_text(h->style, h->mask, b));
}

static void on_cmp(struct text *t, const struct nf_expr *e)
{
	static const char *const ops[] = {
		"", "!= ", "< ", "<= ", "> ", ">= ",
	};
	const struct nlattr *v =
		nf_expr_attr(e->attrs[NFTA_CMP_DATA], NFTA_DATA_VALUE);
	const struct held *h = held_in(t, e->attrs[NFTA_CMP_SREG]);
	__u32 op = nf_expr_be32(e->attrs[NFTA_CMP_OP]);
	size_t len = v ? mnl_attr_get_payload_len(v) : 0;
	char value[64];

	if (!len || op >= sizeof(ops) / sizeof(ops[0]) ||
	    h->style == STYLE_HIDDEN)
		return;
	if (h->style == STYLE_EXISTS)
		say(t, "%s %s", h->name,
		    *(const __u8 *)mnl_attr_get_payload(v) ? "exists"
							   : "missing");
	else if (h->masked &&
		 (h->style == STYLE_FLAGS || h->style == STYLE_STATE))
		say_masked(t, h, op == NFT_CMP_NEQ,
			   number_of(h->style, mnl_attr_get_payload(v), len));
	else
		say(t, "%s %s%s%s", *h->name ? h->name : "...", ops[op],
		    value_text(h, mnl_attr_get_payload(v), len, value),
		    h->masked && h->style == STYLE_ADDR ? "/..." : "");
}

static void on_range(struct text *t, const struct nf_expr *e)
{
	const struct nlattr *from =
		nf_expr_attr(e->attrs[NFTA_RANGE_FROM_DATA], NFTA_DATA_VALUE);
	const struct nlattr *to =
		nf_expr_attr(e->attrs[NFTA_RANGE_TO_DATA], NFTA_DATA_VALUE);
	const struct held *h = held_in(t, e->attrs[NFTA_RANGE_SREG]);
	char a[64], b[64];

	if (from && to)
		say(t, "%s %s%s-%s", h->name,
		    nf_expr_be32(e->attrs[NFTA_RANGE_OP]) == NFT_RANGE_NEQ
			    ? "!= "
			    : "",
		    value_text(h, mnl_attr_get_payload(from),
			       mnl_attr_get_payload_len(from), a),
		    value_text(h, mnl_attr_get_payload(to),
			       mnl_attr_get_payload_len(to), b));
}

static void on_lookup(struct text *t, const struct nf_expr *e)
{
	const struct nlattr *name = e->attrs[NFTA_LOOKUP_SET];
	const struct held *h = held_in(t, e->attrs[NFTA_LOOKUP_SREG]);
	bool not = nf_expr_be32(e->attrs[NFTA_LOOKUP_FLAGS]) & NFT_LOOKUP_F_INV;
	bool unnamed = !name || !strncmp(mnl_attr_get_str(name), "__", 2);

	say(t, "%s %s%s%s%s", *h->name ? h->name : "...", not ? "!= " : "",
	    e->attrs[NFTA_LOOKUP_DREG] ? "map " : "", unnamed ? "{ ... }" : "@",
	    unnamed ? "" : mnl_attr_get_str(name));
}

static void on_immediate(struct text *t, const struct nf_expr *e)
{
	const struct nlattr *verdict =
		nf_expr_attr(e->attrs[NFTA_IMMEDIATE_DATA], NFTA_DATA_VERDICT);
	const struct nlattr *to = nf_expr_attr(verdict, NFTA_VERDICT_CHAIN);

	if (nf_expr_be32(e->attrs[NFTA_IMMEDIATE_DREG]) != NFT_REG_VERDICT)
		return;
	switch ((int)nf_expr_be32(nf_expr_attr(verdict, NFTA_VERDICT_CODE))) {
	case NF_DROP:
		say(t, "drop");
		return;
	case NF_ACCEPT:
		say(t, "accept");
		return;
	case NFT_RETURN:
		say(t, "return");
		return;
	case NFT_JUMP:
		say(t, "jump %s", to ? mnl_attr_get_str(to) : "...");
		return;
	case NFT_GOTO:
		say(t, "goto %s", to ? mnl_attr_get_str(to) : "...");
		return;
	}
}

static const char *xt_name(const struct nf_expr *e)
{
	const struct nlattr *name = e->attrs[NFTA_MATCH_NAME];

	return name ? mnl_attr_get_str(name) : "...";
}

static void on_match(struct text *t, const struct nf_expr *e)
{
	if (strcmp(xt_name(e), "comment") != 0)
		say(t, "xt match %s", xt_name(e));
}

static void on_target(struct text *t, const struct nf_expr *e)
{
	if (!strcmp(xt_name(e), "REJECT"))
		say(t, "reject");
	else
		say(t, "xt target %s", xt_name(e));
}

static const struct {
	const char *name;
	void (*on)(struct text *t, const struct nf_expr *e);
	const char *words; /* "": nothing to say */
} known[] = {
	{ "meta", on_meta, NULL },
	{ "payload", on_payload, NULL },
	{ "ct", on_ct, NULL },
	{ "exthdr", on_exthdr, NULL },
	{ "bitwise", on_bitwise, NULL },
	{ "cmp", on_cmp, NULL },
	{ "range", on_range, NULL },
	{ "lookup", on_lookup, NULL },
	{ "immediate", on_immediate, NULL },
	{ "match", on_match, NULL },
	{ "target", on_target, NULL },
	{ "limit", NULL, "limit ..." },
	{ "quota", NULL, "quota ..." },
	{ "connlimit", NULL, "ct count ..." },
	{ "dynset", NULL, "{ ... }" },
	{ "osf", NULL, "osf ..." },
	{ "reject", NULL, "reject" },
	{ "synproxy", NULL, "synproxy" },
	{ "tproxy", NULL, "tproxy to ..." },
	{ "queue", NULL, "queue" },
	{ "counter", NULL, "" },
	{ "log", NULL, "" },
	{ "last", NULL, "" },
	{ NULL, NULL, "..." },
};

const char *nftext_rule(const struct nlattr *expressions, char *buf,
			size_t size)
{
	struct text t = { .buf = buf, .size = size };
	const struct nlattr *elem;
	struct nf_expr e;
	size_t i;

	buf[0] = '\0';
	if (!expressions)
		return buf;
	mnl_attr_for_each_nested (elem, expressions) {
		nf_expr_read(elem, &e);
		for (i = 0; known[i].name; i++)
			if (!strcmp(known[i].name, e.name))
				break;
		if (known[i].on)
			known[i].on(&t, &e);
		else if (*known[i].words)
			say(&t, "%s", known[i].words);
	}
	return buf;
}
