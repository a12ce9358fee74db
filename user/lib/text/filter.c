/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: see filter.h. A table of words, each with the member
 * that it sets and a hint about its value. Parsing is strict, because what
 * matches may be killed: an empty value, a prefix with host bits set and a
 * range that ends before it starts are refused.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "filter.h"
#include "words.h"

/* Including FREE, the state before the event that opens a session. */
#define ALL_STATES ((1U << SESSION_STATES) - 1)

static const struct filter any = {
	.sport = { 0, UINT16_MAX },
	.dport = { 0, UINT16_MAX },
	.age = { 0, UINT32_MAX },
	.idle = { 0, UINT32_MAX },
	.states = ALL_STATES,
};

static const char *const state_names[] = {
#define X(name, text) text,
	SYNKEEPER_STATES(X)
#undef X
};

const char *filter_state_name(__u8 state)
{
	return state < SESSION_STATES ? state_names[state] : "?";
}

/* ---- values: copies, which are modified ---- */

enum { VALUE_MAX = 256 };

/* Cuts @text at @separator; returns what follows it, NULL without one. */
static char *cut(char *text, char separator)
{
	char *at = strchr(text, separator);

	if (at)
		*at++ = '\0';
	return at;
}

/* Digits without leading zeros. */
static bool parse_number(const char *text, __u32 max, __u32 *ret)
{
	size_t len = strspn(text, "0123456789");
	unsigned long n;

	if (!len || len > 5 || text[len] || (*text == '0' && len > 1))
		return false;
	n = strtoul(text, NULL, 10);
	if (n > max)
		return false;
	*ret = (__u32)n;
	return true;
}

/* Word @i of the mask of a prefix. */
static __be32 mask_of(__u8 len, int i)
{
	int bits = len - 32 * i;

	if (bits <= 0)
		return 0;
	return bits >= 32 ? 0xffffffff : htobe32(~0U << (32 - bits));
}

/* Clears the host bits; returns whether any was set. */
static bool cut_host(struct filter_prefix *p)
{
	bool found = false;
	int i;

	for (i = 0; i < 4; i++) {
		found |= (p->addr[i] & ~mask_of(p->len, i)) != 0;
		p->addr[i] &= mask_of(p->len, i);
	}
	return found;
}

bool filter_prefix_parse(char *value, struct filter_prefix *ret, char *why)
{
	const char *length = cut(value, '/');
	struct filter_prefix p = {};
	char text[ADDR_STRLEN];
	bool v4 = inet_pton(AF_INET, value, &p.addr[3]) == 1;
	__u32 len = v4 ? 32 : 128;

	if (v4)
		p.addr[2] = htobe32(0xffff);
	else if (inet_pton(AF_INET6, value, p.addr) != 1)
		return false;
	if (length && !parse_number(length, len, &len))
		return false;
	p.len = v4 ? len + 96 : len;
	p.v6 = p.len < 96 || !addr_is_v4(p.addr);
	if (cut_host(&p)) {
		len = addr_is_v4(p.addr) ? p.len - 96U : p.len;
		snprintf(why, FILTER_ERR_MAX, "host bits are set: write %s/%u",
			 addr_format(p.addr, text), len);
		return false;
	}
	*ret = p;
	return true;
}

static bool parse_prefix(void *member, char *value, char *why)
{
	return filter_prefix_parse(value, member, why);
}

static bool parse_ports(void *member, char *value, char *why)
{
	const char *to = cut(value, '-');
	struct filter_range r;

	(void)why;
	if (!parse_number(value, UINT16_MAX, &r.min) ||
	    !parse_number(to ? to : value, UINT16_MAX, &r.max) || r.min > r.max)
		return false;
	*(struct filter_range *)member = r;
	return true;
}

