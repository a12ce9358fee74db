/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see clsact.h. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "clsact.h"

enum {
	PRIORITY = 1,
	HANDLE = 0x534b0000,	  /* "SK" */
	HANDLE_MADE = HANDLE | 1, /* the qdisc is ours, too */
};

static struct bpf_tc_hook hook_of(int ifindex, enum bpf_tc_attach_point point)
{
	return (struct bpf_tc_hook){ .sz = sizeof(struct bpf_tc_hook),
				     .ifindex = ifindex,
				     .attach_point = point };
}

static struct bpf_tc_opts opts_of(__u32 handle)
{
	return (struct bpf_tc_opts){ .sz = sizeof(struct bpf_tc_opts),
				     .handle = handle,
				     .priority = PRIORITY };
}

static bool is_there(const struct bpf_tc_hook *hook, __u32 handle)
{
	struct bpf_tc_opts opts = opts_of(handle);

	return !bpf_tc_query(hook, &opts);
}

int clsact_attach(int ifindex, bool ingress, int prog_fd)
{
	struct bpf_tc_hook hook =
		hook_of(ifindex, ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	struct bpf_tc_hook other =
		hook_of(ifindex, ingress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	struct bpf_tc_opts opts;
	bool made;
	int err;

	err = bpf_tc_hook_create(&hook);
	if (err && err != -EEXIST)
		return err;
	made = !err || is_there(&hook, HANDLE_MADE) ||
	       is_there(&other, HANDLE_MADE);
	opts = opts_of(made ? HANDLE_MADE : HANDLE);
	opts.prog_fd = prog_fd;
	opts.flags = BPF_TC_F_REPLACE;
	return bpf_tc_attach(&hook, &opts);
}

/* Returns whether a filter of ours was there that brought the qdisc. */
static bool remove_from(int ifindex, enum bpf_tc_attach_point point)
{
	struct bpf_tc_hook hook = hook_of(ifindex, point);
	struct bpf_tc_opts plain = opts_of(HANDLE), made = opts_of(HANDLE_MADE);

	bpf_tc_detach(&hook, &plain);
	return !bpf_tc_detach(&hook, &made);
}

static int note_one(const struct nlmsghdr *nlh, void *any)
{
	if (nlh->nlmsg_type == RTM_NEWTFILTER)
		*(bool *)any = true;
	return MNL_CB_OK;
}

/* Has somebody a filter there? Who cannot tell says yes. */
static bool has_filters(int ifindex, __u32 parent)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	bool any = false;
	struct tcmsg *tcm;
	ssize_t n;
	int more;

	if (!nl)
		return true;
	nlh->nlmsg_type = RTM_GETTFILTER;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	tcm = mnl_nlmsg_put_extra_header(nlh, sizeof(*tcm));
	tcm->tcm_family = AF_UNSPEC;
	tcm->tcm_ifindex = ifindex;
	tcm->tcm_parent = parent;
	more = mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0 ? -1 : 1;
	while (more > 0) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		more = n < 0 ? -1 : mnl_cb_run(buf, n, 0, 0, note_one, &any);
	}
	mnl_socket_close(nl);
	return any || more < 0;
}

void clsact_detach(int ifindex)
{
	bool made = remove_from(ifindex, BPF_TC_INGRESS);
	struct bpf_tc_hook qdisc =
		hook_of(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);

	made |= remove_from(ifindex, BPF_TC_EGRESS);
	if (made &&
	    !has_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)) &&
	    !has_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)))
		bpf_tc_hook_destroy(&qdisc);
}
