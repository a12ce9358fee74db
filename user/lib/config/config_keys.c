// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the table keys[] says which key may stand in which
 * section, how its value is read and where it goes. A key that does not repeat
 * is refused the second time, since one of the two cannot be meant.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "config_file.h"
#include "synkeeper/limits.h"

enum { RESETS_MAX = 1000000 };

struct config_key {
	const char *section, *name;
	int (*set)(struct config_parser *p, const char *value);
	size_t member; /* offset in struct config */
	bool repeats;
	const char *min, *max;	  /* of a duration */
	unsigned int least, most; /* of a count; of a path's length */
};

/* The value is refused; the sentence begins with it, in quotes. */
__attribute__((format(printf, 3, 4))) static int
refuse(struct config_parser *p, int ret, const char *fmt, ...)
{
	char why[CONFIG_ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return config_fail(p, p->line, ret, "[%s] %s: %s", p->title->text,
			   p->key->name, why);
}

static int set_iface(struct config_parser *p, const char *value)
{
	char buf[CONFIG_ERR_MAX], why[CONFIG_ERR_MAX];
	char *rest = buf, *name;
	int ret;

	snprintf(buf, sizeof(buf), "%s", value);
	if (!*value)
		return refuse(p, -EINVAL, "'%s': an interface name is missing",
			      value);
	while ((name = strsep(&rest, " \t"))) {
		ret = *name ? config_add_iface(p->c, name, why) : 0;
		if (ret)
			return refuse(p, ret, "%s", why);
	}
	return 0;
}

static int set_mode(struct config_parser *p, const char *value)
{
	char why[CONFIG_ERR_MAX];
	int ret = config_set_mode(p->c, value, why);

	return ret ? refuse(p, ret, "%s", why) : 0;
}

static int set_metrics(struct config_parser *p, const char *value)
{
	char why[CONFIG_ERR_MAX];
	int ret = config_set_metrics(p->c, value, why);

	return ret ? refuse(p, ret, "%s", why) : 0;
}

static int set_group(struct config_parser *p, const char *value)
{
	char why[CONFIG_ERR_MAX];
	int ret = config_set_group(p->c, value, why);

	return ret ? refuse(p, ret, "%s", why) : 0;
}

static int either(struct config_parser *p, const char *value, const char *first,
		  const char *second, bool *ret_second)
{
	bool is_second = !strcmp(value, second);

	if (!is_second && strcmp(value, first) != 0)
		return refuse(p, -EINVAL, "'%s': must be %s or %s", value,
			      first, second);
	*ret_second = is_second;
	return 0;
}

static int set_on_exit(struct config_parser *p, const char *value)
{
	bool detach = false;
	int ret = either(p, value, "keep", "detach", &detach);

	p->c->on_exit = detach ? EXIT_DETACH : EXIT_KEEP;
	return ret;
}

static int set_replace(struct config_parser *p, const char *value)
{
	return either(p, value, "no", "yes", &p->c->replace);
}

static int set_invalid_ack(struct config_parser *p, const char *value)
{
	return either(p, value, "drop", "reset", &p->reset);
}

static int set_path(struct config_parser *p, const char *value)
{
	char **member = (char **)((char *)p->c + p->key->member);
	const char *why = config_check_path(value, p->key->most);

	if (why)
		return refuse(p, -EINVAL, "'%s': %s", value, why);
	if (config_set_string(member, value))
		return refuse(p, -ENOMEM, "out of memory");
	return 0;
}

static int set_duration(struct config_parser *p, const char *value)
{
	unsigned int *member = (unsigned int *)((char *)p->c + p->key->member);
	unsigned int ms = 0, min = 0, max = 0;
	int ret = parse_duration(value, &ms);

	if (ret == -EINVAL)
		return refuse(p, -EINVAL,
			      "'%s': not a duration: write it as 60s, 5m or "
			      "2h4m",
			      value);
	parse_duration(p->key->min, &min);
	parse_duration(p->key->max, &max);
	if (ret || ms < min || ms > max)
		return refuse(p, -EINVAL, "'%s': must be %s to %s", value,
			      p->key->min, p->key->max);
	*member = ms;
	return 0;
}

static int read_count(struct config_parser *p, const char *value,
		      unsigned int *ret_count)
{
	unsigned int n = 0;
	int ret = parse_count(value, &n);

	if (ret == -EINVAL)
		return refuse(p, -EINVAL,
			      "'%s': not a count: write it as 500, 10k or 4M",
			      value);
	if (ret || n < p->key->least || n > p->key->most)
		return refuse(p, -EINVAL, "'%s': must be %u to %u", value,
			      p->key->least, p->key->most);
	*ret_count = n;
	return 0;
}

static int set_count(struct config_parser *p, const char *value)
{
	return read_count(p, value,
			  (unsigned int *)((char *)p->c + p->key->member));
}

static int set_percent(struct config_parser *p, const char *value)
{
	char number[8];
	unsigned int n = 0;
	size_t len = strlen(value);

	if (len && len < sizeof(number) && value[len - 1] == '%') {
		snprintf(number, sizeof(number), "%.*s", (int)len - 1, value);
		if (parse_count(number, &n))
			n = 0;
	}
	if (n < 1 || n > 100)
		return refuse(p, -EINVAL, "'%s': must be 1%% to 100%%", value);
	*(unsigned int *)((char *)p->c + p->key->member) = n;
	return 0;
}

static int set_rate(struct config_parser *p, const char *value)
{
	p->reset_rate_line = p->line;
	return read_count(p, value, &p->reset_rate);
}

static int set_listen(struct config_parser *p, const char *value)
{
	char why[CONFIG_ERR_MAX];
	int ret = config_add_service(p->c, p->name, value, POLICY_ON, why);

	if (ret)
		return refuse(p, ret, "%s", why);
	p->c->services[p->c->n_services - 1].line = p->line;
	return 0;
}

static int set_policy(struct config_parser *p, const char *value)
{
	const char *why;

	if (config_parse_policy(value, &p->policy, &why))
		return refuse(p, -EINVAL, "'%s': %s", value, why);
	return 0;
}

static int set_cookies(struct config_parser *p, const char *value)
{
	const char *why;

	if (config_parse_cookies(value, &p->cookies, &why))
		return refuse(p, -EINVAL, "'%s': %s", value, why);
	return 0;
}

#define MEMBER(m) .member = offsetof(struct config, m)

static const struct config_key keys[] = {
	{ "daemon", "interface", set_iface, .repeats = true },
	{ "daemon", "mode", set_mode },
	{ "daemon", "on-exit", set_on_exit },
	{ "daemon", "replace", set_replace },
	{ "daemon", "pin-dir", set_path, MEMBER(pin_dir),
	  .most = CONFIG_PIN_DIR_MAX },
	{ "daemon", "control", set_path, MEMBER(control),
	  .most = CONFIG_CONTROL_MAX },
	{ "daemon", "control-group", set_group },
	{ "daemon", "metrics", set_metrics },
	{ "keys", "lifetime", set_duration, MEMBER(key_lifetime_ms),
	  .min = "5s", .max = "24h" },
	{ "sessions", "max", set_count, MEMBER(sessions_max),
	  .least = SESSIONS_MIN, .most = SESSIONS_MAX },
	{ "sessions", "pending-timeout", set_duration,
	  MEMBER(pending_timeout_ms), .min = "1s", .max = "10m" },
	{ "sessions", "idle-timeout", set_duration, MEMBER(idle_timeout_ms),
	  .min = "1s", .max = "30d" },
	{ "sessions", "half-closed-timeout", set_duration,
	  MEMBER(half_closed_timeout_ms), .min = "1s", .max = "30d" },
	{ "sessions", "closing-timeout", set_duration,
	  MEMBER(closing_timeout_ms), .min = "1s", .max = "1d" },
	{ "sessions", "time-wait-timeout", set_duration,
	  MEMBER(time_wait_timeout_ms), .min = "1s", .max = "10m" },
	{ "service", "listen", set_listen, .repeats = true },
	{ "service", "policy", set_policy },
	{ "service", "cookies", set_cookies },
	{ "arming", "syn-rate", set_count, MEMBER(arming.syn_rate), .least = 10,
	  .most = 1000000000 },
	{ "arming", "queue", set_percent, MEMBER(arming.queue) },
	{ "arming", "calm", set_duration, MEMBER(arming.calm_ms), .min = "1s",
	  .max = "1d" },
	{ "sources", "allow", set_path, MEMBER(allow),
	  .most = CONFIG_LIST_MAX },
	{ "sources", "deny", set_path, MEMBER(deny), .most = CONFIG_LIST_MAX },
	{ "sources", "synacks-per-second", set_count,
	  MEMBER(synacks_per_second), .least = 1, .most = 1000000000 },
	{ "sources", "ipv4-prefix", set_count, MEMBER(source_bits4), .least = 8,
	  .most = 32 },
	{ "sources", "ipv6-prefix", set_count, MEMBER(source_bits6),
	  .least = 16, .most = 64 },
	{ "answer", "invalid-ack", set_invalid_ack },
	{ "answer", "resets-per-second", set_rate, .least = 1,
	  .most = RESETS_MAX },
};
_Static_assert(ARRAY_SIZE(keys) <= CONFIG_KEYS_MAX,
	       "every key has its place in seen");

const char *config_key_at(size_t i, const char **ret_section)
{
	if (i >= ARRAY_SIZE(keys))
		return NULL;
	*ret_section = keys[i].section;
	return keys[i].name;
}

static int unknown_key(struct config_parser *p, const char *name)
{
	const char *elsewhere = NULL, *near = NULL;
	char takes[256] = "";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!strcmp(keys[i].name, name))
			elsewhere = keys[i].section;
		if (strcmp(keys[i].section, p->section) != 0)
			continue;
		if (!near && word_is_near(name, keys[i].name))
			near = keys[i].name;
		if (*takes)
			strcat(takes, ", ");
		strcat(takes, keys[i].name);
	}
	if (elsewhere)
		return config_fail(p, p->line, -EINVAL,
				   "[%s] %s: this key belongs under [%s]",
				   p->title->text, name, elsewhere);
	if (near)
		return config_fail(p, p->line, -EINVAL,
				   "[%s] %s: unknown key: did you mean '%s'?",
				   p->title->text, name, near);
	return config_fail(p, p->line, -EINVAL,
			   "[%s] %s: unknown key: [%s] takes %s",
			   p->title->text, name, p->section, takes);
}

int config_set_key(struct config_parser *p, const char *name, const char *value)
{
	unsigned int *seen;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, p->section) &&
		    !strcmp(keys[i].name, name))
			break;
	if (i == ARRAY_SIZE(keys))
		return unknown_key(p, name);
	p->key = &keys[i];
	seen = &p->seen[i];
	if (*seen && !p->key->repeats)
		return refuse(p, -EINVAL,
			      "'%s': given before, on line %u: remove one",
			      value, *seen);
	*seen = p->line;
	if (strstr(value, " #") || strstr(value, "\t#"))
		return refuse(p, -EINVAL,
			      "'%s': a comment behind a value begins with ' ;'",
			      value);
	return p->key->set(p, value);
}
