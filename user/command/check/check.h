/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what `synkeeper check` asks. Each check is a function
 * that adds findings; cmd_check.c has the table of them, in the order in which
 * they answer. A finding says what was looked at, what was found, and, unless
 * that is well, how to mend it. Looking changes nothing and attaches nothing. A
 * check that cannot be sure says nothing bad: a false alarm is a mistake.
 *
 *	FINDING	{"what" "state": "ok"|"warn"|"fail" "found" "mend"}
 *
 * fail: Synkeeper does not work so. warn: it works, but less well.
 */
#ifndef CHECK_H
#define CHECK_H

#include <net/if.h>
#include <stdint.h>

#include "cmd.h"
#include "kernel/device.h"
#include "kernel/sockdiag.h"

enum check_state { CHECK_OK, CHECK_WARN, CHECK_FAIL };

/* linux/netdev.h, which Debian 12 does not have yet */
enum {
	CHECK_XDP_BASIC = 1 << 0,   /* native mode: drop, pass, tx, aborted */
	CHECK_XDP_RX_SG = 1 << 5,   /* packets of several buffers */
	CHECK_XDP_RX_VLAN = 1 << 2, /* among the metadata: the stripped tag */
};

struct check_xdp {
	uint64_t features;
	uint64_t rx_metadata;
};

/* What the checks know; they add to @findings. */
struct check {
	const struct cmd *cmd;
	json_t *findings;
	const char *name; /* of the interface */
	int link_err;	  /* 0, or why @link is not known */
	struct device link;
	int xdp_err;
	struct check_xdp xdp;
	bool native; /* an XDP program is attached in native mode */
	struct diag_socket *listeners; /* in reach from outside, by port */
	size_t n_listeners;
	json_t *services; /* as the daemon has them; NULL: there is none */
};

/* @mend is not shown when the state is CHECK_OK; it may then be NULL. */
void check_add(struct check *c, const char *what, enum check_state state,
	       const char *mend, const char *found, ...)
	__attribute__((format(printf, 5, 6)));

/* Does the daemon protect @port (host byte order)? */
bool check_is_service(const struct check *c, unsigned int port);

/* check_host.c: the machine */
void check_privileges(struct check *c);
void check_kernel(struct check *c);
void check_bpf(struct check *c);
void check_bpffs(struct check *c);

/* check_iface.c: the interface, unless it is unknown */
void check_interface(struct check *c);
void check_driver(struct check *c);
void check_native(struct check *c);
void check_attached(struct check *c);
void check_tc(struct check *c);
void check_queues(struct check *c);
void check_merging(struct check *c);
void check_mtu(struct check *c);
void check_vlan(struct check *c);
void check_veth(struct check *c);
void check_device(struct check *c);

/* check_tcp.c: the host's TCP and its listeners */
void check_syncookies(struct check *c);
void check_options(struct check *c);
void check_backlog(struct check *c);
void check_mptcp(struct check *c);
void check_services(struct check *c);
void check_ipvs(struct check *c);

/* check_firewall.c: rules that refuse what XDP admits */
void check_firewall(struct check *c);

/* A number of /proc/sys/net/PATH, @fallback if there is none. */
int check_sysctl(const char *path, int fallback);

/* Fills @c->listeners, which the caller frees. */
void check_find_listeners(struct check *c);

/* ---- check_netlink.c ---- */

/* -ENOENT: a kernel before 6.3, which does not tell. */
int check_xdp_get(int ifindex, struct check_xdp *ret);

#endif