static bool parse_times(void *member, char *value, char *why)
{
	const char *to = cut(value, '-');
	struct filter_range r = { 0, UINT32_MAX };
	int err = duration_parse(value, &r.min);

	if (!err && to)
		err = duration_parse(to, &r.max);
	if (err == -ERANGE)
		snprintf(why, FILTER_ERR_MAX, "at most 49 days");
	if (err || r.min > r.max)
		return false;
	*(struct filter_range *)member = r;
	return true;
}

/* The states that @name stands for. 0: none. */
static __u32 states_of(const char *name)
{
	__u32 state, found = 0;

	for (state = SESSION_OPENING; state < SESSION_STATES; state++) {
		bool half = state == SESSION_HALF_CLOSED_CLIENT ||
			    state == SESSION_HALF_CLOSED_SERVER;

		if (!strcmp(name, state_names[state]) ||
		    (!strcmp(name, "live") && session_is_live(state)) ||
		    (!strcmp(name, "half-closed") && half))
			found |= 1U << state;
	}
	return found;
}

static bool parse_states(void *member, char *value, char *why)
{
	__u32 found, states = 0;
	char *next;

	(void)why;
	for (; value; value = next) {
		next = cut(value, ',');
		found = states_of(value);
		if (!found)
			return false;
		states |= found;
	}
	*(__u32 *)member = states;
	return true;
}

/* A name has no colon, an address:port has one. */
static bool parse_service(void *member, char *value, char *why)
{
	struct filter *f = member;
	const char *wrong;

	if (strchr(value, ':')) {
		if (!listen_parse(value, &f->listen, &wrong))
			return true;
	} else {
		wrong = name_check(value);
		if (!wrong) {
			snprintf(f->name, sizeof(f->name), "%s", value);
			return true;
		}
	}
	snprintf(why, FILTER_ERR_MAX, "%s", wrong);
	return false;
}

/* ---- words ---- */

#define PREFIX_HINT                                                     \
	"give an address or prefix such as 192.0.2.1, 192.0.2.0/24 or " \
	"2001:db8::/32"
#define PORTS_HINT "give a port or a range such as 443 or 1024-2047"
#define TIME_HINT  "give a minimum such as 90s or 5m, or a range, 30s-5m"

static const struct word {
	const char *name;
	size_t member;
	bool (*parse)(void *member, char *value, char *why);
	const char *hint;
} filter_words[] = {
	{ "src", offsetof(struct filter, src), parse_prefix, PREFIX_HINT },
	{ "dst", offsetof(struct filter, dst), parse_prefix, PREFIX_HINT },
	{ "sport", offsetof(struct filter, sport), parse_ports, PORTS_HINT },
	{ "dport", offsetof(struct filter, dport), parse_ports, PORTS_HINT },
	{ "state", offsetof(struct filter, states), parse_states,
	  "states are opening, pending, established, half-closed-client, "
	  "half-closed-server, half-closed, closing, live, time-wait" },
	{ "age", offsetof(struct filter, age), parse_times, TIME_HINT },
	{ "idle", offsetof(struct filter, idle), parse_times, TIME_HINT },
	{ "service", 0, parse_service, "give its address:port or its name" },
};
enum { N_WORDS = sizeof(filter_words) / sizeof(filter_words[0]) };
_Static_assert(2 * N_WORDS == FILTER_WORDS_MAX, "each word once");

static const struct word *find_word(const char *name)
{
	size_t i;

	for (i = 0; i < N_WORDS; i++)
		if (!strcmp(filter_words[i].name, name))
			return &filter_words[i];
	return NULL;
}

static int unknown_word(const char *text, char *err)
{
	char near[WORDS_NEAR_MAX], all[FILTER_ERR_MAX] = "";
	const char *names[N_WORDS];
	size_t i;

	for (i = 0; i < N_WORDS; i++) {
		names[i] = filter_words[i].name;
		strcat(strcat(all, i ? ", " : "filters are "), names[i]);
	}
	snprintf(err, FILTER_ERR_MAX, "'%.64s': %.160s", text,
		 *words_near(text, names, N_WORDS, near) ? near : all);
	return -EINVAL;
}

