// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the values that flags and file share, and their checks.
 * Keys and defaults are in config_keys.c, the syntax of the file is in
 * config_file.c. Everything is bounded: CONFIG_IFACES_MAX interfaces,
 * SERVICES_MAX - 1 services (ids start at 1).
 */
#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <search.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "synkeeper/limits.h"

enum { LIFETIME_WISE_MS = 10 * 60 * 1000 };

int config_refuse(char *err, int ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, CONFIG_ERR_MAX, fmt, ap);
	va_end(ap);
	return ret;
}

void config_free(struct config *c)
{
	free(c->file);
	free(c->pin_dir);
	free(c->control);
	free(c->control_group);
	free(c->allow);
	free(c->deny);
	free(c->services);
	*c = (struct config){ 0 };
}

/* What the kernel accepts as an interface name. */
static const char *check_iface(const char *name)
{
	const char *s;

	if (!*name)
		return "an interface name is missing";
	if (strlen(name) >= IF_NAMESIZE)
		return "an interface name has at most 15 characters: see "
		       "'ip link'";
	for (s = name; *s; s++)
		if (*s == '/' || *s == ':' || isspace((unsigned char)*s))
			return "an interface name has no '/', ':' or blank: "
			       "see 'ip link'";
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return "not an interface name: see 'ip link'";
	return NULL;
}

int config_add_iface(struct config *c, const char *name, char *err)
{
	const char *why = check_iface(name);
	size_t i;

	if (why)
		return config_refuse(err, -EINVAL, "'%s': %s", name, why);
	for (i = 0; i < c->n_ifaces; i++)
		if (!strcmp(c->ifaces[i], name))
			return 0;
	if (c->n_ifaces == CONFIG_IFACES_MAX)
		return config_refuse(
			err, -E2BIG,
			"'%s': more than %d interfaces: leave some out", name,
			CONFIG_IFACES_MAX);
	strcpy(c->ifaces[c->n_ifaces++], name);
	return 0;
}

int config_add_service(struct config *c, const char *section,
		       const char *listen, enum config_policy policy, char *err)
{
	struct config_service s = { .policy = policy };
	struct config_service *grown;
	size_t n = c->n_services;
	const char *why;

	why = name_check(section);
	if (why)
		return config_refuse(err, -EINVAL, "'%s': %s", section, why);
	strcpy(s.name, section);
	if (listen_parse(listen, &s.listen, &why))
		return config_refuse(err, -EINVAL, "'%s': %s", listen, why);
	if (n == SERVICES_MAX - 1)
		return config_refuse(
			err, -E2BIG,
			"'%s': more than %d services: leave some out, or "
			"protect all addresses of a port with *:PORT",
			listen, SERVICES_MAX - 1);

	/* Capacity doubles when it is used up: at 0, 1, 2, 4, 8, ... */
	if (!(n & (n - 1))) {
		grown = reallocarray(c->services, n ? 2 * n : 1, sizeof(s));
		if (!grown)
			return config_refuse(err, -ENOMEM,
					     "'%s': out of memory", listen);
		c->services = grown;
	}
	c->services[c->n_services++] = s;
	return 0;
}

static const char *const modes[] = {
	[MODE_AUTO] = "auto",
	[MODE_NATIVE] = "native",
	[MODE_SKB] = "skb",
};

const char *config_mode_name(enum config_mode mode)
{
	return modes[mode];
}

int config_set_mode(struct config *c, const char *value, char *err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!strcmp(value, modes[i])) {
			c->mode = i;
			return 0;
		}
	}
	return config_refuse(err, -EINVAL, "'%s': must be auto, native or skb",
			     value);
}

int config_set_metrics(struct config *c, const char *value, char *err)
{
	const char *why;

	if (listen_parse(value, &c->metrics, &why))
		return config_refuse(err, -EINVAL, "'%s': %s", value, why);
	return 0;
}

int config_set_group(struct config *c, const char *value, char *err)
{
	if (!*value || !getgrnam(value))
		return config_refuse(err, -EINVAL,
				     "'%s': no such group on this host: create "
				     "it with 'groupadd --system NAME'",
				     value);
	if (config_set_string(&c->control_group, value))
		return config_refuse(err, -ENOMEM, "'%s': out of memory",
				     value);
	return 0;
}

int config_set_string(char **member, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*member);
	*member = copy;
	return 0;
}

const char *config_check_file(FILE *f, const char *path)
{
	struct stat st;

	/* whoever can write to a pipe or device was chosen by the operator */
	if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode))
		return NULL;
	if (st.st_mode & S_IWOTH)
		return "it is world-writable: check its contents, then chmod "
		       "o-w";
	if (st.st_uid && st.st_uid != geteuid())
		log_warn("%s belongs to uid %u, who thereby controls root's "
			 "daemon: chown root",
			 path, st.st_uid);
	return NULL;
}

