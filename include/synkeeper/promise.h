/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what a SYN-ACK says that its cookie does not carry,
 * because the host knows it: the server's window scale, the most that a segment
 * may have, and which options the host agrees to at all. Nodes that share keys
 * make it part of every cookie's hash, so that one that would read a cookie
 * otherwise rejects it: a window scaled by another factor would stall or flood
 * a connection, and a peer without timestamps would drop all that comes.
 *
 *     23                               8 7      4 3        0
 *    +----------------------------------+--------+----------+
 *    |     MSS cap, 0: none (16 bits)   |e s w t | scale + 1|
 *    +----------------------------------+--------+----------+
 *
 * It belongs to a service, so services that only some nodes have, or have
 * otherwise, concern no others. It is never 0, which is the promise of keys
 * that are not shared.
 */
#ifndef SYNKEEPER_PROMISE_H
#define SYNKEEPER_PROMISE_H

#include "abi.h"

enum promise {
	PROMISE_SCALE = 0xf, /* plus one */
	PROMISE_TS = 1 << 4,
	PROMISE_WSCALE = 1 << 5,
	PROMISE_SACK = 1 << 6,
	PROMISE_ECN = 1 << 7,
	PROMISE_MSS_SHIFT = 8,
};

/*
 * @flags: of the settings. @scale: the server's, 0 to 14. @mss: the endpoint's
 * cap, or 0.
 */
static __always_inline __u32 promise_of(__u32 flags, __u32 scale, __u32 mss)
{
	return (scale + 1) | (flags & SETTING_TS ? PROMISE_TS : 0) |
	       (flags & SETTING_WSCALE ? PROMISE_WSCALE : 0) |
	       (flags & SETTING_SACK ? PROMISE_SACK : 0) |
	       (flags & SETTING_ECN ? PROMISE_ECN : 0) |
	       mss << PROMISE_MSS_SHIFT;
}

#endif
