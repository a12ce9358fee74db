/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the differences between the configuration in force and a
 * new one, as a list to apply and to report. It compares values only;
 * config_table.h says which can change while the daemon runs.
 *
 * Services and interfaces are added and removed as a whole. A service that was
 * added by hand is in no configuration, so its absence from the new one does
 * not remove it.
 */
#ifndef CONFIG_DIFF_H
#define CONFIG_DIFF_H

#include "config.h"

enum config_kind { CHANGE_VALUE, CHANGE_IFACE, CHANGE_SERVICE };

struct config_change {
	enum config_kind kind;
	char *what;	   /* "[keys] lifetime", "service *:443 policy" */
	char *from, *to;   /* from NULL: added; to NULL: removed */
	const char *needs; /* NULL, or what the change requires */
	const char *note;  /* the consequence, from whoever applies it */
	/* in the two configurations, which must outlive this; NULL as above */
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

/* Swaps the values that cannot change at runtime. */
void config_swap_fixed(struct config *old, struct config *wanted);

#endif
