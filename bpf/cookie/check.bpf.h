/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the mirror image of answer.bpf.h. What a SYN-ACK put
 * into ISN and timestamp comes back in the client's ACK, and is checked here: a
 * cookie of our own with the key that keys.bpf.h names, the bits by
 * synkeeper/cookie.h. Cookies that the kernel made are checked by its listener,
 * see kernel_cookie.bpf.h; here stands only whether there may be such.
 */
#ifndef SYNKEEPER_CHECK_BPF_H
#define SYNKEEPER_CHECK_BPF_H

#include "flow.bpf.h"
#include "keys.bpf.h"

/*
 * Does ACK @p with options @o bear a cookie made with a key of this @age? Then
 * *@ret is what was agreed on; else it is left alone.
 */
static __always_inline bool check_cookie(const struct packet *p,
					 const struct tcp_opts *o,
					 enum keys_age age,
					 struct handshake *ret)
{
	struct cookie c = { .isn = p->ack - 1, .tsval = o->tsecr };
	const struct siphash_key *key = keys_check(c.isn, age);

	return key && cookie_check(key, &p->tuple, p->seq - 1, &c, o->ts, ret);
}

/* May an ACK to @f's service bear a cookie that its listener made? */
static __always_inline bool check_maybe_kernel(const struct settings *cfg,
					       const struct flow *f)
{
	return f->ep.cookies == COOKIES_KERNEL ||
	       (__s32)(cfg->kernel_cookies_until - now_ticks()) > 0;
}

#endif
