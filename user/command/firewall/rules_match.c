/* SPDX-License-Identifier: GPL-2.0-only */
/* The JSON is documented in libnftables-json(5). */
#include <string.h>

#include "rules_match.h"

/* The value of a field in the packet. */
struct value {
	enum { UNKNOWN, ABSENT, WORD, PORT } kind;
	const char *word;
	int port;
};

const char *rules_text(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

static struct value word(const char *text)
{
	return (struct value){ .kind = text ? WORD : UNKNOWN, .word = text };
}

static struct value meta(const struct rules_packet *p, const char *key)
{
	if (!strcmp(key, "iifname") || !strcmp(key, "iif"))
		return word(p->iface);
	if (!strcmp(key, "l4proto"))
		return word("tcp");
	if (!strcmp(key, "nfproto"))
		return word(p->v6 ? "ipv6" : "ipv4");
	return (struct value){ .kind = UNKNOWN };
}

static struct value payload(const struct rules_packet *p, const char *header,
			    const char *field)
{
	static const char *const others[] = { "udp",	"udplite", "icmp",
					      "icmpv6", "sctp",	   "dccp",
					      "esp",	"ah",	   "comp",
					      "igmp" };
	size_t i;

	if (!strcmp(header, "tcp") || !strcmp(header, "th")) {
		if (!strcmp(field, "flags"))
			return word(p->flags);
		if (!strcmp(field, "dport") && p->port >= 0)
			return (struct value){ .kind = PORT, .port = p->port };
	} else if (!strcmp(header, p->v6 ? "ip" : "ip6")) {
		return (struct value){ .kind = ABSENT };
	} else if (!strcmp(field, p->v6 ? "nexthdr" : "protocol") &&
		   !strncmp(header, "ip", 2)) {
		return word("tcp");
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(header, others[i]))
			return (struct value){ .kind = ABSENT };
	return (struct value){ .kind = UNKNOWN };
}

/* Is @name among "syn", ["fin", "syn"] or {"|": ["fin", "syn"]}? */
static bool has_flag(const json_t *flags, const char *name)
{
	const json_t *all = json_object_get(flags, "|");
	json_t *one;
	size_t i;

	if (json_is_string(flags))
		return !strcmp(json_string_value(flags), name);
	json_array_foreach (all ? all : flags, i, one) {
		if (has_flag(one, name))
			return true;
	}
	return false;
}

static bool is_tcp_flags(const json_t *field)
{
	const json_t *p = json_object_get(field, "payload");

	return !strcmp(rules_text(p, "protocol"), "tcp") &&
	       !strcmp(rules_text(p, "field"), "flags");
}

static struct value value_of(const struct rules_packet *p, const json_t *field)
{
	const json_t *of, *mask;

	of = json_object_get(field, "ct");
	if (of && !strcmp(rules_text(of, "key"), "state"))
		return word(p->state);
	of = json_object_get(field, "meta");
	if (of)
		return meta(p, rules_text(of, "key"));
	of = json_object_get(field, "payload");
	if (of)
		return payload(p, rules_text(of, "protocol"),
			       rules_text(of, "field"));
	of = json_object_get(field, "&");
	mask = json_array_get(of, 1);
	if (is_tcp_flags(json_array_get(of, 0)))
		return word(has_flag(mask, p->flags) ? p->flags : "");
	of = json_object_get(field, "fib");
	if (!strcmp(rules_text(of, "result"), "type"))
		return word(has_flag(json_object_get(of, "flags"), "daddr")
				    ? "local"
				    : NULL);
	return (struct value){ .kind = UNKNOWN };
}

static enum rules_truth truth(bool yes)
{
	return yes ? RULES_YES : RULES_NO;
}

static enum rules_truth word_is(const char *have, const char *want)
{
	size_t len = strlen(want);

	if (want[0] == '@') /* a named set: its elements were not listed (-t) */
		return RULES_MAYBE;
	if (len && want[len - 1] == '*') /* interface wildcard */
		return truth(!strncmp(have, want, len - 1));
	return truth(!strcmp(have, want));
}

static enum rules_truth in_range(int port, const json_t *range)
{
	const json_t *low = json_array_get(range, 0);
	const json_t *high = json_array_get(range, 1);

	if (!json_is_integer(low) || !json_is_integer(high))
		return RULES_MAYBE;
	return truth(port >= json_integer_value(low) &&
		     port <= json_integer_value(high));
}

static enum rules_truth is(struct value have, const json_t *want);

static enum rules_truth is_any(struct value have, const json_t *list)
{
	enum rules_truth best = RULES_NO;
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		enum rules_truth t = is(have, one);

		if (t > best)
			best = t;
	}
	return best;
}

static enum rules_truth is(struct value have, const json_t *want)
{
	const json_t *set = json_object_get(want, "set");

	if (set)
		return is_any(have, set);
	if (json_is_array(want))
		return is_any(have, want);
	if (have.kind == WORD && json_is_string(want))
		return word_is(have.word, json_string_value(want));
	/* no flag at all; or several at once, but the packet has just one */
	if (have.kind == WORD && json_is_integer(want) &&
	    json_integer_value(want) == 0)
		return truth(!*have.word);
	if (have.kind == WORD && json_object_get(want, "|"))
		return RULES_NO;
	if (have.kind == PORT && json_is_integer(want))
		return truth(have.port == json_integer_value(want));
	if (have.kind == PORT && json_object_get(want, "range"))
		return in_range(have.port, json_object_get(want, "range"));
	return RULES_MAYBE;
}

enum rules_truth rules_equals(const struct rules_packet *p, const json_t *field,
			      const json_t *value)
{
	struct value have = value_of(p, field);

	if (have.kind == ABSENT)
		return RULES_NO;
	return have.kind == UNKNOWN ? RULES_MAYBE : is(have, value);
}

enum rules_truth rules_match(const struct rules_packet *p, const json_t *match)
{
	const json_t *left = json_object_get(match, "left");
	const json_t *right = json_object_get(match, "right");
	const char *op = rules_text(match, "op");
	struct value have = value_of(p, left);
	enum rules_truth t;

	if (have.kind == ABSENT) /* no comparison is true */
		return RULES_NO;
	if (!strcmp(op, "in") && have.kind == WORD)
		return truth(has_flag(right, have.word));
	if (!strcmp(op, "!") && have.kind == WORD)
		return truth(!has_flag(right, have.word));
	t = rules_equals(p, left, right);
	if (!strcmp(op, "==") || !strcmp(op, "in"))
		return t;
	if (!strcmp(op, "!=") || !strcmp(op, "!"))
		return t == RULES_MAYBE ? t : truth(t == RULES_NO);
	return RULES_MAYBE;
}