void config_warn(const struct config *c)
{
	if (c->key_lifetime_ms > LIFETIME_WISE_MS)
		log_warn(
			"[keys] lifetime: %u minutes: cookies are valid for up "
			"to twice as long, so an attacker can collect many "
			"and use them all at once: consider 10m or less",
			c->key_lifetime_ms / 60000);
}

const char *config_check_path(const char *path, size_t max)
{
	if (*path != '/')
		return "must be a path that begins with '/'";
	if (strlen(path) >= max)
		return "too long: at most 255 bytes for pin-dir, 107 for "
		       "control";
	return NULL;
}

static int compare_listen(const void *va, const void *vb)
{
	const struct config_service *a = va, *b = vb;

	return listen_compare(&a->listen, &b->listen);
}

static void keep(void *service)
{
	(void)service;
}

int config_find_twin(const struct config *c,
		     const struct config_service **ret_first,
		     const struct config_service **ret_twin)
{
	const struct config_service **found;
	void *root = NULL;
	int ret = 0;
	size_t i;

	for (i = 0; i < c->n_services && !ret; i++) {
		found = tsearch(&c->services[i], &root, compare_listen);
		if (!found) {
			ret = -ENOMEM;
		} else if (*found != &c->services[i]) {
			*ret_first = *found;
			*ret_twin = &c->services[i];
			ret = -EEXIST;
		}
	}
	tdestroy(root, keep);
	return ret;
}

int config_validate(const struct config *c, char *err)
{
	const struct config_service *twin, *first;
	char text[LISTEN_STRLEN];
	const char *why;

	if (!c->pin_dir || !c->control)
		return config_refuse(err, -ENOMEM, "out of memory");
	why = config_check_path(c->pin_dir, CONFIG_PIN_DIR_MAX);
	if (why)
		return config_refuse(err, -EINVAL, "pin-dir: '%s': %s",
				     c->pin_dir, why);
	why = config_check_path(c->control, CONFIG_CONTROL_MAX);
	if (why)
		return config_refuse(err, -EINVAL, "control: '%s': %s",
				     c->control, why);
	if (!c->n_ifaces)
		return config_refuse(err, -EINVAL,
				     "no interface: name one with -i, or with "
				     "'interface = NAME' under [daemon]");
	if (!c->n_services)
		return config_refuse(
			err, -EINVAL,
			"no service: name one with -s ADDRESS:PORT, or "
			"with 'listen = ADDRESS:PORT' under [service NAME]");
	switch (config_find_twin(c, &first, &twin)) {
	case 0:
		return 0;
	case -ENOMEM:
		return config_refuse(err, -ENOMEM, "out of memory");
	}
	listen_format(&twin->listen, text);
	if (!*first->name && !*twin->name)
		return config_refuse(err, -EINVAL,
				     "'%s': given twice: remove one", text);
	return config_refuse(
		err, -EINVAL,
		"'%s': given twice, once as service '%s': remove one", text,
		*first->name ? first->name : twin->name);
}

static const char *const policies[] = {
#define X(word, name) [POLICY_##name] = #word,
	SYNKEEPER_POLICIES(X)
#undef X
};

static const char *const backends[] = {
	[COOKIES_BY_AUTO] = "auto",
	[COOKIES_BY_OWN] = "own",
	[COOKIES_BY_KERNEL] = "kernel",
};

static const char *const owners[] = {
	[OWNER_BY_AUTO] = "auto",
	[OWNER_BY_SOCKET] = "socket",
	[OWNER_BY_SPLICE] = "splice",
};

/* The index of @text among @n @words, or -EINVAL. */
static int find_word(const char *text, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(text, words[i]))
			return (int)i;
	return -EINVAL;
}

const char *config_policy_name(enum config_policy policy)
{
	return policies[policy];
}

int config_parse_policy(const char *text, enum config_policy *ret,
			const char **ret_why)
{
	int i = find_word(text, policies, ARRAY_SIZE(policies));

	if (i >= 0)
		*ret = i;
	else
		*ret_why = POLICY_WHY;
	return i < 0 ? i : 0;
}

const char *config_cookies_name(enum config_cookies cookies)
{
	return backends[cookies];
}

int config_parse_cookies(const char *text, enum config_cookies *ret,
			 const char **ret_why)
{
	int i = find_word(text, backends, ARRAY_SIZE(backends));

	if (i >= 0)
		*ret = i;
	else
		*ret_why = "must be own, kernel or auto";
	return i < 0 ? i : 0;
}

const char *config_owner_name(enum config_owner owner)
{
	return owners[owner];
}

int config_parse_owner(const char *text, enum config_owner *ret,
		       const char **ret_why)
{
	int i = find_word(text, owners, ARRAY_SIZE(owners));

	if (i >= 0)
		*ret = i;
	else
		*ret_why = "must be socket, splice or auto";
	return i < 0 ? i : 0;
}

bool config_has_splices(const struct config *c, bool forwards)
{
	size_t i;

	for (i = 0; i < c->n_services; i++)
		if (c->services[i].owner == OWNER_BY_SPLICE ||
		    (c->services[i].owner == OWNER_BY_AUTO && forwards))
			return true;
	return false;
}
