/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: network devices as the kernel lists them, and whether
 * Synkeeper can work on one. It needs that
 *
 *   - frames begin with an Ethernet header
 *   - packets that arrive there pass XDP, and replies find the way back
 *   - a socket assigned to a packet at tc stays with it
 *   - the next packet of the connection arrives there as well
 *
 * Otherwise connections would break, or nothing would be protected. The daemon
 * at start-up and `synkeeper check` refuse such a device and say what to do. If
 * the problem comes up later (a module is loaded, a device is stacked on top),
 * the daemon lets packets pass and says so.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEVICE_TEXT_MAX = 192 };

struct mnl_socket;

struct device {
	char name[IF_NAMESIZE];
	char kind[16]; /* "veth", "bond"; "" for hardware */
	int ifindex;
	int lower;	      /* the device below, a veth's peer; 0: none */
	bool lower_elsewhere; /* in another network namespace */
	int master;	      /* the bridge or bond it is a port of; 0: none */
	unsigned int flags;   /* IFF_UP, … */
	unsigned int mtu;
	unsigned short type; /* ARPHRD_ETHER, … */
	uint8_t mac[6];
	bool nf4, nf6; /* of a bridge: netfilter sees its packets */
	uint32_t xdp_native, xdp_skb; /* program ids; 0: none */
};

/* Finds a device by @name, or if NULL by @ifindex. 0 or -errno (-ENODEV). */
int device_get(const char *name, int ifindex, struct device *ret);

/*
 * Lists this network namespace; the caller frees *@ret. 0 or -errno. @nl: a
 * NETLINK_ROUTE socket to use, or NULL.
 */
int device_list(struct mnl_socket *nl, struct device **ret, size_t *ret_n);

/* Why a device cannot be used, and what to do. */
struct device_trouble {
	char what[DEVICE_TEXT_MAX];
	char fix[DEVICE_TEXT_MAX];
};

/*
 * Can Synkeeper work on @d? @all: the devices of this namespace. If not,
 * returns false and fills *@ret.
 */
bool device_works(const struct device *d, const struct device *all, size_t n,
		  struct device_trouble *ret);

/* The destination MAC address of frames to this host that arrive at @d. */
const uint8_t *device_mac(const struct device *d, const struct device *all,
			  size_t n);

#endif
