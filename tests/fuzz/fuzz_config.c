// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: an input is a configuration file. Either it is refused
 * with one line that names the file and the reason; or the result is within
 * bounds, passes the overall checks, and is the same when read again.
 */
#include <string.h>

#include "config/config.h"
#include "memfile.h"
#include "synkeeper/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void within(const char *what, unsigned int value, unsigned int least,
		   unsigned int most)
{
	if (value < least || value > most)
		finding("%s is %u, not %u to %u", what, value, least, most);
}

/* "5s", "10", "50%" */
static unsigned int number(const char *text)
{
	unsigned int n = 0;

	if (duration_parse(text, &n))
		sscanf(text, "%u", &n);
	return n;
}

static void check_number(const char *name, const void *member,
			 const char *fallback, const char *least,
			 const char *most)
{
	const unsigned int *value = member;

	if (least && (fallback || *value)) /* or the key is not there: 0 */
		within(name, *value, number(least), number(most));
}

/* The bounds of config_table.h. */
static void check_bounds(const struct config *c)
{
#define VALUE(section, name, type, member, fallback, least, most, ...) \
	check_number(name, &c->member, fallback, least, most);
#include "config/config_table.h"
	within("resets", c->resets_per_second, 0, 1000000);
	within("interfaces", c->n_ifaces, 0, CONFIG_IFACES_MAX);
	within("services", c->n_services, 0, SERVICES_MAX - 1);
}

static void check_names(const struct config *c)
{
	size_t i;

	for (i = 0; i < c->n_ifaces; i++)
		within("length of an interface", strlen(c->ifaces[i]), 1,
		       IF_NAMESIZE - 1);
	for (i = 0; i < c->n_services; i++) {
		within("length of a service", strlen(c->services[i].name), 0,
		       NAME_MAX_LEN - 1);
		within("a policy", c->services[i].policy, POLICY_ON,
		       POLICY_OFF);
		if (!c->services[i].listen.port)
			finding("a service at port 0");
	}
}

static void check_again(const struct config *c, const char *path)
{
	char err[CONFIG_ERR_MAX] = "";
	struct config again;

	config_init(&again);
	if (config_load(&again, path, err))
		finding("read again, it is refused: %s", err);
	if (again.n_services != c->n_services ||
	    again.n_ifaces != c->n_ifaces || again.mode != c->mode ||
	    again.idle_timeout_ms != c->idle_timeout_ms)
		finding("read again, it is another");
	config_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[MEMFILE_PATH], err[CONFIG_ERR_MAX];
	struct config c;

	memset(err, 0, sizeof(err));
	memfile(0, data, size, path);
	config_init(&c);
	if (config_load(&c, path, err)) {
		check_error(err, sizeof(err), path);
	} else {
		check_bounds(&c);
		check_names(&c);
		memset(err, 0, sizeof(err));
		if (config_validate(&c, err))
			check_error(err, sizeof(err), "");
		check_again(&c, path);
	}
	config_free(&c);
	return 0;
}
