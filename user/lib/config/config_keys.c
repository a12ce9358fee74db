// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: parses and stores the values of the keys that
 * config_table.h lists. A default is set by the same function as a value in the
 * file. A key that cannot repeat is refused the second time, since one of the
 * two must be a mistake.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "config_file.h"

struct config_key {
	const char *section, *name;
	int (*set)(struct config_parser *p, const char *value);
	size_t member;			 /* offset in struct config */
	const char *fallback;		 /* NULL: not set without the key */
	const char *least, *most;	 /* NULL: no bound */
	enum { VALUE, LIST, PART } kind; /* of its row */
};

/* Refuses the value; the message starts with it, in quotes. */
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

static int set_interfaces(struct config_parser *p, const char *value)
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

static int set_address(struct config_parser *p, const char *value)
{
	char why[CONFIG_ERR_MAX];
	int ret = config_set_metrics(p->c, value, why);

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

static int set_yes_no(struct config_parser *p, const char *value)
{
	bool *member = (bool *)((char *)p->c + p->key->member);

	return either(p, value, "no", "yes", member);
}

static int set_invalid_ack(struct config_parser *p, const char *value)
{
	return either(p, value, "drop", "reset", &p->reset);
}

static int set_path(struct config_parser *p, const char *value)
{
	char **member = (char **)((char *)p->c + p->key->member);
	const char *why;
	unsigned int most = 0;

	count_parse(p->key->most, &most);
	why = config_check_path(value, most + 1);
	if (why)
		return refuse(p, -EINVAL, "'%s': %s", value, why);
	if (config_set_string(member, value))
		return refuse(p, -ENOMEM, "out of memory");
	return 0;
}

static int set_group(struct config_parser *p, const char *value)
{
	char why[CONFIG_ERR_MAX];
	int ret = config_set_group(p->c, value, why);

	return ret ? refuse(p, ret, "%s", why) : 0;
}

/* How a number is written, and the error if it is not. */
struct notation {
	int (*parse)(const char *text, unsigned int *ret);
	const char *why;
};

static const struct notation durations = {
	duration_parse, "not a duration: write it as 60s, 5m or 2h4m"
};
static const struct notation counts = {
	count_parse, "not a count: write it as 500, 10k or 4M"
};

/* Reads a number within the bounds of its row. */
static int read_number(struct config_parser *p, const struct notation *as,
		       const char *value, unsigned int *ret_number)
{
	unsigned int n = 0, least = 0, most = 0;
	int ret = as->parse(value, &n);

	if (ret == -EINVAL && as->why)
		return refuse(p, -EINVAL, "'%s': %s", value, as->why);
	as->parse(p->key->least, &least);
	as->parse(p->key->most, &most);
	if (ret || n < least || n > most)
		return refuse(p, -EINVAL, "'%s': must be %s to %s", value,
			      p->key->least, p->key->most);
	*ret_number = n;
	return 0;
}

static unsigned int *member_of(const struct config_parser *p)
{
	return (unsigned int *)((char *)p->c + p->key->member);
}

static int set_duration(struct config_parser *p, const char *value)
{
	return read_number(p, &durations, value, member_of(p));
}

static int set_count(struct config_parser *p, const char *value)
{
	return read_number(p, &counts, value, member_of(p));
}

static int set_cap(struct config_parser *p, const char *value)
{
	return set_count(p, value);
}

static int parse_percent(const char *text, unsigned int *ret)
{
	size_t len = strlen(text);
	char number[8];

	if (!len || len >= sizeof(number) || text[len - 1] != '%')
		return -EINVAL;
	snprintf(number, sizeof(number), "%.*s", (int)len - 1, text);
	return count_parse(number, ret);
}

static int set_percent(struct config_parser *p, const char *value)
{
	static const struct notation percents = { parse_percent, NULL };

	return read_number(p, &percents, value, member_of(p));
}

static int set_rate(struct config_parser *p, const char *value)
{
	p->reset_rate_line = p->line;
	return read_number(p, &counts, value, &p->reset_rate);
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

static int set_owner(struct config_parser *p, const char *value)
{
	const char *why;

	if (config_parse_owner(value, &p->owner, &why))
		return refuse(p, -EINVAL, "'%s': %s", value, why);
	return 0;
}

static const struct config_key keys[] = {
#define VALUE(section, name, type, member, fallback, least, most, ...)  \
	{ #section, name,  set_##type, offsetof(struct config, member), \
	  fallback, least, most,       VALUE },
#define LIST(section, name, type, ...) \
	{ #section, name, set_##type, .kind = LIST },
#define PART(section, name, type, fallback, least, most, ...) \
	{ #section, name, set_##type, 0, fallback, least, most, PART },
#include "config_table.h"
};
_Static_assert(ARRAY_SIZE(keys) <= CONFIG_KEYS_MAX,
	       "every key has its place in seen");

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
	if (*seen && p->key->kind != LIST)
		return refuse(p, -EINVAL,
			      "'%s': already given on line %u: remove one",
			      value, *seen);
	*seen = p->line;
	if (strstr(value, " #") || strstr(value, "\t#"))
		return refuse(p, -EINVAL,
			      "'%s': a comment after a value starts with ' ;'",
			      value);
	return p->key->set(p, value);
}

void config_set_defaults(struct config_parser *p, const char *section)
{
	unsigned int line = p->line;
	size_t i;

	p->line = 0; /* not from a line of the file */
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct config_key *k = &keys[i];

		if (!k->fallback || k->kind != (section ? PART : VALUE) ||
		    (section && strcmp(k->section, section) != 0))
			continue;
		p->key = k;
		k->set(p, k->fallback);
	}
	p->line = line;
}

void config_init(struct config *c)
{
	struct config_title title = { "defaults" };
	char err[CONFIG_ERR_MAX];
	struct config_parser p = {
		.c = c,
		.path = "",
		.err = err,
		.title = &title,
	};

	/* Out of memory leaves a path NULL; config_validate() says so. */
	*c = (struct config){ 0 };
	config_set_defaults(&p, NULL);
	config_set_defaults(&p, "answer");
	c->resets_per_second = p.reset ? p.reset_rate : 0;
}
