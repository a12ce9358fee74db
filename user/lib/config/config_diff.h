/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what is different between the configuration that is in
 * force and the one that is wanted, as a list to apply and to report. It looks
 * at values only. config_table.h says of each whether it can change while the
 * daemon runs.
 *
 * Services and interfaces come and go as a whole. A service that was added by
 * hand is in no configuration: that a new one does not name it, is no removal.
 */
#ifndef CONFIG_DIFF_H
#define CONFIG_DIFF_H

#include "config.h"

enum config_kind { CHANGE_VALUE, CHANGE_IFACE, CHANGE_SERVICE };

struct config_change {
	enum config_kind kind;
	char *what;	   /* "[keys] lifetime", "service *:443 policy" */
	char *from, *to;   /* NULL: was not there; is not any more */
	const char *needs; /* NULL, or what it takes: it cannot change now */
	const char *note;  /* what follows; who applies it says so */
	/* of the two configurations, which must outlive this; NULL as above */
	const char *old_iface, *new_iface;
	const struct config_service *old_service, *new_service;
};

struct config_diff {
	struct config_change *changes;
	size_t n;
	bool failed; /* out of memory on the way */
};

/* 0 or -ENOMEM. In either case config_diff_free() frees what is in @ret. */
int config_diff(const struct config *old, const struct config *wanted,
		struct config_diff *ret);
void config_diff_free(struct config_diff *diff);

/* Gives @wanted those values of @old that cannot change, and the reverse. */
void config_swap_fixed(struct config *old, struct config *wanted);

#endif
