/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the state of a handshake, packed into fields that a
 * client echoes. cookie_check() is the inverse of cookie_make().
 *
 * The acknowledgement number alone returns a whole cookie, since a middlebox
 * may strip timestamps from the SYN-ACK or from the ACK. The MAC is one
 * SipHash-2-4 over addresses, ports, the client's ISN and the profile:
 *
 *     31 30                                       6 5               0
 *    +--+-----------------------------------------+-----------------+
 *    |ep|            MAC, high 25 bits            |     profile     |  ISN
 *    +--+-----------------------------------------+-----------------+
 *
 *      profile    1 w w w m m    SACK                  four MSS levels
 *                 1 1 1 1 m m    SACK, scale 8         levels 4 to 7
 *                 0 0 1 1 m m    SACK, scale 8         levels 0 to 3
 *                 0 1 w w m m    SACK and ECN          four levels
 *                 0 0 1 0 w m    ECN, no SACK          two levels
 *                 0 0 0 1 w m    scale, no SACK        two levels
 *                 0 0 0 0 m m    neither               four levels
 *
 * A client with timestamps also returns what the profile rounds:
 *
 *     31               20 19                              4 3       0
 *    +-------------------+---------------------------------+---------+
 *    |         0         |               MSS               |  wscale |
 *    +-------------------+---------------------------------+---------+
 *    XOR the next 32 bits of the MAC                            = TSval
 *
 * ep is the lowest bit of the epoch and selects the key slot. Six bits cannot
 * hold every combination of MSS (m) and window scale (w), so both are rounded
 * down to a level, which is always safe: the server then sends a little less at
 * a time than the client would accept. Whether window scaling, SACK and ECN
 * were offered at all is kept exactly. Clients without timestamps today are
 * mostly Windows, SACK and scale 8 on any path: these get all eight levels.
 * Others lose a little, and only if their timestamps vanish on the way.
 *
 * A TSecr counts if its upper 12 bits are right and MSS and scale are among
 * those that the profile stands for. A client could alter its own TSecr, but
 * only into what its SYN might as well have announced. With any other TSecr the
 * profile holds and timestamps stay on: who sends them has negotiated them, and
 * would drop segments without (RFC 7323 section 3.2). The server then continues
 * from a timestamp that is no older than the one it sent (PAWS).
 *
 * What else the SYN-ACK says, the host knows without a cookie; nodes that share
 * keys must agree on it. It is part of what they hash, as the promise: a cookie
 * of a node that promised otherwise is no cookie.
 *
 * Of 2^32 random numbers a check accepts 64 profiles in each of 2 epochs:
 * 2^-25, with or without timestamps.
 */
#ifndef SYNKEEPER_COOKIE_H
#define SYNKEEPER_COOKIE_H

#include "siphash.h"
#include "tcpopt.h"

enum {
	COOKIE_EPOCH_SHIFT = 31,
	COOKIE_MAC_BITS = 25,
	COOKIE_PROFILE_MASK = 0x3f,
	COOKIE_TS_MSS_SHIFT = 4,
	COOKIE_TS_WSCALE = 0xf,
	COOKIE_TS_FIELDS = 0xfffff, /* MSS and window scale */
	/* of the MAC's tail: no cookie of an earlier layout is valid */
	COOKIE_TAIL_LAYOUT = 1 << 14,
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
 * MSS levels. The lowest is the least that the kernel accepts from us: 536, and
 * 1280 - 60 for IPv6; a client that announces less must not get a cookie. The
 * others are today's paths: an MTU of 1280, mobile networks, tunnels (1400 to
 * 1480), PPPoE (1492), Ethernet. Between 1220 and Ethernet's, rounding costs
 * 7 % at most with eight levels and 13 % with four. Jumbo frames need
 * timestamps.
 */
#define COOKIE_MSS4_LOW	 COOKIE_4LEVELS(536, 1220, 1300, 1360)
#define COOKIE_MSS4_HIGH COOKIE_4LEVELS(1400, 1440, 1452, 1460)
#define COOKIE_MSS6_LOW	 COOKIE_4LEVELS(1220, 1300, 1340, 1360)
#define COOKIE_MSS6_HIGH COOKIE_4LEVELS(1400, 1420, 1432, 1440)
#define COOKIE_4LEVELS(a, b, c, d) \
	((__u64)(a) | (__u64)(b) << 16 | (__u64)(c) << 32 | (__u64)(d) << 48)

