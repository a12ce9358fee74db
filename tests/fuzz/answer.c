// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <string.h>

#include "answer.h"
#include "native/native.h"
#include "synkeeper/cookie.h"
#include "synkeeper/session_table.h"

enum { T_FIN = 1, T_SYN = 2, T_RST = 4, T_ACK = 16, T_ECE = 64, T_CWR = 128 };

/* A frame taken apart. */
struct parts {
	size_t l3, l4, end; /* end: of the IP packet */
	bool v6;
	struct tuple tuple;
	__u32 seq, ack;
	uint8_t flags;
	size_t tcp_len;
};

struct options {
	bool mss, wscale, sack, ts, sign;
	__u32 mss_is, wscale_is, tsval, tsecr;
};

static unsigned int get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static __u32 get32(const uint8_t *at)
{
	return (__u32)get16(at) << 16 | get16(at + 2);
}

static unsigned int sum16(const uint8_t *at, size_t len, unsigned int sum)
{
	size_t i;

	for (i = 0; i < len; i++) {
		sum += i % 2 ? at[i] : (unsigned int)at[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static size_t skip_tags(const uint8_t *d, size_t len)
{
	size_t l3 = 14, tags = 0;

	while (tags++ < VLAN_TAGS_MAX && len >= l3 + 4 &&
	       (get16(d + l3 - 2) == 0x8100 || get16(d + l3 - 2) == 0x88a8))
		l3 += 4;
	return l3;
}

/* The offset after IPv6 extension headers; 0: it is not TCP. */
static size_t skip_extensions(const uint8_t *d, size_t len, size_t l3)
{
	size_t at = l3 + 40, next = d[l3 + 6], size, n;

	for (n = 0; n < IPV6_EXT_MAX && next != 6; n++) {
		if (at + 8 > len)
			return 0;
		/* a fragment header has no length (RFC 8200 section 4.5) */
		size = next == 44 ? 8 : (d[at + 1] + 1) * 8;
		next = d[at];
		at += size;
	}
	return next == 6 ? at : 0;
}

static bool take_apart(struct frame_view f, struct parts *p)
{
	const uint8_t *d = f.data;
	struct tuple *t = &p->tuple;

	memset(p, 0, sizeof(*p));
	if (f.len < 14)
		return false;
	p->l3 = skip_tags(d, f.len);
	if (f.len < p->l3 + 20)
		return false;
	p->v6 = get16(d + p->l3 - 2) == 0x86dd;
	if (!p->v6) {
		if (get16(d + p->l3 - 2) != 0x0800)
			return false;
		p->l4 = p->l3 + (d[p->l3] & 15) * 4;
		p->end = p->l3 + get16(d + p->l3 + 2);
		t->client[2] = t->server[2] = htonl(0xffff);
		memcpy(t->client + 3, d + p->l3 + 12, 4);
		memcpy(t->server + 3, d + p->l3 + 16, 4);
	} else {
		if (f.len < p->l3 + 40)
			return false;
		p->l4 = skip_extensions(d, f.len, p->l3);
		p->end = p->l3 + 40 + get16(d + p->l3 + 4);
		memcpy(t->client, d + p->l3 + 8, 16);
		memcpy(t->server, d + p->l3 + 24, 16);
	}
	if (!p->l4 || f.len < p->l4 + 20)
		return false;
	memcpy(&t->client_port, d + p->l4, 2);
	memcpy(&t->server_port, d + p->l4 + 2, 2);
	p->seq = get32(d + p->l4 + 4);
	p->ack = get32(d + p->l4 + 8);
	p->tcp_len = (d[p->l4 + 12] >> 4) * 4;
	p->flags = d[p->l4 + 13];
	return true;
}

bool frame_tuple(struct frame_view f, struct tuple *ret)
{
	struct parts p;

	if (!take_apart(f, &p))
		return false;
	*ret = p.tuple;
	return true;
}

/*
 * RFC 9293 section 3.1, up to the first malformed option, as in the kernel.
 * Returns false if there is one, or if the bytes after the end of the list are
 * not zero.
 */
static bool read_options(const uint8_t *at, size_t len, struct options *o)
{
	size_t i = 0;

	memset(o, 0, sizeof(*o));
	while (i < len && at[i]) {
		const uint8_t *opt = at + i;

		if (*opt == 1) {
			i++;
			continue;
		}
		if (i + 1 >= len || opt[1] < 2 || i + opt[1] > len)
			return false;
		i += opt[1];
		if (opt[0] == 2 && opt[1] == 4) {
			o->mss = true;
			o->mss_is = get16(opt + 2);
		} else if (opt[0] == 3 && opt[1] == 3) {
			o->wscale = true;
			o->wscale_is = opt[2] > 14 ? 14 : opt[2];
		} else if (opt[0] == 4 && opt[1] == 2) {
			o->sack = true;
		} else if (opt[0] == 8 && opt[1] == 10) {
			o->ts = true;
			o->tsval = get32(opt + 2);
			o->tsecr = get32(opt + 6);
		} else if (opt[0] == 19 || opt[0] == 29) {
			o->sign = true;
		}
	}
	for (; i < len; i++)
		if (at[i])
			return false;
	return true;
}

static const char *ip_wrong(const struct scenario *s, const struct parts *p,
			    struct frame_view out)
{
	const uint8_t *ip = out.data + p->l3;

	if (p->v6) {
		bool labelled = s->cfg.flags & SETTING_FLOW_LABEL;

		if (get32(ip) >> 20 != 0x600 || ip[6] != 6)
			return "IPv6: version, class or next header";
		if ((get32(ip) & 0xfffff ? true : false) != labelled)
			return "IPv6: flow label";
		return ip[7] == s->cfg.hop_limit ? NULL : "hop limit";
	}
	if (ip[0] != 0x45 || ip[1])
		return "IPv4: version, length or TOS";
	if (get16(ip + 4) || get16(ip + 6) != 0x4000)
		return "IPv4: id is not 0, or not DF";
	if (ip[8] != s->cfg.ttl || ip[9] != 6)
		return "IPv4: TTL or protocol";
	return sum16(ip, 20, 0) == 0xffff ? NULL : "IPv4: checksum";
}

/* Checks common to all answers. @p, @q: parts of @in and @out. */
static const char *frame_wrong(const struct scenario *s, struct frame_view in,
			       struct frame_view out, struct parts *p,
			       struct parts *q)
{
	size_t addrs, trailer;
	unsigned int sum;
	const char *why;

	if (!take_apart(in, p))
		return "the question was none";
	if (!take_apart(out, q))
		return "too short";
	if (memcmp(out.data, in.data + 6, 6) != 0 ||
	    memcmp(out.data + 6, in.data, 6) != 0)
		return "the MAC addresses are not swapped";
	if (q->l3 != p->l3 || memcmp(out.data + 12, in.data + 12, p->l3 - 12))
		return "tags or type changed";
	why = ip_wrong(s, q, out);
	if (why)
		return why;
	/* a trailer in fragments is unknown, and sent back */
	trailer = in.len - in.linear + (q->end < 60 ? 60 - q->end : 0);
	if (q->end > out.len || out.len - q->end > trailer)
		return "the IP length is not the frame's";
	if (q->l4 + q->tcp_len != q->end)
		return "the TCP length is not the IP packet's";
	if (memcmp(q->tuple.client, p->tuple.server, 16) != 0 ||
	    memcmp(q->tuple.server, p->tuple.client, 16) != 0)
		return "the IP addresses are not swapped";
	if (q->tuple.client_port != p->tuple.server_port ||
	    q->tuple.server_port != p->tuple.client_port)
		return "the ports are not swapped";
	addrs = q->v6 ? 32 : 8;
	sum = sum16(out.data + q->l3 + (q->v6 ? 8 : 12), addrs, 0);
	sum += 6 + q->tcp_len;
	if (sum16(out.data + q->l4, q->tcp_len, sum) != 0xffff)
		return "TCP: checksum";
	if (get16(out.data + q->l4 + 18))
		return "an urgent pointer";
	if (out.data[q->l4 + 12] & 15)
		return "reserved bits";
	return NULL;
}

/* The client's MSS, stated or default. */
static __u32 mss_of(const struct parts *p, const struct options *theirs)
{
	return theirs->mss && theirs->mss_is ? theirs->mss_is
	       : p->v6			     ? 1220
					     : 536;
}

/*
 * Is it the listener's cookie, made of this SYN? The timestamp is as Linux
 * would make it (net/ipv4/syncookies.c, cookie_init_timestamp()).
 */
static const char *kernel_cookie_wrong(const struct parts *p,
				       const struct parts *q,
				       const struct options *o,
				       const struct options *theirs)
{
	const struct native_syn *made = &native.cookie;
	bool unbounded = !native.socket.own_buffer && !native.socket.own_clamp;
	__u32 opts = (o->wscale ? theirs->wscale_is : 15) | o->sack << 4 |
		     !!(q->flags & T_ECE) << 5;
	__u32 age = (__u32)(native.clock_ns / 1000000) - o->tsval;

	if (native.cookies != 1 || q->seq != (__u32)native.socket.cookie)
		return "not the cookie that the listener made";
	if (!tuple_equal(&made->tuple, &p->tuple) || made->seq != p->seq)
		return "the listener made a cookie of another SYN";
	if (made->mss != mss_of(p, theirs))
		return "the listener made a cookie of another MSS";
	if (!o->ts)
		return o->wscale || o->sack || q->flags & T_ECE
			       ? "options that no timestamp tells the kernel"
			       : NULL;
	if ((o->tsval & 63) != opts)
		return "the timestamp has other options than the SYN-ACK";
	if (age > 63)
		return "the timestamp is not the kernel's clock";
	return o->wscale && !unbounded ? "a scale that the kernel will not use"
				       : NULL;
}

/* Does the cookie decode to what the SYN-ACK offers? */
static const char *cookie_wrong(const struct scenario *s, const struct parts *p,
				const struct parts *q, const struct options *o,
				const struct options *theirs)
{
	struct cookie c = { .isn = q->seq, .tsval = o->tsval };
	unsigned int slot = s->cfg.epoch & 1;
	__u32 mss = mss_of(p, theirs);
	struct handshake hs = { 0 };

	if (cookie_slot(c.isn) != slot)
		return "the cookie names another epoch";
	if (!cookie_check(&s->keys[slot].key, 0, &p->tuple, p->seq, &c, o->ts,
			  &hs))
		return "the cookie does not check";
	if (hs.ts != o->ts || hs.sack != o->sack)
		return "the cookie has other options than the SYN-ACK";
	if ((hs.wscale != WSCALE_NONE) != o->wscale)
		return "cookie and SYN-ACK differ on window scaling";
	if (hs.ecn != !!(q->flags & T_ECE))
		return "cookie and SYN-ACK differ on ECN";
	if (o->wscale && hs.wscale > theirs->wscale_is)
		return "the cookie has a larger window scale than the SYN";
	if (hs.mss > mss)
		return "the cookie has a larger MSS than the SYN";
	if (o->ts &&
	    (hs.mss != mss || (o->wscale && hs.wscale != theirs->wscale_is)))
		return "the cookie is not exact, with timestamps";
	return NULL;
}

/* Whole segments of @len bytes, and what the field holds. */
static unsigned int window_of(unsigned int space, unsigned int len)
{
	unsigned int window = space > len ? space - space % len : space;

	return window > 0xffff ? 0xffff : window;
}

const char *answer_wrong(const struct scenario *s, const struct endpoint *ep,
			 struct frame_view in, struct frame_view out)
{
	bool kernel = ep->cookies == COOKIES_KERNEL;
	bool may_ecn = s->cfg.flags & SETTING_ECN;
	bool may_sack = s->cfg.flags & SETTING_SACK;
	bool may_ts = s->cfg.flags & SETTING_TS &&
		      (!kernel || s->cfg.flags & SETTING_KERNEL_TS);
	struct options o, theirs;
	struct parts p, q;
	const char *why = frame_wrong(s, in, out, &p, &q);

	if (why)
		return why;
	if (out.len > in.len + 4)
		return "more than an MSS option longer than the SYN";
	if ((p.flags & (T_SYN | T_ACK | T_FIN | T_RST)) != T_SYN)
		return "the question was no SYN";
	if (q.flags & ~T_ECE ? q.flags != (T_SYN | T_ACK) &&
				       q.flags != (T_SYN | T_ACK | T_ECE)
			     : true)
		return "flags";
	if (q.flags & T_ECE && !(may_ecn && p.flags & T_ECE && p.flags & T_CWR))
		return "ECE, and the SYN had no ECN";
	if (q.ack != p.seq + 1)
		return "the acknowledgement";
	if (!read_options(out.data + q.l4 + 20, q.tcp_len - 20, &o))
		return "the options are broken";
	if (get16(out.data + q.l4 + 14) !=
	    window_of(ep->window,
		      s->iface.mtu - (p.v6 ? 60 : 40) - (o.ts ? 12 : 0)))
		return "the window";
	read_options(in.data + p.l4 + 20, p.tcp_len - 20, &theirs);
	if (theirs.sign)
		return "the SYN has a signature, the answer none";
	if (o.mss && o.mss_is != s->iface.mtu - (p.v6 ? 60U : 40U))
		return "the MSS is not the interface's";
	if (kernel && !(theirs.ts && may_ts))
		may_sack = false; /* nothing would tell it; nor of ECN, below */
	if (o.ts != (theirs.ts && may_ts))
		return "timestamps: not as the SYN and the host want";
	if (o.ts && o.tsecr != theirs.tsval)
		return "TSecr is not the SYN's TSval";
	if (o.sack != (theirs.sack && may_sack))
		return "SACK: not as the SYN and the host want";
	if (o.wscale && !(theirs.wscale && s->cfg.flags & SETTING_WSCALE))
		return "window scaling: the SYN or the host has none";
	if (o.wscale && o.wscale_is != ep->wscale)
		return "the window scale";
	return kernel ? kernel_cookie_wrong(&p, &q, &o, &theirs)
		      : cookie_wrong(s, &p, &q, &o, &theirs);
}
