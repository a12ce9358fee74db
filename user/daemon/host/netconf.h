/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the host's network configuration, as far as answers
 * depend on it; read here and never written: sysctls of the daemon's network
 * namespace, and what routes say of the window.
 */
#ifndef NETCONF_H
#define NETCONF_H

#include <stdbool.h>

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
	__u8 cookies;	/* net.ipv4.tcp_syncookies */
	__u8 unused;	/* instead of padding: compared as a whole */
	__u32 rcvbuf;	/* bytes, net.ipv4.tcp_rmem's default */
	__u32 rmem_max; /* the larger of its maximum and net.core.rmem_max */
};

/*
 * Reads the sysctls; a missing one gets the kernel's default. 0, or -errno if
 * one cannot be read right now: then @ret is unchanged.
 */
int netconf_read(struct netconf *ret);

/* net.ipv6.conf.DEVICE.hop_limit, which router advertisements set; or 0. */
__u8 netconf_hop_limit6(const char *device);

/*
 * The @nth number, from 0, of net.@name ("ipv4/tcp_rmem"), or @fallback where
 * there is none. *@err is set if it cannot be read right now (no descriptor, no
 * memory), and left alone otherwise.
 */
long netconf_sysctl(int *err, const char *name, int nth, long fallback);

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

struct netconf_window {
	__u32 bytes; /* before it is cut to whole segments */
	__u8 scale;
};

/*
 * The window of a listener's SYN-ACKs, as tcp_openreq_init_rwin() and
 * tcp_select_initial_window() (net/ipv4/tcp_output.c) choose it. @rcvbuf: of
 * the listener, bytes; @locked: it was told so (SO_RCVBUF); @clamp:
 * TCP_WINDOW_CLAMP, 0: none. What routes say of it is in metrics.h.
 */
struct netconf_window netconf_window(const struct netconf *n, __u32 rcvbuf,
				     bool locked, __u32 clamp);

#endif
