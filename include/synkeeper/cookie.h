/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the state of a handshake, packed into fields that a
 * client echoes. cookie_check() is the inverse of cookie_make().
 *
 * The MAC is one SipHash-2-4 over addresses, ports, the client's ISN and the
 * options below; it covers the options, so that an acknowledgement that is off
 * by one fails instead of decoding to other options.
 *
 * A client with timestamps returns 64 bits, ISN and TSval:
 *
 *     31 30   28 27                                                  0
 *    +--+-------+-----------------------------------------------------+
 *    |ep|  mss  |                  MAC, high 28 bits                  |  ISN
 *    +--+-------+-----------------------------------------------------+
 *    +--------------------------------------------------+--+--+-------+
 *    |                 MAC, next 26 bits                |ec|sa| wscale|  TSval
 *    +--------------------------------------------------+--+--+-------+
 *     31                                               6  5  4  3    0
 *
 * A client without timestamps returns 32:
 *
 *     31 30                                       6 5               0
 *    +--+-----------------------------------------+-----------------+
 *    |ep|            MAC, high 25 bits            |     profile     |  ISN
 *    +--+-----------------------------------------+-----------------+
 *
 *      profile    1 w w w m m    SACK
 *                 0 1 w w m m    SACK and ECN
 *                 0 0 e w w m    no SACK; e: ECN
 *
 * ep is the lowest bit of the epoch and selects the key slot. Six bits cannot
 * hold every combination of MSS (m) and window scale (w), so both are rounded
 * down to a level, which is always safe: the server then sends a little less at
 * a time than the client would accept. Whether window scaling, SACK and ECN
 * were offered at all is kept exactly. The levels match what clients without
 * timestamps send in practice (Windows: SACK, scale 8); others lose a little.
 *
 * Of 2^32 random numbers a check accepts 64 profiles in each of 2 epochs:
 * 2^-25; with timestamps 8 * 2 * 64 of 2^64: 2^-54.
 */
#ifndef SYNKEEPER_COOKIE_H
#define SYNKEEPER_COOKIE_H

#include "siphash.h"
#include "tcpopt.h"

enum {
	COOKIE_EPOCH_SHIFT = 31,
	COOKIE_MSS_SHIFT = 28,
	COOKIE_MAC_BITS = 25, /* without timestamps */
	COOKIE_MAC_BITS_TS = 28,
	COOKIE_PROFILE_MASK = 0x3f,
	COOKIE_TS_ECN = 1 << 5,
	COOKIE_TS_SACK = 1 << 4,
	COOKIE_TS_WSCALE = 0xf,
	COOKIE_TS_OPTS = 0x3f,
	COOKIE_TAIL_TS = 1 << 15, /* domain separation in the MAC's tail */
};

/* What both ends negotiate. Host byte order. */
struct handshake {
	__u16 mss;
	__u8 wscale; /* the client's; WSCALE_NONE: not negotiated */
	__u8 sack;
	__u8 ecn;
	__u8 ts;
};

struct cookie {
	__u32 isn;
	__u32 tsval; /* 0 without timestamps */
};

/*
 * MSS levels: the minimum, tunnels, PPPoE, Ethernet, jumbo frames. The minimum
 * is the lowest that the kernel accepts from us, 536 and 1280 - 60; a client
 * that offers less gets it nevertheless, as with the kernel's own cookies.
 * Without timestamps only some of the levels are used.
 */
#define COOKIE_MSS4(i)     \
	((i) == 0   ? 536  \
	 : (i) == 1 ? 1220 \
	 : (i) == 2 ? 1300 \
	 : (i) == 3 ? 1360 \
	 : (i) == 4 ? 1400 \
	 : (i) == 5 ? 1440 \
	 : (i) == 6 ? 1460 \
		    : 8960)
#define COOKIE_MSS6(i)     \
	((i) == 0   ? 1220 \
	 : (i) == 1 ? 1280 \
	 : (i) == 2 ? 1340 \
	 : (i) == 3 ? 1360 \
	 : (i) == 4 ? 1380 \
	 : (i) == 5 ? 1420 \
	 : (i) == 6 ? 1440 \
		    : 8940)

