/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: net.ipv4.conf.lo.forwarding and its IPv6 twin. While one
 * is 0, bpf_fib_lookup() does not tell from lo (net/core/filter.c), where the
 * path of what a host sends begins. Alone it forwards nothing: IPv4 asks it of
 * the device that a packet came in on, and what the host sends to lo has a
 * route already (skb_valid_dst()); IPv6 asks conf.all.
 *
 * But a 1 written to any IPv6 device's deletes the default routes learned from
 * router advertisements (addrconf_fixup_forwarding(), rt6_purge_dflt_routers())
 * and makes the host answer for the anycast address of lo's prefixes: the
 * caller has to know that there are none. Writing 0 has no such effects.
 *
 * What was raised is noted in the settings, as with syncookies.h.
 */
#ifndef FORWARDING_H
#define FORWARDING_H

#include <stdbool.h>

#include "synkeeper/abi.h"

/* For people, with the value behind it. */
#define FORWARDING4_NAME "net.ipv4.conf.lo.forwarding"
#define FORWARDING6_NAME "net.ipv6.conf.lo.forwarding"

/* 0, 1, or -errno (-ENOENT: no such family). */
int forwarding_read(bool v6);
/* Does this host forward packets of either family? */
bool forwarding_of_host(void);

/* May this process write it? */
bool forwarding_can_be_set(bool v6);

/* Sets it to 1. Returns 1 if it was changed, 0, or -errno (-EROFS). */
int forwarding_raise(struct settings *s, bool v6);

/*
 * Puts back what raise() found, in this network namespace. Returns which:
 * FORWARDING_RAISED4, 6, or both; 0: nothing was to be done.
 */
unsigned int forwarding_restore(struct settings *s);

#endif
