/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what `synkeeper check` asks, in the order in which it
 * answers. A finding says what was looked at, what was found, and, unless
 * that is well, how to mend it. Looking changes nothing and attaches nothing.
 *
 *	FINDING	{"what" "state": "ok"|"warn"|"fail" "found" "mend"}
 *
 * fail: Synkeeper does not work so. warn: it works, but less well.
 */
#ifndef CHECK_H
#define CHECK_H

#include <jansson.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

enum check_state { CHECK_OK, CHECK_WARN, CHECK_FAIL };

/* @mend is not shown when the state is CHECK_OK; it may then be NULL. */
void check_add(json_t *findings, const char *what, enum check_state state,
	       const char *mend, const char *found, ...)
	__attribute__((format(printf, 5, 6)));

/* The machine: privileges, kernel, bpf file system, sysctls. */
void check_host(json_t *findings, const char *pin_dir);

/* The interface: link, driver, XDP, VLANs. */
void check_iface(json_t *findings, const char *name);

/* Is there a kernel function of that name for BPF programs? Needs BTF. */
bool check_kfunc(const char *name);

/* ---- what the kernel says over netlink ---- */

struct check_link {
	char kind[16]; /* "veth", "bond"; "" for hardware */
	int ifindex;
	int peer;	     /* of a veth; 0: none */
	bool peer_elsewhere; /* in another network namespace */
	unsigned int flags;  /* IFF_UP, … */
	unsigned int mtu;
	unsigned short type; /* ARPHRD_ETHER, … */
};

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

/* 0 or -errno; -ENODEV: no such interface. */
int check_link_get(const char *name, struct check_link *ret);
/* -ENOENT: a kernel before 6.3, which does not tell. */
int check_xdp_get(int ifindex, struct check_xdp *ret);

#endif