static __always_inline __u32 cookie_mss(bool v4, __u32 level)
{
	return v4 ? COOKIE_MSS4(level) : COOKIE_MSS6(level);
}

/* The highest of the eight levels that does not exceed @mss, or the lowest. */
static __always_inline __u32 cookie_mss_level(bool v4, __u32 mss)
{
	if (mss >= cookie_mss(v4, 6))
		return mss >= cookie_mss(v4, 7) ? 7 : 6;
	if (mss >= cookie_mss(v4, 4))
		return mss >= cookie_mss(v4, 5) ? 5 : 4;
	if (mss >= cookie_mss(v4, 2))
		return mss >= cookie_mss(v4, 3) ? 3 : 2;
	return mss >= cookie_mss(v4, 1);
}

/* profile mm -> level: 536, 1300, 1440, 1460; IPv6: 1220, 1340, 1420, 1440 */
static __always_inline __u32 cookie_mm_level(__u32 mm)
{
	return mm == 3 ? 6 : mm == 2 ? 5 : mm * 2;
}

static __always_inline __u32 cookie_mm(__u32 level)
{
	return level >= 6 ? 3 : level == 5 ? 2 : level >= 2;
}

/* profile www -> window scale: none 0 2 4 6 7 8 10 */
static __always_inline __u32 cookie_www_scale(__u32 www)
{
	return www == 0	  ? WSCALE_NONE
	       : www <= 4 ? (www - 1) * 2
	       : www == 7 ? 10
			  : www + 2;
}

static __always_inline __u32 cookie_www(__u32 wscale)
{
	return wscale == WSCALE_NONE ? 0
	       : wscale >= 10	     ? 7
	       : wscale >= 8	     ? 6
	       : wscale == 7	     ? 5
				     : wscale / 2 + 1;
}

/* profile ww -> window scale: none 0 7 8 */
static __always_inline __u32 cookie_ww_scale(__u32 ww)
{
	return ww == 0 ? WSCALE_NONE : ww == 1 ? 0 : ww + 5;
}

static __always_inline __u32 cookie_ww(__u32 wscale)
{
	return wscale == WSCALE_NONE ? 0
	       : wscale >= 8	     ? 3
	       : wscale == 7	     ? 2
				     : 1;
}

static __always_inline __u32 cookie_profile(bool v4, const struct handshake *hs)
{
	__u32 mm = cookie_mm(cookie_mss_level(v4, hs->mss));

	if (!hs->sack)
		return (hs->ecn ? 8 : 0) | cookie_ww(hs->wscale) << 1 |
		       (mm >= 2);
	if (hs->ecn)
		return 0x10 | cookie_ww(hs->wscale) << 2 | mm;
	return 0x20 | cookie_www(hs->wscale) << 2 | mm;
}

static __always_inline void cookie_unprofile(bool v4, __u32 profile,
					     struct handshake *hs)
{
	__u32 mm = profile & 3;

	hs->ts = 0;
	hs->sack = profile >= 0x10;
	if (profile & 0x20) {
		hs->ecn = 0;
		hs->wscale = cookie_www_scale(profile >> 2 & 7);
	} else if (profile & 0x10) {
		hs->ecn = 1;
		hs->wscale = cookie_ww_scale(profile >> 2 & 3);
	} else {
		hs->ecn = !!(profile & 8);
		hs->wscale = cookie_ww_scale(profile >> 1 & 3);
		mm = profile & 1 ? 2 : 0;
	}
	hs->mss = cookie_mss(v4, cookie_mm_level(mm));
}

/*
 * @isn: the client's, host byte order. @tail: up to 16 bits of options. IPv4
 * hashes 18 bytes, IPv6 42; the length in the last block keeps them apart.
 */
static __always_inline __u64 cookie_mac(const struct siphash_key *key,
					const struct tuple *t, __u32 isn,
					__u32 tail)
{
	struct siphash s;
	__u64 len = 18;

	siphash_init(&s, key);
	if (tuple_is_v4(t)) {
		siphash_word(&s, t->client[3] | (__u64)t->server[3] << 32);
	} else {
		siphash_word(&s, t->client[0] | (__u64)t->client[1] << 32);
		siphash_word(&s, t->client[2] | (__u64)t->client[3] << 32);
		siphash_word(&s, t->server[0] | (__u64)t->server[1] << 32);
		siphash_word(&s, t->server[2] | (__u64)t->server[3] << 32);
		len = 42;
	}
	siphash_word(&s, isn | (__u64)t->client_port << 32 |
				 (__u64)t->server_port << 48);
	return siphash_end(&s, tail, len);
}

