/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: texts about one service, see services.h. */
#include <stdio.h>

#include "log.h"
#include "services.h"
#include "text/words.h"

bool service_is_unprotected(const struct service *svc)
{
	return svc->why == WHY_NO_LISTENER || svc->why == WHY_OLD_KERNEL ||
	       svc->why == WHY_MPTCP || svc->why == WHY_REFUSED ||
	       svc->why == WHY_NO_COOKIES || svc->why == WHY_ELSEWHERE ||
	       svc->why == WHY_SIGNED || svc->why == WHY_TPROXY;
}

const char *service_cookies(const struct service *svc)
{
	switch (svc->backends) {
	case 1 << COOKIES_OWN | 1 << COOKIES_KERNEL:
		return "own, kernel";
	case 1 << COOKIES_KERNEL:
		return "kernel";
	default:
		return svc->cookies_why == COOKIES_OLD_KERNEL ? "kernel"
							      : "own";
	}
}

const char *service_owner(const struct service *svc)
{
	static const char *const text[] = { "socket", "socket", "splice",
					    "socket, splice" };

	return text[svc->owners & 3];
}

const char *service_owner_why(const struct service *svc)
{
	static const char *const text[] = {
		[OWNER_SOCKET] = "",
		[OWNER_AS_TOLD] = "as configured",
		[OWNER_FORWARDED] = "this host forwards to it",
		[OWNER_PUBLISHED] = "NAT leads to another host",
	};

	return text[svc->owner_why];
}

const char *service_cookies_why(const struct service *svc)
{
	static const char *const text[] = {
		[COOKIES_AS_EVER] = "",
		[COOKIES_AS_TOLD] = "as configured",
		[COOKIES_OLD_KERNEL] =
			"kernel lacks bpf_sk_assign_tcp_reqsk() (Linux 6.9)",
		[COOKIES_MPTCP] = "the listener is MPTCP",
		[COOKIES_REFUSED] =
			"the kernel refused a socket for the listener",
		[COOKIES_SOCKET_LOST] =
			"learned from clients: the kernel loses the sockets "
			"that Synkeeper assigns",
		[COOKIES_NAT] = "NAT is in use on this host and loses the "
				"sockets that Synkeeper assigns",
		[COOKIES_TOLD_OWN_NAT] = "as configured, although NAT is in "
					 "use on this host",
	};

	return text[svc->cookies_why];
}

void service_log_cookies(const struct service *svc,
			 enum service_cookies_why before)
{
	char text[LISTEN_STRLEN];

	if (svc->cookies_why == before)
		return;
	listen_format(&svc->listen, text);
	if (svc->cookies_why > COOKIES_OLD_KERNEL)
		log_info("%s: cookies: %s: %s", text, service_cookies(svc),
			 service_cookies_why(svc));
	else if (before > COOKIES_OLD_KERNEL)
		log_info("%s: cookies: %s again", text, service_cookies(svc));
}

/* "ttl 255", if set. */
static void add_number(char *buf, const char *format, unsigned int value)
{
	char word[32];

	snprintf(word, sizeof(word), format, value);
	if (value)
		words_append(buf, SERVICE_LEARNED_LEN, word);
}

/* With kernel cookies, the kernel has no Fast Open: bpf/path/answer.bpf.h. */
static bool has_kernel_cookies(const struct service *svc)
{
	return svc->backends & 1 << COOKIES_KERNEL ||
	       svc->cookies_why == COOKIES_OLD_KERNEL;
}

const char *service_learned(const struct service *svc,
			    char buf[SERVICE_LEARNED_LEN])
{
	const struct listener_settings *s = &svc->learned;

	*buf = '\0';
	if (!svc->has_listener)
		return buf;
	add_number(buf, "mss %u", s->mss);
	add_number(buf, "ttl %u", s->ttl);
	add_number(buf, "hop limit %u", s->hop_limit);
	add_number(buf, "tos 0x%02x", s->tos);
	add_number(buf, "tclass 0x%02x", s->tclass);
	if (s->defer)
		words_append(buf, SERVICE_LEARNED_LEN, "deferred accept");
	if (s->fast_open && !has_kernel_cookies(svc))
		words_append(buf, SERVICE_LEARNED_LEN, "TCP Fast Open");
	return buf;
}

const char *service_not_honoured(const struct service *svc,
				 char buf[SERVICE_LEARNED_LEN])
{
	const struct listener_settings *s = &svc->learned;

	*buf = '\0';
	if (!svc->has_listener)
		return buf;
	if (s->fast_open && has_kernel_cookies(svc))
		words_append(buf, SERVICE_LEARNED_LEN, "TCP Fast Open");
	if (s->save_syn)
		words_append(buf, SERVICE_LEARNED_LEN, "TCP_SAVE_SYN");
	if (s->filter)
		words_append(buf, SERVICE_LEARNED_LEN, "socket filter");
	if (s->min_ttl)
		words_append(buf, SERVICE_LEARNED_LEN, "IP_MINTTL");
	if (s->min_hop_limit)
		words_append(buf, SERVICE_LEARNED_LEN, "IPV6_MINHOPCOUNT");
	return buf;
}

const char *service_why(const struct service *svc)
{
	static const char *const text[] = {
		[WHY_ARMED] = "",
		[WHY_CALM] = "policy auto: no flood, SYNs pass",
		[WHY_YIELDING] = "a firewall rule judges its SYNs: they pass "
				 "until there is a flood",
		[WHY_MONITOR] = "policy monitor: nothing is answered or "
				"dropped, only counted",
		[WHY_OFF] = "policy off",
		[WHY_NO_LISTENER] = "no listener",
		[WHY_OLD_KERNEL] =
			"cookies = own, but the kernel lacks "
			"bpf_sk_assign_tcp_reqsk() (Linux 6.9): SYNs pass",
		[WHY_MPTCP] =
			"cookies = own, but the kernel accepts no assigned "
			"sockets for an MPTCP listener: SYNs pass",
		[WHY_NO_COOKIES] = "net.ipv4.tcp_syncookies is too low and "
				   "cannot be set from here: set it to 2: SYNs "
				   "pass",
		[WHY_REFUSED] = "cookies = own, but the kernel refused a "
				"socket for its listener: SYNs pass",
		[WHY_ELSEWHERE] = "its connections end elsewhere, for example "
				  "redirected by NAT: SYNs pass",
		[WHY_TPROXY] = "a firewall rule leads its connections to a "
			       "transparent proxy (TPROXY): SYNs pass",
		[WHY_SIGNED] = "its connections are signed (TCP MD5 or AO), "
			       "which cookies do not support: SYNs pass",
		[WHY_DRAINING] = "deleted; cookies in flight are honoured",
	};

	return text[svc->why];
}
