/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what packets teach about sockets from XDP that do not
 * last, as a last resort: the host itself (netfilter.h, listeners.h) explains
 * nearly all of them beforehand. Left are NAT by rules that cannot be seen, and
 * listeners that the kernel takes no sockets for without saying why.
 *
 * A packet is a stranger's word, so it moves nothing by itself. The programs
 * report a client only if its socket was really assigned, after its cookie and
 * checksum were verified. Witnesses are such clients from three prefixes (/24
 * of IPv4, /48 of IPv6). They are believed when then for QUIET_NS nobody got
 * through to the service and no accept queue overflowed; anybody who gets
 * through, and any overflow, dismisses them. At most EVENTS_A_MINUTE are
 * listened to. What was learned expires, and is tried again: after 10 minutes,
 * after twice as long each time that it is confirmed, up to 80.
 *
 * What a stranger with addresses in three networks can still do is to move a
 * service that has no other clients for three seconds to the kernel's cookies,
 * which protect as well and keep fewer TCP options. It never ends in "SYNs
 * pass" for a service that anybody ever reached.
 *
 * One of these per service and family. Pure.
 */
#ifndef NAT_DETECT_H
#define NAT_DETECT_H

#include <stdbool.h>

#include "synkeeper/types.h"

enum {
	NAT_WITNESSES = 3,
	NAT_EVENTS_A_MINUTE = 20,
};

enum nat_found {
	NAT_NOTHING,
	NAT_REFUSED,	 /* the kernel refuses to make the socket */
	NAT_SOCKET_LOST, /* it makes it, and loses it */
	NAT_REDIRECTED,	 /* it does not know whom its own cookies admitted */
};

struct nat_detect {
	enum nat_found found;
	__u64 until_ns; /* it expires */
	__u64 held_ns;	/* for so long it was believed last */
	/* what the witnesses say */
	enum nat_found claim;
	unsigned int n;
	__u64 since_ns; /* the first of them came */
	__u64 prefixes[NAT_WITNESSES];
	__u64 through, other_causes; /* as counted then */
	__u64 minute_ns;	     /* events of the minute from here on */
	unsigned int events;
};

/* What has been counted by now. */
struct nat_counts {
	__u64 now_ns;
	__u64 through;	    /* clients of the service who got through, ever */
	__u64 other_causes; /* overflows of accept queues */
};

/* The prefix of a witness, v4-mapped address @client. */
__u64 nat_prefix(const __be32 client[4]);

/*
 * Is there any use in counting for an event of @when_ns? Not if it is read
 * late: what had caused it may have been counted long ago. Spends the budget of
 * the minute if so.
 */
bool nat_detect_listens(struct nat_detect *d, enum nat_found claim,
			__u64 prefix, __u64 when_ns, __u64 now_ns);
/* One more witness. */
void nat_detect_witness(struct nat_detect *d, enum nat_found claim,
			__u64 prefix, const struct nat_counts *c);

/* Is nat_detect_settle() due now and then? */
static inline bool nat_detect_is_busy(const struct nat_detect *d)
{
	return d->n || d->found;
}

/* Believes, dismisses, lets expire. Returns whether @d->found changed. */
bool nat_detect_settle(struct nat_detect *d, const struct nat_counts *c);

/* An earlier instance had learned that sockets are lost. */
void nat_detect_inherit(struct nat_detect *d, __u64 now_ns);

#endif