static __always_inline __u32 cookie_isn_ts(__u64 mac, __u32 level, __u32 epoch)
{
	return epoch << COOKIE_EPOCH_SHIFT | level << COOKIE_MSS_SHIFT |
	       (__u32)(mac >> 36);
}

static __always_inline __u32 cookie_tsval(__u64 mac, __u32 opts)
{
	return (__u32)(mac >> 10 & 0x3ffffff) << 6 | opts;
}

static __always_inline __u32 cookie_isn(__u64 mac, __u32 profile, __u32 epoch)
{
	return epoch << COOKIE_EPOCH_SHIFT | (__u32)(mac >> 39) << 6 | profile;
}

/*
 * Makes the cookie for a SYN with ISN @isn (host byte order). On entry @hs
 * holds what client and server both support, on return the part that the cookie
 * could encode; the SYN-ACK must offer exactly that.
 */
static __always_inline void cookie_make(const struct siphash_key *key,
					__u32 epoch, const struct tuple *t,
					__u32 isn, struct handshake *hs,
					struct cookie *ret)
{
	bool v4 = tuple_is_v4(t);
	__u64 mac;

	if (hs->ts) {
		__u32 level = cookie_mss_level(v4, hs->mss);
		__u32 opts = (hs->ecn ? COOKIE_TS_ECN : 0) |
			     (hs->sack ? COOKIE_TS_SACK : 0) | hs->wscale;

		mac = cookie_mac(key, t, isn,
				 COOKIE_TAIL_TS | level << 6 | opts);
		ret->isn = cookie_isn_ts(mac, level, epoch);
		ret->tsval = cookie_tsval(mac, opts);
		hs->mss = cookie_mss(v4, level);
	} else {
		__u32 profile = cookie_profile(v4, hs);

		mac = cookie_mac(key, t, isn, profile);
		ret->isn = cookie_isn(mac, profile, epoch);
		ret->tsval = 0;
		cookie_unprofile(v4, profile, hs);
	}
}

/* The key slot of a cookie: 0 or 1. */
static __always_inline __u32 cookie_slot(__u32 cookie_isn)
{
	return cookie_isn >> COOKIE_EPOCH_SHIFT;
}

/*
 * Checks a returned cookie. @isn: the client's (its sequence number minus one),
 * @c->isn: the acknowledgement number minus one, @c->tsval: the TSecr, @ts:
 * whether the segment had timestamps. Host byte order. @key: the one in
 * cookie_slot(). Returns true and fills in @hs, or false and leaves @hs
 * untouched.
 */
static __always_inline bool cookie_check(const struct siphash_key *key,
					 const struct tuple *t, __u32 isn,
					 const struct cookie *c, bool ts,
					 struct handshake *hs)
{
	__u32 epoch = cookie_slot(c->isn);
	bool v4 = tuple_is_v4(t);
	__u64 mac;

	if (ts) {
		__u32 level = c->isn >> COOKIE_MSS_SHIFT & 7;
		__u32 opts = c->tsval & COOKIE_TS_OPTS;

		mac = cookie_mac(key, t, isn,
				 COOKIE_TAIL_TS | level << 6 | opts);
		if (c->isn != cookie_isn_ts(mac, level, epoch) ||
		    c->tsval != cookie_tsval(mac, opts))
			return false;
		hs->ts = 1;
		hs->mss = cookie_mss(v4, level);
		hs->wscale = opts & COOKIE_TS_WSCALE;
		hs->sack = !!(opts & COOKIE_TS_SACK);
		hs->ecn = !!(opts & COOKIE_TS_ECN);
	} else {
		__u32 profile = c->isn & COOKIE_PROFILE_MASK;

		mac = cookie_mac(key, t, isn, profile);
		if (c->isn != cookie_isn(mac, profile, epoch))
			return false;
		cookie_unprofile(v4, profile, hs);
	}
	return true;
}

#endif
