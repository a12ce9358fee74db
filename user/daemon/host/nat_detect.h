/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what packets reveal about sockets from XDP that do not
 * last, as a last resort: the host itself (netfilter.h, listeners.h) explains
 * nearly all of them beforehand. This leaves NAT by rules that cannot be read,
 * and listeners for which the kernel refuses sockets without saying why.
 *
 * Packets are untrusted, so a single one changes nothing. The programs report a
 * client only if its socket was really assigned, after its cookie and checksum
 * were verified. Witnesses are such clients from three prefixes (/24 of IPv4,
 * /48 of IPv6). They are believed if nobody gets through to the service and no
 * accept queue overflows for QUIET_NS after that; any client that gets through
 * and any overflow dismisses them. At most EVENTS_A_MINUTE are considered. What
 * was learned expires and is tested again: after 10 minutes, and twice as long
 * each time that it is confirmed, up to 80.
 *
 * What an attacker with addresses in three networks can still do is to move a
 * service without other clients for three seconds to the kernel's cookies,
 * which protect as well and keep fewer TCP options. It never results in "SYNs
 * pass" for a service that a client ever reached.
 *
 * One instance per service and family. Pure.
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
	NAT_REFUSED,	 /* the kernel refuses to create the socket */
	NAT_SOCKET_LOST, /* it creates it and loses it */
	NAT_REDIRECTED,	 /* it rejects its own cookies */
};

struct nat_detect {
	enum nat_found found;
	__u64 until_ns; /* it expires */
	__u64 held_ns;	/* how long it was believed last time */
	/* what the witnesses say */
	enum nat_found claim;
	unsigned int n;
	__u64 since_ns; /* when the first one came */
	__u64 prefixes[NAT_WITNESSES];
	__u64 through, other_causes; /* counts at that time */
	__u64 minute_ns;	     /* start of the current minute */
	unsigned int events;
};

/* Counts up to now. */
struct nat_counts {
	__u64 clock_ns;
	__u64 through;	    /* clients of the service who got through, ever */
	__u64 other_causes; /* overflows of accept queues */
};

/* The prefix of a witness, v4-mapped address @client. */
__u64 nat_prefix(const __be32 client[4]);

/*
 * Is an event of @when_ns worth counting? Not if it is read late: its cause may
 * have been counted long before. If so, takes it from the minute's budget.
 */
bool nat_detect_listens(struct nat_detect *d, enum nat_found claim,
			__u64 prefix, __u64 when_ns, __u64 clock_ns);
/* Adds a witness. */
void nat_detect_witness(struct nat_detect *d, enum nat_found claim,
			__u64 prefix, const struct nat_counts *c);

/* Does nat_detect_settle() have to be called periodically? */
static inline bool nat_detect_is_busy(const struct nat_detect *d)
{
	return d->n || d->found;
}

/* Confirms, dismisses, expires. Returns whether @d->found changed. */
bool nat_detect_settle(struct nat_detect *d, const struct nat_counts *c);

/* An earlier instance had found that sockets are lost. */
void nat_detect_inherit(struct nat_detect *d, __u64 clock_ns);

#endif
