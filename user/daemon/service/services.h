/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the services and their state in the maps. A service is
 * an address:port to protect; an endpoint is what the XDP program finds for a
 * packet. services_apply() computes all endpoints from services and listeners,
 * and writes the difference from the previous ones. It is called whenever
 * either may have changed.
 *
 * A service is armed where there is a listener; elsewhere SYNs pass and the
 * kernel refuses them as usual. It answers with its own cookies, or with the
 * kernel's where the kernel does not let the programs hand connections to the
 * listener; net.ipv4.tcp_syncookies is raised first to what these need
 * (syncookies.h). A wildcard service is armed per family by a listener on the
 * wildcard address, and per address by listeners bound to one.
 *
 * A deleted or switched-off service keeps honouring cookies in flight: off is a
 * disarmed endpoint, and a deleted one drains for two epochs first.
 */
#ifndef SERVICES_H
#define SERVICES_H

#include "arming.h"
#include "host/nat.h"
#include "host/netconf.h"
#include "maps/loader.h"
#include "owner/owner.h"
#include "text/filter.h"

/* Why a service is not armed. */
enum service_why {
	WHY_ARMED,
	WHY_CALM,
	WHY_YIELDING,
	WHY_MONITOR,
	WHY_OFF,
	WHY_NO_LISTENER,
	WHY_OLD_KERNEL,
	WHY_MPTCP,
	WHY_REFUSED,
	WHY_ELSEWHERE,
	WHY_TPROXY,
	WHY_NO_COOKIES,
	WHY_SIGNED,
	WHY_DRAINING,
};

/* Why it has its kind of cookies. */
enum service_cookies_why {
	COOKIES_AS_EVER, /* own: the default */
	COOKIES_AS_TOLD,
	COOKIES_OLD_KERNEL,
	COOKIES_MPTCP,
	COOKIES_REFUSED,
	COOKIES_SOCKET_LOST,
	COOKIES_NAT,
	COOKIES_TOLD_OWN_NAT, /* own as configured, although NAT is in use */
};

/* Why its connections are spliced. */
enum service_owner_why {
	OWNER_SOCKET, /* they are not */
	OWNER_AS_TOLD,
	OWNER_FORWARDED,
	OWNER_PUBLISHED,
};

/* What rules on the way out make of a SYN-ACK, [1] being IPv4's. */
struct service_rewrites {
	struct nf_rewrite by_v4[2];
};

struct service {
	__u16 id; /* 0: the slot is free */
	struct listen listen;
	char name[NAME_MAX_LEN];
	enum config_policy policy;
	enum config_cookies cookies;
	enum config_owner owner;
	bool by_hand; /* added at runtime, not configured */
	enum service_why why;
	/* of its endpoints: 1 << enum cookie_backend; and why the kernel's */
	__u8 backends;
	enum service_cookies_why cookies_why;
	__u8 owners; /* of its endpoints: 1: sockets, 2: splices */
	enum service_owner_why owner_why;
	struct listener_settings learned; /* from its listeners */
	bool has_listener;
	/* in SYN-ACKs, by family: [1] IPv4 */
	struct {
		__u8 scale;
		__u16 mss; /* the cap, or 0 */
	} said[2];
	__u64 drain_until_ns; /* deleted; 0: in service */
	bool yields;	      /* rules judge its SYNs: policy on acts as auto */
	struct arming arming; /* of policy auto, or if it yields */
	struct service_rewrites rewrites;
};

struct services; /* opaque */

/* The outcome of services_apply(). */
struct endpoints_changes {
	bool armed; /* some endpoint became armed just now */
	bool own;   /* some changed from the kernel's cookies to own ones */
};

/*
 * @totals: session totals by service. @nat: consulted for endpoints, and polled
 * by services_look(). Both must outlive the services. Returns 0 or -ENOMEM.
 */
int services_init(const struct loader *l, struct totals *totals,
		  struct nat *nat, struct services **ret);
