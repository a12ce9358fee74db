/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the services and what they come to in the maps. A
 * service is an address:port that somebody wants protected; an endpoint is
 * what the XDP program finds for a packet. services_apply() computes all
 * endpoints from services and listeners, and writes what differs from the
 * time before. It is called whenever either may have changed.
 *
 * A service is armed where somebody listens; elsewhere SYNs pass, and the
 * kernel refuses them as it always did. It answers with cookies of its own, or
 * with the kernel's where that lets us hand no connection to the listener: by
 * then net.ipv4.tcp_syncookies is what they need (syncookies.h). A wildcard
 * service is armed per family by a listener on the wildcard address, and per
 * address by listeners on one.
 *
 * A deleted or switched-off service keeps honouring cookies in flight: off is
 * a disarmed endpoint, and a deleted one drains for two epochs first.
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
	WHY_MONITOR,
	WHY_OFF,
	WHY_NO_LISTENER,
	WHY_OLD_KERNEL,
	WHY_MPTCP,
	WHY_REFUSED,
	WHY_ELSEWHERE,
	WHY_NO_COOKIES,
	WHY_SIGNED,
	WHY_DRAINING,
};

/* Why it has the cookies that it has. */
enum service_cookies_why {
	COOKIES_AS_EVER, /* own, as nothing speaks against them */
	COOKIES_AS_TOLD,
	COOKIES_OLD_KERNEL,
	COOKIES_MPTCP,
	COOKIES_REFUSED,
	COOKIES_SOCKET_LOST,
	COOKIES_NAT,
	COOKIES_TOLD_OWN_NAT, /* own as told, although NAT is in use */
};

struct service {
	__u16 id; /* 0: the slot is free */
	struct listen listen;
	char name[NAME_MAX_LEN];
	enum config_policy policy;
	enum config_cookies cookies;
	bool by_hand; /* added by the operator, in no configuration */
	enum service_why why;
	/* of its endpoints: 1 << enum cookie_backend; why, of the kernel's */
	__u8 backends;
	enum service_cookies_why cookies_why;
	__u64 drain_until_ns; /* deleted; 0: in service */
	struct arming arming; /* of policy auto */
};

struct services; /* opaque */

/* What a round of services_apply() came to. */
struct endpoints_changes {
	bool armed; /* some endpoint became armed just now */
	bool own;   /* some turned from the kernel's cookies to our own */
};

/*
 * @totals: of the sessions, which go by service. @nat: what endpoints must know
 * of it; services_apply() looks at it, too. Both outlive the services. Returns
 * 0 or -ENOMEM.
 */
int services_init(const struct loader *l, const struct totals *totals,
		  struct nat *nat, struct services **ret);
void services_free(struct services *s);

/*
 * Adds a service, or takes a draining one back. Its id is the one that the
 * address had before, if it had one and sessions of it are left, so that they
 * are found again. Returns 0, -EEXIST or -ENOSPC.
 */
int services_add(struct services *s, const struct config_service *c,
		 const struct service **ret);
/* The same, but one that is in service becomes as @c says. */
int services_set(struct services *s, const struct config_service *c,
		 const struct service **ret);
/* -ENOENT if there is none. The service drains for @drain_ns. */
int services_del(struct services *s, const struct listen *l, __u64 drain_ns,
		 const struct service **ret);
int services_policy(struct services *s, const struct listen *l,
		    enum config_policy policy, const struct service **ret);
/* What arming.h decided for a service of policy auto. */
void services_arm(struct services *s, __u16 id, const struct arming *a);
/* What an earlier instance protected and nobody added by now: drains. */
void services_drain_rest(struct services *s, __u64 drain_ns);

/*
 * Reads the listeners anew, computes the endpoints and writes what changed,
 * tcp_syncookies among it. Returns 0 or -errno, logged.
 */
int services_apply(struct services *s, struct owner *owner,
		   const struct netconf *net, struct settings *settings,
		   struct endpoints_changes *ret);

/* The id of the service of an address:port (exact before wildcard), or 0. */
__u16 services_match(const struct services *s, const __be32 addr[4],
		     __be16 port);
/* Whose cookies an address:port of a service answers with. */
enum cookie_backend services_cookies_at(const struct services *s,
					const __be32 addr[4], __be16 port);
/* The next service after @after (NULL: the first), or NULL. */
const struct service *services_next(const struct services *s,
				    const struct service *after);
/* The one at @l, be it draining, or NULL. */
const struct service *services_find(const struct services *s,
				    const struct listen *l);
/* One more than the highest id in use. */
__u16 services_end(const struct services *s);
/* It is not armed, although its policy asks for it; service_why() says why. */
bool service_is_unprotected(const struct service *svc);
const char *service_why(const struct service *svc);
const char *service_cookies(const struct service *svc);
const char *service_cookies_why(const struct service *svc);
/*
 * Logs why it has the cookies that it has, if the host or clients changed it.
 */
void service_log_cookies(const struct service *svc,
			 enum service_cookies_why before);
/* What @id stands for, or stood for lately; NULL: nothing ever. */
const struct service_info *services_info(const struct services *s, __u16 id);

#endif
