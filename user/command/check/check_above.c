/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what else stands above the driver and would have judged
 * a SYN: BPF programs of the root cgroup and of the network namespace's socket
 * lookup, IPsec policies, reverse path filters. All but socket lookup judge the
 * ACK, too: a client that they refuse is not served, but believes for a while
 * that it is connected. So they are warnings where they surely concern clients,
 * and else a remark.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "kernel/netlink.h"

/* How many programs are attached to @path as @type; 0 if unknown. */
static unsigned int programs_at(const char *path, enum bpf_attach_type type)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	__u32 ids[64], flags, n = sizeof(ids) / sizeof(ids[0]);

	if (fd < 0)
		return 0;
	if (bpf_prog_query(fd, type, 0, &flags, ids, &n) && errno != ENOSPC)
		n = 0;
	close(fd);
	return n;
}

void check_programs(struct check *c)
{
	unsigned int filters =
		programs_at("/sys/fs/cgroup", BPF_CGROUP_INET_INGRESS);
	unsigned int lookups = programs_at("/proc/self/ns/net", BPF_SK_LOOKUP);

	check_add(c, "cgroup filters", filters ? CHECK_WARN : CHECK_OK,
		  "a client that they refuse is not served, but hangs once "
		  "connected instead of being refused",
		  filters ? "%u BPF programs filter what the root cgroup "
			    "receives"
			  : "the root cgroup has none",
		  filters);
	check_add(c, "socket lookup", lookups ? CHECK_WARN : CHECK_OK,
		  "Synkeeper answers for the listener at the address and port "
		  "that the client names: 'policy = off' for ports that the "
		  "programs lead to another",
		  lookups ? "%u BPF programs (sk_lookup) choose listeners"
			  : "no BPF program chooses listeners",
		  lookups);
}

/* ---- IPsec ---- */

struct policies {
	const struct check *c;
	char ports[96]; /* of services that one concerns */
	unsigned int last;
};

static bool concerns(const struct xfrm_selector *sel, unsigned int port)
{
	unsigned int mask = be16toh(sel->dport_mask);

	return (!sel->proto || sel->proto == IPPROTO_TCP) &&
	       (port & mask) == (be16toh(sel->dport) & mask);
}

static bool needs_ipsec(const struct nlmsghdr *nlh)
{
	const struct nlattr *a;

	mnl_attr_for_each (a, nlh, sizeof(struct xfrm_userpolicy_info)) {
		const struct xfrm_user_tmpl *t = mnl_attr_get_payload(a);

		if (mnl_attr_get_type(a) == XFRMA_TMPL &&
		    mnl_attr_get_payload_len(a) >= sizeof(*t) && !t->optional)
			return true;
	}
	return false;
}

static void add_port(struct policies *p, unsigned int port)
{
	size_t n = strlen(p->ports);

	if (port != p->last && n < sizeof(p->ports) - 16)
		snprintf(p->ports + n, sizeof(p->ports) - n, "%s%u",
			 n ? ", " : "", port);
	p->last = port;
}

static int on_policy(const struct nlmsghdr *nlh, void *data)
{
	const struct xfrm_userpolicy_info *info = mnl_nlmsg_get_payload(nlh);
	struct policies *p = data;
	size_t i;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*info) ||
	    info->dir != XFRM_POLICY_IN ||
	    (info->action != XFRM_POLICY_BLOCK && !needs_ipsec(nlh)))
		return MNL_CB_OK;
	for (i = 0; i < p->c->n_listeners; i++) {
		unsigned int port =
			be16toh(p->c->listeners[i].tuple.server_port);

		if (concerns(&info->sel, port))
			add_port(p, port);
	}
	return MNL_CB_OK;
}

/* To ask without the kernel's end of the socket would load a module. */
static bool has_xfrm(void)
{
	FILE *f = fopen("/proc/self/net/netlink", "re");
	unsigned int protocol;
	char line[256];
	bool has = false;

	while (f && !has && fgets(line, sizeof(line), f))
		has = sscanf(line, "%*s %u", &protocol) == 1 &&
		      protocol == NETLINK_XFRM;
	if (f)
		fclose(f);
	return has;
}

void check_ipsec(struct check *c)
{
	char buf[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct policies p = { .c = c };
	struct nlmsghdr *nlh =
		netlink_request(buf, XFRM_MSG_GETPOLICY, NLM_F_DUMP);

	if (!has_xfrm() || netlink_ask(NETLINK_XFRM, nlh, on_policy, &p))
		return;
	check_add(c, "IPsec", *p.ports ? CHECK_WARN : CHECK_OK,
		  "a client that they refuse is not served, but hangs once "
		  "connected: refuse it in Synkeeper's [sources], too, or set "
		  "'policy = off'",
		  *p.ports ? "policies block, or require IPsec of, clients of "
			     "port %s"
			   : "no policy refuses clients of a listener%s",
		  p.ports);
}

/* Strict filters judge by routes, which differ by client. */
void check_reverse_path(struct check *c)
{
	char path[64 + IF_NAMESIZE];
	int all = check_sysctl("ipv4/conf/all/rp_filter", 0), one;

	snprintf(path, sizeof(path), "ipv4/conf/%s/rp_filter", c->name);
	one = check_sysctl(path, 0);
	one = one > all ? one : all;
	check_add(c, "rp_filter", CHECK_OK, NULL,
		  one == 1 ? "%d: strict: whoever's route back leads through "
			     "another interface hangs once connected"
			   : "%d: not strict",
		  one);
}
