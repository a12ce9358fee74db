/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the checks of `synkeeper check`. Each is a function that
 * adds findings; cmd_check.c has the table of them, in the order of the output.
 * A finding says what was checked, what was found, and, unless that is ok, how
 * to fix it. Checks change nothing and attach nothing. A check that is not sure
 * does not warn: false alarms are bugs.
 *
 *	FINDING	{"what" "state": "ok"|"warn"|"fail" "found" "fix"}
 *
 * fail: Synkeeper does not work. warn: it works, with a disadvantage.
 */
#ifndef CHECK_H
#define CHECK_H

#include <net/if.h>
#include <stdint.h>

#include "cmd.h"
#include "kernel/device.h"
#include "kernel/sockdiag.h"
#include "synkeeper/listener.h"

enum check_state { CHECK_OK, CHECK_WARN, CHECK_FAIL };

/* linux/netdev.h, which Debian 12 lacks */
enum {
	CHECK_XDP_BASIC = 1 << 0,   /* native mode: drop, pass, tx, aborted */
	CHECK_XDP_RX_SG = 1 << 5,   /* multi-buffer packets */
	CHECK_XDP_RX_VLAN = 1 << 2, /* metadata: the stripped VLAN tag */
};

struct check_xdp {
	uint64_t features;
	uint64_t rx_metadata;
};

/* Input of the checks, and @findings, to which they add. */
struct check {
	const struct cmd *cmd;
	json_t *findings;
	const char *name; /* of the interface */
	int link_err;	  /* 0, or -errno: @link is invalid */
	struct device link;
	int xdp_err;
	struct check_xdp xdp;
	bool native; /* an XDP program is attached in native mode */
	struct diag_socket *listeners; /* not on loopback, sorted by port */
	size_t n_listeners;
	struct listener_settings *settings; /* of each; NULL: not known */
	int settings_err;		    /* ... why, -errno */
	json_t *services;		    /* of the daemon; NULL: no daemon */
};

/* @mend, how to fix it, is ignored and may be NULL if @state is CHECK_OK. */
void check_add(struct check *c, const char *what, enum check_state state,
	       const char *fix, const char *found, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * "80, 443": the ports of the listeners that @is() selects by their index; ""
 * if none. Returns @buf.
 */
enum { CHECK_PORTS_LEN = 128 };
const char *check_ports(const struct check *c,
			bool (*is)(const struct check *c, size_t i),
			char buf[CHECK_PORTS_LEN]);

/* Does the daemon protect @port (host byte order)? */
bool check_is_service(const struct check *c, unsigned int port);

/* check_host.c: the machine */
void check_privileges(struct check *c);
void check_kernel(struct check *c);
void check_bpf(struct check *c);
void check_bpffs(struct check *c);

/* check_iface.c: the interface */
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

/* check_listeners.c: what listeners were told and answers cannot keep */
void check_listeners(struct check *c);
/* Fills @c->settings, which the caller frees. */
void check_find_settings(struct check *c);

/* check_firewall.c: rules that drop what XDP admits */
void check_firewall(struct check *c);

/* The number in /proc/sys/net/PATH, @fallback if there is none. */
int check_sysctl(const char *path, int fallback);

/* Fills @c->listeners, which the caller frees. */
void check_find_listeners(struct check *c);

/* ---- check_netlink.c ---- */

/* 0 or -errno; -ENOENT: not reported, the kernel is older than 6.3. */
int check_xdp_get(int ifindex, struct check_xdp *ret);

#endif