static __always_inline __u32 cookie_mss(bool v4, __u32 level)
{
	__u64 low = v4 ? COOKIE_MSS4_LOW : COOKIE_MSS6_LOW;
	__u64 high = v4 ? COOKIE_MSS4_HIGH : COOKIE_MSS6_HIGH;

	return (level & 4 ? high : low) >> (level & 3) * 16 & 0xffff;
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

/*
 * Can a cookie hold @mss (host byte order)? Less than the lowest level it
 * cannot: the server would send more than was announced.
 */
static __always_inline bool cookie_can_hold(bool v4, __u32 mss)
{
	return mss >= cookie_mss(v4, 0);
}

/*
 * Small tables, four bits an entry, the first entry lowest: one shift each, and
 * no branch that the verifier would follow.
 *
 *	mm <-> level		536, 1220, 1400, 1460
 *				IPv6: 1220, 1300, 1400, 1440
 *	www <-> window scale	none 0 2 4 6 7 10 8
 *	ww <-> window scale	none 0 6 8
 */
#define COOKIE_LEVEL_OF_MM  0x7410ULL
#define COOKIE_MM_OF_LEVEL  0x32221110ULL
#define COOKIE_SCALE_OF_WWW 0x8a76420fULL
#define COOKIE_WWW_OF_SCALE 0x0666667754332211ULL
#define COOKIE_SCALE_OF_WW  0x860fULL
#define COOKIE_WW_OF_SCALE  0x0333333322111111ULL

static __always_inline __u32 cookie_nibble(__u64 table, __u32 i)
{
	return table >> i * 4 & 0xf;
}

enum { COOKIE_WWW_SCALE8 = 7 }; /* with eight MSS levels, and its own codes */

/*
 * The profile of what was negotiated, with the MSS of @v4 or IPv6: 0 to 63.
 * @scale: the client's window scale, or WSCALE_NONE.
 */
static __always_inline __u32 cookie_profile_of(bool v4, __u32 mss, __u32 scale,
					       bool sack, bool ecn)
{
	__u32 level = cookie_mss_level(v4, mss);
	__u32 mm = cookie_nibble(COOKIE_MM_OF_LEVEL, level);

	if (sack && !ecn) {
		__u32 www = cookie_nibble(COOKIE_WWW_OF_SCALE, scale);

		if (www != COOKIE_WWW_SCALE8)
			return 0x20 | www << 2 | mm;
		return level >= 4 ? 0x3c | (level - 4) : 0x0c | level;
	}
	if (sack)
		return 0x10 | cookie_nibble(COOKIE_WW_OF_SCALE, scale) << 2 |
		       mm;
	if (ecn)
		return 0x08 | (scale != WSCALE_NONE) << 1 | (level >= 1);
	if (scale != WSCALE_NONE)
		return 0x04 | (scale >= 7) << 1 | (level >= 1);
	return mm;
}

static __always_inline __u32 cookie_profile(bool v4, const struct handshake *hs)
{
	return cookie_profile_of(v4, hs->mss, hs->wscale & 0xf, hs->sack,
				 hs->ecn);
}

/* The inverse: *@hs is what @profile stands for, without timestamps. */
static __always_inline void cookie_unprofile(bool v4, __u32 profile,
					     struct handshake *hs)
{
	__u32 mm = profile & 3, www = profile >> 2 & 7;
	__u32 level = cookie_nibble(COOKIE_LEVEL_OF_MM, mm);
	bool w = profile & 2;

	hs->ts = 0;
	hs->ecn = 0;
	hs->sack = profile >= 0x0c;
	if (profile & 0x20) {
		hs->wscale = cookie_nibble(COOKIE_SCALE_OF_WWW, www);
		if (www == COOKIE_WWW_SCALE8)
			level = 4 + mm;
	} else if (profile & 0x10) {
		hs->ecn = 1;
		hs->wscale = cookie_nibble(COOKIE_SCALE_OF_WW, www & 3);
	} else if (profile >= 0x0c) {
		hs->wscale = 8;
		level = mm;
	} else if (profile & 0x08) {
		hs->ecn = 1;
		hs->wscale = w ? 0 : WSCALE_NONE;
		level = profile & 1;
	} else if (profile & 0x04) {
		hs->wscale = w ? 7 : 0;
		level = profile & 1;
	} else {
		hs->wscale = WSCALE_NONE;
	}
	hs->mss = cookie_mss(v4, level);
}

/*
 * @isn: the client's, host byte order. IPv4 hashes 18 bytes, IPv6 42; the
 * length in the last block keeps them apart. @promise: 24 bits, promise_of();
 * 0 with keys that are not shared. A key is used with either, so both can have
 * the same length.
 */
static __always_inline __u64 cookie_mac(const struct siphash_key *key,
					const struct tuple *t, __u32 isn,
					__u32 profile, __u32 promise)
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
	return siphash_end(
		&s, COOKIE_TAIL_LAYOUT | profile | (__u64)promise << 16, len);
}

