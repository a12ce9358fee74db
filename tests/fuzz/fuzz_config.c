// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: an input is a configuration file. It is refused with one
 * line that names the file, and says why; or what came of it is within bounds,
 * passes the checks of the whole, and is the same when it is read again.
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

/* The bounds of synkeeper.conf(5). */
static void check_bounds(const struct config *c)
{
	within("lifetime", c->key_lifetime_ms, 5000, 86400000);
	within("max", c->sessions_max, SESSIONS_MIN, SESSIONS_MAX);
	within("pending-timeout", c->pending_timeout_ms, 1000, 600000);
	within("idle-timeout", c->idle_timeout_ms, 10000, 2592000000U);
	within("IPv4 prefix", c->source_bits4, 1, 32);
	within("IPv6 prefix", c->source_bits6, 1, 64);
	within("resets", c->resets_per_second, 0, 1000000);
	within("queue", c->arming.queue, 1, 100);
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
