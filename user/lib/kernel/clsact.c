/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "clsact.h"
#include "netlink.h"

enum {
	PRIORITY = 1,
	HANDLE = 0x534b0000, /* "SK" */
	MADE = 1,	     /* we created the qdisc */
	SECOND = 2,	     /* the other of the two handles */
	HANDLES = 4,
	BPF_ID = 11, /* TCA_BPF_ID */
};

/*
 * libbpf refuses options whose padding is not zero, and C does not promise that
 * of an initializer or a copy. So they are zeroed whole, in place.
 */
static void hook_init(struct bpf_tc_hook *hook, int ifindex,
		      enum bpf_tc_attach_point point)
{
	memset(hook, 0, sizeof(*hook));
	hook->sz = sizeof(*hook);
	hook->ifindex = ifindex;
	hook->attach_point = point;
}

static void opts_init(struct bpf_tc_opts *opts, __u32 handle)
{
	memset(opts, 0, sizeof(*opts));
	opts->sz = sizeof(*opts);
	opts->handle = handle;
	opts->priority = PRIORITY;
}

static bool is_there(const struct bpf_tc_hook *hook, __u32 handle)
{
	struct bpf_tc_opts opts;

	opts_init(&opts, handle);
	return !bpf_tc_query(hook, &opts);
}

/* ---- all filters ---- */

struct filters {
	__u32 prog_id; /* ours */
	__u32 first;   /* as clsact_place() returns it */
	bool found;
	bool any;
};

static __u32 id_of(const struct nlattr *options)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested (a, options) {
		if (mnl_attr_get_type(a) == BPF_ID &&
		    mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
			return mnl_attr_get_u32(a);
	}
	return CLSACT_OTHER;
}

static int on_filter(const struct nlmsghdr *nlh, void *data)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	struct filters *f = data;
	const struct nlattr *a;
	__u32 id = CLSACT_OTHER;

	if (nlh->nlmsg_type != RTM_NEWTFILTER)
		return MNL_CB_OK;
	f->any = true;
	if (!tcm->tcm_handle) /* the head of a list */
		return MNL_CB_OK;
	mnl_attr_for_each (a, nlh, sizeof(*tcm)) {
		if (mnl_attr_get_type(a) == TCA_OPTIONS)
			id = id_of(a);
	}
	if (id == f->prog_id)
		f->found = true;
	else if (!f->found && !f->first)
		f->first = id;
	return MNL_CB_OK;
}

static int read_filters(int ifindex, bool ingress, struct filters *ret)
{
	char buf[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = netlink_request(buf, RTM_GETTFILTER, NLM_F_DUMP);
	struct tcmsg *tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));

	tcm->tcm_family = AF_UNSPEC;
	tcm->tcm_ifindex = ifindex;
	tcm->tcm_parent = TC_H_MAKE(TC_H_CLSACT, ingress ? TC_H_MIN_INGRESS
							 : TC_H_MIN_EGRESS);
	return netlink_ask(NETLINK_ROUTE, nlh, on_filter, ret);
}

int clsact_place(int ifindex, bool ingress, __u32 prog_id, __u32 *ret_first)
{
	struct filters f = { .prog_id = prog_id };
	int err = read_filters(ifindex, ingress, &f);

	if (err && err != -EINVAL) /* no qdisc there */
		return err;
	*ret_first = f.first;
	return f.found ? 0 : -ENOENT;
}

/* Are there any filters? If in doubt yes, so that the qdisc stays. */
static bool has_filters(int ifindex, bool ingress)
{
	struct filters f = {};

	return read_filters(ifindex, ingress, &f) || f.any;
}

/* ---- ours ---- */

/* The handle of our filter, or 0. */
static __u32 ours_at(const struct bpf_tc_hook *hook)
{
	__u32 i;

	for (i = 0; i < HANDLES; i++)
		if (is_there(hook, HANDLE | i))
			return HANDLE | i;
	return 0;
}

int clsact_attach(int ifindex, bool ingress, int prog_fd)
{
	struct bpf_tc_hook hook, other;
	struct bpf_tc_opts opts;
	__u32 old, beside;
	int err;

	hook_init(&hook, ifindex, ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	hook_init(&other, ifindex, ingress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		return err;
	old = ours_at(&hook);
	beside = old ? old : ours_at(&other);
	opts_init(&opts, HANDLE | (!err ? MADE : beside & MADE) |
				 (old ? ~old & SECOND : 0));
	opts.prog_fd = prog_fd;
	err = bpf_tc_attach(&hook, &opts);
	if (!err && old) {
		opts_init(&opts, old);
		bpf_tc_detach(&hook, &opts);
	}
	return err;
}

/* libbpf logs an error for each filter that does not exist. */
static bool nothing_there(int ifindex, bool ingress)
{
	struct filters f = {};
	int err = read_filters(ifindex, ingress, &f);

	return err == -EINVAL || (!err && !f.any); /* no qdisc, or empty */
}

/* Returns whether it removed a filter for which we created the qdisc. */
static bool remove_from(int ifindex, enum bpf_tc_attach_point point)
{
	struct bpf_tc_hook hook;
	bool made = false;
	__u32 i;

	hook_init(&hook, ifindex, point);
	if (nothing_there(ifindex, point == BPF_TC_INGRESS))
		return false;
	for (i = 0; i < HANDLES; i++) {
		struct bpf_tc_opts opts;

		opts_init(&opts, HANDLE | i);
		if (!bpf_tc_detach(&hook, &opts) && i & MADE)
			made = true;
	}
	return made;
}

void clsact_detach(int ifindex)
{
	bool made = remove_from(ifindex, BPF_TC_INGRESS);
	struct bpf_tc_hook qdisc;

	hook_init(&qdisc, ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	made |= remove_from(ifindex, BPF_TC_EGRESS);
	if (made && !has_filters(ifindex, true) && !has_filters(ifindex, false))
		bpf_tc_hook_destroy(&qdisc);
}
