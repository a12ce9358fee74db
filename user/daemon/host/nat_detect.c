/* SPDX-License-Identifier: GPL-2.0-only */
#include "text/addr.h"
#include "nat_detect.h"

#define SECOND_NS 1000000000ULL

static const __u64 QUIET_NS = 3 * SECOND_NS;
static const __u64 LATE_NS = SECOND_NS;
static const __u64 ROW_NS = 60 * SECOND_NS; /* witnesses expire */
static const __u64 HOLD_NS = 600 * SECOND_NS, HOLD_MAX_NS = 4800 * SECOND_NS;

__u64 nat_prefix(const __be32 client[4])
{
	if (addr_is_v4(client))
		return 1ULL << 63 | be32toh(client[3]) >> 8;
	return (__u64)be32toh(client[0]) << 16 | be32toh(client[1]) >> 16;
}

static bool is_witness(const struct nat_detect *d, __u64 prefix)
{
	unsigned int i;

	for (i = 0; i < d->n; i++)
		if (d->prefixes[i] == prefix)
			return true;
	return false;
}

bool nat_detect_listens(struct nat_detect *d, enum nat_found claim,
			__u64 prefix, __u64 when_ns, __u64 clock_ns)
{
	if (claim <= d->found)
		return false; /* in flight at the time of the finding */
	if (when_ns < clock_ns && clock_ns - when_ns > LATE_NS)
		return false;
	if (d->n && d->claim == claim &&
	    (d->n == NAT_WITNESSES || is_witness(d, prefix)))
		return false;
	if (clock_ns - d->minute_ns >= 60 * SECOND_NS) {
		d->minute_ns = clock_ns;
		d->events = 0;
	}
	return d->events < NAT_EVENTS_A_MINUTE && ++d->events;
}

/* Do others get through, or is there another cause for the lost sockets? */
static bool is_refuted(const struct nat_detect *d, const struct nat_counts *c)
{
	return d->through != c->through || d->other_causes != c->other_causes;
}

void nat_detect_witness(struct nat_detect *d, enum nat_found claim,
			__u64 prefix, const struct nat_counts *c)
{
	if (!d->n || d->claim != claim || is_refuted(d, c)) {
		d->n = 0;
		d->claim = claim;
		d->since_ns = c->clock_ns;
		d->through = c->through;
		d->other_causes = c->other_causes;
	}
	if (d->n < NAT_WITNESSES && !is_witness(d, prefix))
		d->prefixes[d->n++] = prefix;
}

static void believe(struct nat_detect *d, enum nat_found found, __u64 clock_ns)
{
	/* twice as long if confirmed soon after it expired */
	bool again = d->held_ns && clock_ns - d->until_ns < d->held_ns;
	__u64 hold = again ? 2 * d->held_ns : HOLD_NS;

	d->found = found;
	d->held_ns = hold < HOLD_MAX_NS ? hold : HOLD_MAX_NS;
	d->until_ns = clock_ns + d->held_ns;
	d->n = 0;
}

bool nat_detect_settle(struct nat_detect *d, const struct nat_counts *c)
{
	enum nat_found had = d->found;

	if (d->found && c->clock_ns >= d->until_ns) {
		d->found = NAT_NOTHING;
		d->n = 0;
	}
	/* where clients get through, nothing is redirected */
	if (d->found == NAT_REDIRECTED && c->through)
		d->found = NAT_SOCKET_LOST;
	if (d->n && (is_refuted(d, c) || c->clock_ns - d->since_ns >= ROW_NS))
		d->n = 0;
	if (d->n == NAT_WITNESSES && c->clock_ns - d->since_ns >= QUIET_NS) {
		if (d->claim != NAT_REDIRECTED || !c->through)
			believe(d, d->claim, c->clock_ns);
		d->n = 0;
	}
	return d->found != had;
}

void nat_detect_inherit(struct nat_detect *d, __u64 clock_ns)
{
	if (!d->found)
		believe(d, NAT_SOCKET_LOST, clock_ns);
}
