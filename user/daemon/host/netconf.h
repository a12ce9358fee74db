/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what answers must know of the host's own network
 * configuration, read here and never written: sysctls of the daemon's network
 * namespace, MAC and MTU of an interface, local addresses.
 */
#ifndef NETCONF_H
#define NETCONF_H

#include "synkeeper/abi.h"

struct netconf {
	/*
	 * SETTING_TS, _WSCALE, _SACK, _ECN, _FORWARDING; _KERNEL_TS: but not
	 * where a route bounds the window, and the kernel's scale with it
	 */
	__u32 offer;
	__u8 ttl;
	__u8 hop_limit;
	__u8 wscale;  /* what the kernel would offer */
	__u8 cookies; /* net.ipv4.tcp_syncookies */
	__u32 rcvbuf; /* bytes, net.ipv4.tcp_rmem's default */
};

/*
 * Reads the sysctls; what is missing gets the kernel's default. 0, or -errno if
 * one cannot be read just now: then what is in @ret stands.
 */
int netconf_read(struct netconf *ret);

/* What the kernel has counted since it started (TcpExt of netstat). */
struct netconf_counts {
	__u64 cookies_sent;	/* its own */
	__u64 accept_overflows; /* of listeners' queues of the established */
	__u64 request_drops;	/* of the half-open: SYNs dropped */
	/*
	 * The same: SYNs that get a cookie instead. With tcp_syncookies at 2
	 * each SYN is counted so, and each cookie made for a BPF program.
	 */
	__u64 request_cookies;
};

/* If they cannot be read, what was read last. */
void netconf_counts(struct netconf_counts *ret);

/* The window of a SYN-ACK for a listener with @rcvbuf bytes. */
__u16 netconf_window(__u32 rcvbuf);

/*
 * Fills the LPM map @fd with this host's local prefixes (table "local" of
 * both families) and removes what is local no longer. Returns 0 or -errno.
 */
int netconf_local_addrs(int fd);

#endif