static __always_inline __u32 cookie_isn(__u64 mac, __u32 profile, __u32 epoch)
{
	return epoch << COOKIE_EPOCH_SHIFT | (__u32)(mac >> 39) << 6 | profile;
}

/* The MAC bits that hide and verify what TSval carries. */
static __always_inline __u32 cookie_ts_mask(__u64 mac)
{
	return (__u32)(mac >> 7);
}

/*
 * Makes the cookie for a SYN with ISN @isn (host byte order). @hs: what client
 * and server both support, with an MSS that cookie_can_hold(). The SYN-ACK must
 * offer exactly these options: without timestamps the cookie keeps which they
 * are, and rounds their values (cookie_unprofile()).
 */
static __always_inline void cookie_make(const struct siphash_key *key,
					__u32 epoch, __u32 promise,
					const struct tuple *t, __u32 isn,
					const struct handshake *hs,
					struct cookie *ret)
{
	__u32 profile = cookie_profile(tuple_is_v4(t), hs);
	__u64 mac = cookie_mac(key, t, isn, profile, promise);

	ret->isn = cookie_isn(mac, profile, epoch);
	ret->tsval = 0;
	if (hs->ts)
		ret->tsval = cookie_ts_mask(mac) ^
			     (hs->mss << COOKIE_TS_MSS_SHIFT | hs->wscale);
}

/* The key slot of a cookie: 0 or 1. */
static __always_inline __u32 cookie_slot(__u32 cookie_isn)
{
	return cookie_isn >> COOKIE_EPOCH_SHIFT;
}

/*
 * Makes @hs, decoded from @profile, exact by means of TSecr @tsecr. Returns
 * false, and leaves it alone, if TSecr is not of this cookie.
 */
static __always_inline bool cookie_exact(bool v4, __u64 mac, __u32 profile,
					 __u32 tsecr, struct handshake *hs)
{
	__u32 fields = tsecr ^ cookie_ts_mask(mac);
	__u32 mss = fields >> COOKIE_TS_MSS_SHIFT;
	__u32 scale = fields & COOKIE_TS_WSCALE;

	if (fields > COOKIE_TS_FIELDS || mss < hs->mss ||
	    cookie_profile_of(v4, mss, scale, hs->sack, hs->ecn) != profile)
		return false;
	hs->mss = mss;
	hs->wscale = scale;
	return true;
}

/*
 * Does @c_isn belong to a cookie for this tuple and client's ISN? *@ret_mac: of
 * the cookie. Both in host byte order.
 */
static __always_inline bool cookie_is_ours(const struct siphash_key *key,
					   __u32 promise, const struct tuple *t,
					   __u32 isn, __u32 c_isn,
					   __u64 *ret_mac)
{
	__u32 profile = c_isn & COOKIE_PROFILE_MASK;

	*ret_mac = cookie_mac(key, t, isn, profile, promise);
	return c_isn == cookie_isn(*ret_mac, profile, cookie_slot(c_isn));
}

/*
 * Checks a returned cookie. @promise: as for cookie_make(). @isn: the client's
 * (its sequence number minus one), @c->isn: the acknowledgement number minus
 * one, @c->tsval: the TSecr, @ts: whether the segment had timestamps. Host byte
 * order. @key: the one in cookie_slot(). Returns true and fills in @hs, or
 * false and leaves @hs untouched. On true, @c->tsval becomes the timestamp from
 * which the server continues.
 */
static __always_inline bool cookie_check(const struct siphash_key *key,
					 __u32 promise, const struct tuple *t,
					 __u32 isn, struct cookie *c, bool ts,
					 struct handshake *hs)
{
	__u32 profile = c->isn & COOKIE_PROFILE_MASK;
	bool v4 = tuple_is_v4(t);
	__u64 mac;

	if (!cookie_is_ours(key, promise, t, isn, c->isn, &mac))
		return false;
	cookie_unprofile(v4, profile, hs);
	if (!ts)
		return true;
	hs->ts = 1;
	if (!cookie_exact(v4, mac, profile, c->tsval, hs))
		c->tsval = cookie_ts_mask(mac) | COOKIE_TS_FIELDS;
	return true;
}

#endif
