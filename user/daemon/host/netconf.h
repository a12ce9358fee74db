/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the host's network configuration, as far as answers
 * depend on it; read here and never written: sysctls of the daemon's network
 * namespace, and what routes say of the window.
 */
#ifndef NETCONF_H
#define NETCONF_H

#include "synkeeper/abi.h"

struct netconf {
	/*
	 * SETTING_TS, _WSCALE, _SACK, _ECN, _REFLECT_TOS, _FORWARDING;
	 * _KERNEL_TS: but not where a route bounds the window, and the
	 * kernel's scale with it
	 */
	__u32 offer;
	__u8 ttl;
	__u8 hop_limit;
	__u8 wscale;  /* as the kernel would offer */
	__u8 cookies; /* net.ipv4.tcp_syncookies */
	__u32 rcvbuf; /* bytes, net.ipv4.tcp_rmem's default */
};

/*
 * Reads the sysctls; a missing one gets the kernel's default. 0, or -errno if
 * one cannot be read right now: then @ret is unchanged.
 */
int netconf_read(struct netconf *ret);

/* net.ipv6.conf.DEVICE.hop_limit, which router advertisements set; or 0. */
__u8 netconf_hop_limit6(const char *device);

/* The kernel's counters since boot (TcpExt of netstat). */
struct netconf_counts {
	__u64 cookies_sent;	/* by the kernel */
	__u64 accept_overflows; /* of listeners' accept queues */
	__u64 request_drops;	/* of SYN queues: SYNs dropped */
	/*
	 * Likewise, SYNs answered with a cookie instead. With tcp_syncookies=2
	 * this counts every SYN, and every cookie made for a BPF program.
	 */
	__u64 request_cookies;
};

/* If they cannot be read, those read last. */
void netconf_counts(struct netconf_counts *ret);

/* The window of a SYN-ACK for a listener with @rcvbuf bytes. */
__u16 netconf_window(__u32 rcvbuf);

#endif
