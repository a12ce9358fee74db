/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the maps ports and endpoints as one value. A round
 * starts empty, each service adds its endpoints, and the commit writes the
 * difference from the previous round: first new entries, then the ports that
 * refer to them, then removals, so a packet in between always finds the old or
 * the new state.
 */
#ifndef ENDPOINTS_H
#define ENDPOINTS_H

#include "owner/listeners.h"
#include "services.h"

struct endpoint_entry {
	struct endpoint_key key;
	struct endpoint ep;
};

struct endpoint_set {
	struct endpoint_entry *exact; /* sorted by key when committed */
	size_t n, room;
	struct port_services *ports; /* PORTS_MAX */
};

struct endpoints {
	int ports_fd;
	int exact_fd;
	bool can_assign; /* FEATURE_ASSIGN */
	bool inherited;	 /* the previous round is an earlier instance's */
	int local_fd;	 /* this host's addresses, if it forwards */
	bool can_splice; /* there is room for spliced connections */
	bool splices;	 /* any of this round is spliced */
	__u32 hold;	 /* window of spliced ones, bytes */
	struct nat *nat;
	/* of the current round */
	struct netconf net;
	bool may_raise; /* net.cookies can be raised */
	int need;	/* of armed endpoints, see syncookies.h; 0: none */
	const struct listeners *listeners;
	struct endpoint_set now;  /* in the maps */
	struct endpoint_set next; /* being built */
};

/*
 * Reads what the maps already hold. @nat is queried later. Returns 0 or
 * -ENOMEM.
 */
int endpoints_init(struct endpoints *e, const struct loader *l,
		   struct nat *nat);
void endpoints_free(struct endpoints *e);

/*
 * @may_raise: tcp_syncookies can be raised; if not, endpoints use its current
 * value.
 */
void endpoints_begin(struct endpoints *e, const struct netconf *net,
		     bool may_raise, const struct listeners *listeners);
/* Adds @svc's endpoints and sets @svc->why. Returns 0 or -errno, logged. */
int endpoints_of(struct endpoints *e, struct service *svc);
int endpoints_commit(struct endpoints *e, struct endpoints_changes *ret);

/* The id of the service that XDP finds for an address:port now; 0: none. */
__u16 endpoints_match(const struct endpoints *e, const __be32 addr[4],
		      __be16 port);

/* Which cookies that address:port answers with. */
enum cookie_backend endpoints_cookies(const struct endpoints *e,
				      const __be32 addr[4], __be16 port);

/* The enum endpoint_flags of that address:port; 0: it is no service. */
__u8 endpoints_flags(const struct endpoints *e, const __be32 addr[4],
		     __be16 port);

/* Is the service at @l armed in the maps, for any address or family? */
bool endpoints_armed(const struct endpoints *e, const struct listen *l);

#endif
