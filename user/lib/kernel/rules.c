/* SPDX-License-Identifier: GPL-2.0-only */
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "netlink.h"
#include "rules.h"

enum {
	PORT_ANY = 0xffff,
	PORT_WHOLE = 0xffff,
	PRIORITY_MAIN = 32766,
	SPORT_MASK = 28, /* FRA_SPORT_MASK, Linux 6.15 */
};

struct reading {
	struct rule rule;
	__u32 priority;
	bool never;   /* for a SYN-ACK */
	bool special; /* is none of the default ones, whatever its table */
	bool unknown;
};

static void take_ports(const struct nlattr *a, struct rule *r)
{
	const struct fib_rule_port_range *range = mnl_attr_get_payload(a);

	if (mnl_attr_get_payload_len(a) < sizeof(*range))
		return;
	r->port_min = range->start;
	r->port_max = range->end;
}

/* The input interface of what the host itself sends is lo. */
static bool is_lo(const struct nlattr *a)
{
	return !mnl_attr_validate(a, MNL_TYPE_NUL_STRING) &&
	       !strcmp(mnl_attr_get_str(a), "lo");
}

static void take_attr(const struct nlattr *a, struct reading *r)
{
	switch (mnl_attr_get_type(a)) {
	case FRA_TABLE:
		r->rule.table = netlink_u32(a);
		return;
	case FRA_PRIORITY:
		r->priority = netlink_u32(a);
		return;
	case FRA_PROTOCOL:
		return; /* who made it */
	case FRA_SUPPRESS_PREFIXLEN:
		r->rule.suppress = (int)netlink_u32(a);
		r->special |= r->rule.suppress >= 0;
		return;
	}
	r->special = true;
	switch (mnl_attr_get_type(a)) {
	case FRA_SRC:
		netlink_addr(a, r->rule.from);
		break;
	case FRA_DST:
		netlink_addr(a, r->rule.to);
		break;
	case FRA_IIFNAME:
		r->never |= !is_lo(a);
		break;
	case FRA_IP_PROTO:
		r->never |= mnl_attr_get_u8(a) != IPPROTO_TCP;
		break;
	case FRA_SPORT_RANGE:
		take_ports(a, &r->rule);
		break;
	case SPORT_MASK:
		r->unknown |= mnl_attr_get_u16(a) != PORT_WHOLE;
		break;
	default:
		r->unknown = true;
	}
}

static void read_rule(const struct nlmsghdr *nlh, struct reading *ret)
{
	const struct fib_rule_hdr *hdr = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;

	*ret = (struct reading){
		.rule = { .from_len = hdr->src_len,
			  .to_len = hdr->dst_len,
			  .port_max = PORT_ANY,
			  .table = hdr->table,
			  .suppress = -1 },
		.unknown = hdr->tos || hdr->action != FR_ACT_TO_TBL ||
			   hdr->flags & FIB_RULE_INVERT,
	};
	mnl_attr_for_each (a, nlh, sizeof(*hdr))
		take_attr(a, ret);
	ret->special |= ret->unknown;
	if (hdr->flags & FIB_RULE_INVERT)
		ret->never = false;
}

static bool is_default(const struct reading *r)
{
	return !r->special &&
	       (r->priority == 0	       ? r->rule.table == RT_TABLE_LOCAL
		: r->priority == PRIORITY_MAIN ? r->rule.table == RT_TABLE_MAIN
		: r->priority == PRIORITY_MAIN + 1
			? r->rule.table == RT_TABLE_DEFAULT
			: false);
}

static int on_rule(const struct nlmsghdr *nlh, void *data)
{
	struct rules *rules = data;
	struct reading r;

	if (nlh->nlmsg_type != RTM_NEWRULE)
		return MNL_CB_OK;
	read_rule(nlh, &r);
	rules->plain &= is_default(&r);
	/* no client has an address of the host's */
	if (r.never || r.rule.table == RT_TABLE_LOCAL)
		return MNL_CB_OK;
	if (r.unknown)
		rules->unknown = "a policy rule looks at more than addresses "
				 "and the service's port";
	else if (rules->n == ROUTE_RULES_MAX)
		rules->unknown = "there are more than 16 policy rules";
	else
		rules->all[rules->n++] = r.rule;
	return MNL_CB_OK;
}

int rules_read(__u8 family, struct rules *ret)
{
	char buf[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = netlink_request(buf, RTM_GETRULE, NLM_F_DUMP);
	struct fib_rule_hdr *hdr =
		mnl_nlmsg_put_extra_header(nlh, sizeof(*hdr));

	hdr->family = family;
	*ret = (struct rules){ .plain = true };
	return netlink_ask(NETLINK_ROUTE, nlh, on_rule, ret);
}