int filter_parse(const char *const *words, size_t n, struct filter *ret,
		 char *err)
{
	char value[VALUE_MAX], why[FILTER_ERR_MAX];
	struct filter f = any;
	__u32 seen = 0;
	size_t i;

	for (i = 0; i < n; i += 2) {
		const struct word *w = find_word(words[i]);

		if (!w)
			return unknown_word(words[i], err);
		if (seen & 1U << (w - filter_words)) {
			snprintf(err, FILTER_ERR_MAX, "%s is given twice",
				 w->name);
			return -EINVAL;
		}
		seen |= 1U << (w - filter_words);
		if (i + 1 == n || !*words[i + 1]) {
			snprintf(err, FILTER_ERR_MAX, "%s has no value: %s",
				 w->name, w->hint);
			return -EINVAL;
		}
		snprintf(why, sizeof(why), "%s", w->hint);
		if ((size_t)snprintf(value, sizeof(value), "%s",
				     words[i + 1]) >= sizeof(value) ||
		    !w->parse((char *)&f + w->member, value, why)) {
			snprintf(err, FILTER_ERR_MAX, "%s '%.64s': %.160s",
				 w->name, words[i + 1], why);
			return -EINVAL;
		}
	}
	*ret = f;
	return 0;
}

/* ---- sessions ---- */

static bool is_whole(const struct filter_range *r, __u32 max)
{
	return !r->min && r->max == max;
}

/* Port 0 is never used. */
static bool is_any_port(const struct filter_range *r)
{
	return r->min <= 1 && r->max == UINT16_MAX;
}

bool filter_is_any(const struct filter *f)
{
	return !f->src.len && !f->src.v6 && !f->dst.len && !f->dst.v6 &&
	       is_any_port(&f->sport) && is_any_port(&f->dport) &&
	       is_whole(&f->age, UINT32_MAX) &&
	       is_whole(&f->idle, UINT32_MAX) &&
	       (f->states | 1U << SESSION_FREE) == ALL_STATES &&
	       !filter_names_service(f);
}

static bool in_prefix(const struct filter_prefix *p, const __be32 addr[4])
{
	int i;

	if (p->v6 && addr_is_v4(addr))
		return false;
	for (i = 0; i < 4; i++)
		if ((addr[i] ^ p->addr[i]) & mask_of(p->len, i))
			return false;
	return true;
}

static bool in_range(const struct filter_range *r, __u64 value)
{
	return value >= r->min && (value <= r->max || r->max == UINT32_MAX);
}

struct listen service_listen(const struct service_info *i)
{
	struct listen l = { .port = i->listen.port, .wildcard = i->wildcard };

	memcpy(l.addr, i->listen.addr, sizeof(l.addr));
	return l;
}

bool filter_names_service(const struct filter *f)
{
	return f->listen.port || *f->name;
}

bool filter_is_service(const struct filter *f, const struct service_info *info)
{
	struct listen l;

	if (!info || !info->used)
		return false;
	if (*f->name)
		return !strncmp(f->name, info->name, sizeof(info->name));
	l = service_listen(info);
	return listen_equal(&f->listen, &l);
}

bool filter_match(const struct filter *f, const struct session *s,
		  const struct service_info *info, __u32 now)
{
	const struct tuple *t = &s->tuple;

	return f->states >> s->live.state & 1 &&
	       in_prefix(&f->src, t->client) && in_prefix(&f->dst, t->server) &&
	       in_range(&f->sport, ntohs(t->client_port)) &&
	       in_range(&f->dport, ntohs(t->server_port)) &&
	       in_range(&f->age, ms_since(now, s->born)) &&
	       in_range(&f->idle, ms_since(now, s->live.seen)) &&
	       (!filter_names_service(f) || filter_is_service(f, info));
}