void services_free(struct services *s);

/*
 * Adds a service, or revives a draining one. If the address had an id before
 * and sessions with it are left, it gets the same id, so that they are found
 * again. Returns 0, -EEXIST or -ENOSPC.
 */
int services_add(struct services *s, const struct config_service *c,
		 const struct service **ret);
/* Likewise, but changes an existing service to what @c says. */
int services_set(struct services *s, const struct config_service *c,
		 const struct service **ret);
/* -ENOENT if there is none. The service drains for @drain_ns. */
int services_del(struct services *s, const struct listen *l, __u64 drain_ns,
		 const struct service **ret);
int services_policy(struct services *s, const struct listen *l,
		    enum config_policy policy, const struct service **ret);
/*
 * Whether the firewall judges the service's SYNs, which it could not do if they
 * were answered before it.
 */
void services_yield(struct services *s, __u16 id, bool yields);
/* What the firewall writes into its SYN-ACKs. */
void services_rewrite(struct services *s, __u16 id,
		      const struct service_rewrites *rewrites);
/* Is it armed only in a flood? */
bool service_is_auto(const struct service *svc);
/* The most that a client of a spliced service may send at first, bytes. */
void services_hold(struct services *s, __u32 bytes);
/* What arming.h decided for such a service. */
void services_arm(struct services *s, __u16 id, const struct arming *a);
/*
 * Drains services that an earlier instance protected and that have not been
 * added since.
 */
void services_drain_rest(struct services *s, __u64 drain_ns);

/* The one interface that brings packets to the programs; 0: several. */
void services_reached_by(struct services *s, int ifindex);

/* Polls what is known of NAT; call before services_apply(). */
void services_look(struct services *s);
/*
 * Rereads the listeners, computes the endpoints and writes what changed,
 * including tcp_syncookies. Returns 0 or -errno, logged.
 */
int services_apply(struct services *s, struct owner *owner,
		   const struct netconf *net, struct settings *settings,
		   struct endpoints_changes *ret);

/* The id of the service of an address:port (exact before wildcard), or 0. */
__u16 services_match(const struct services *s, const __be32 addr[4],
		     __be16 port);
/* Which cookies an address:port of a service answers with. */
enum cookie_backend services_cookies_at(const struct services *s,
					const __be32 addr[4], __be16 port);
/* The enum endpoint_flags there; 0: it is no service. */
__u8 services_flags_at(const struct services *s, const __be32 addr[4],
		       __be16 port);
/* The next service after @after (NULL: the first), or NULL. */
const struct service *services_next(const struct services *s,
				    const struct service *after);
/* The one at @l, even if draining, or NULL. */
const struct service *services_find(const struct services *s,
				    const struct listen *l);
/* One more than the highest id in use. */
__u16 services_end(const struct services *s);
/* Is it not armed although its policy asks for it? service_why() says why. */
bool service_is_unprotected(const struct service *svc);
const char *service_why(const struct service *svc);
const char *service_cookies(const struct service *svc);
const char *service_cookies_why(const struct service *svc);
const char *service_owner(const struct service *svc);
const char *service_owner_why(const struct service *svc);
/*
 * What was learned from its listeners, as in "mss 1200, ttl 255", or "": what
 * answers follow, and what they cannot. Return @buf.
 */
enum { SERVICE_LEARNED_LEN = 160 };
const char *service_learned(const struct service *svc,
			    char buf[SERVICE_LEARNED_LEN]);
const char *service_not_honoured(const struct service *svc,
				 char buf[SERVICE_LEARNED_LEN]);
/* Logs why it has its kind of cookies, if the host or clients changed it. */
void service_log_cookies(const struct service *svc,
			 enum service_cookies_why before);
/* What @id denotes, or denoted recently; NULL: never used. */
const struct service_info *services_info(const struct services *s, __u16 id);

#endif
