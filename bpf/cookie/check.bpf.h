/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the counterpart of answer.bpf.h. The client's ACK
 * returns what the SYN-ACK carried in ISN and timestamp. Our own cookies are
 * checked here, with the key from keys.bpf.h and the format of
 * synkeeper/cookie.h. The kernel's cookies are checked by its listener
 * (kernel_cookie.bpf.h); here is only whether there may be any.
 */
#ifndef SYNKEEPER_CHECK_BPF_H
#define SYNKEEPER_CHECK_BPF_H

#include "flow.bpf.h"
#include "keys.bpf.h"
#include "wire/route.bpf.h"

/* What the SYN-ACK before ACK @f said besides its cookie. */
static __always_inline __u32 check_promise(const struct settings *cfg,
					   const struct flow *f)
{
	return cfg->flags & SETTING_CLUSTER
		       ? keys_promise(cfg, &f->ep, route_scale(cfg, f))
		       : 0;
}

/*
 * Does ACK @p with options @o carry a valid cookie made with a key of this
 * @age? If so *@ret is what was negotiated and @o->tsecr the timestamp from
 * which the server continues, otherwise both are untouched. @promise:
 * check_promise().
 */
static __always_inline bool check_cookie(const struct settings *cfg,
					 const struct packet *p, __u32 promise,
					 struct tcp_opts *o, enum keys_age age,
					 struct handshake *ret)
{
	struct cookie c = { .isn = p->ack - 1, .tsval = o->tsecr };
	struct siphash_key key;

	if (!keys_check(cfg, c.isn, age, &key) ||
	    !cookie_check(&key, promise, &p->tuple, p->seq - 1, &c, o->ts, ret))
		return false;
	o->tsecr = c.tsval;
	return true;
}

/* Not inlined: only while one secret replaces another. */
static __noinline bool check_other(const struct settings *cfg,
				   const struct packet *p, __u32 promise,
				   struct tcp_opts *o, struct handshake *ret)
{
	return check_cookie(cfg, p, promise, o, KEYS_OTHER, ret);
}

/* check_cookie() with every key that is live. */
static __always_inline bool check_live(const struct settings *cfg,
				       const struct packet *p, __u32 promise,
				       struct tcp_opts *o,
				       struct handshake *ret)
{
	if (check_cookie(cfg, p, promise, o, KEYS_LIVE, ret))
		return true;
	return cfg->flags & SETTING_TWO_SECRETS &&
	       check_other(cfg, p, promise, o, ret);
}

/* May an ACK to @f's service carry a cookie that the listener made? */
static __always_inline bool check_maybe_kernel(const struct settings *cfg,
					       const struct flow *f)
{
	return f->ep.cookies == COOKIES_KERNEL ||
	       (__s32)(cfg->kernel_cookies_until - now_ticks()) > 0;
}

#endif
