/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: keys by time, derived from a secret that other nodes
 * share (secret/secret.h, synkeeper/epoch.h). The daemon holds the secrets in
 * locked memory that no dump contains, and writes the keys of the next hour
 * into the map `epoch_keys`; the programs pick by CLOCK_TAI, for which the
 * daemon tells them its distance from UTC. Twice a second it looks whether the
 * window has moved, whether NTP has set that distance, and whether the clock is
 * still synchronised.
 *
 * The map has two places. A secret stays in the place that has its keys, also
 * from one daemon to the next, which finds it there by comparing; so a
 * promotion is one store into the settings' flags, and no key is rewritten
 * while it counts.
 *
 * A file that cannot be used refuses the start, or the reload, which then
 * leaves everything as it was.
 */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "config/config.h"
#include "control/request.h"
#include "kernel/utc.h"
#include "secret/secret.h"
#include "synkeeper/abi.h"

struct cluster {
	int fd; /* the map */
	struct settings *settings;
	const char *path;	  /* the configuration's; NULL: no secret */
	struct secrets *secrets;  /* owned, locked; NULL: no secret */
	__u32 place[SECRETS_MAX]; /* of each, in the map */
	__u64 written_from, written_to; /* epochs in the map; 0: none */
	struct utc utc;
	bool failed; /* to write the map, as logged */
};

/*
 * Takes the secret of the file [keys] secret, if there is one, and makes its
 * keys those of the programs. Returns 0 or -errno, logged: the file cannot be
 * used, or the clock is not synchronised. Call cluster_stop() in either case.
 */
int cluster_start(struct cluster *c, int fd, struct settings *settings,
		  const struct config *config);
void cluster_stop(struct cluster *c);
/* Twice a second. */
void cluster_tick(struct cluster *c);

/*
 * Reads the file again, without consequences. Returns 0, or -errno with a line
 * in @err (CONFIG_ERR_MAX bytes). @ret may be wiped in either case.
 */
int cluster_read(const struct cluster *c, struct secrets *ret, char *err);
/*
 * Puts what was read into force. Returns true if it differs from what was, and
 * then describes both in @from and @to (SECRET_STATE_MAX bytes each).
 */
bool cluster_take(struct cluster *c, const struct secrets *fresh, char *from,
		  char *to);

/* Has the node a secret? */
static inline bool cluster_on(const struct cluster *c)
{
	return c->secrets;
}

/* The current epoch by UTC; 0 without a secret. */
__u64 cluster_epoch(const struct cluster *c);
/* How long a cookie made now may be accepted, ns; 0 without a secret. */
__u64 cluster_cookie_life(const struct cluster *c);

/* ---- cluster_json.c ---- */

/* Part of the object CLUSTER; only with a secret. */
json_t *cluster_json(const struct cluster *c);
/* [SECRET]; an empty list without a secret. */
json_t *cluster_secrets_json(const struct cluster *c);
void cluster_health(const struct cluster *c, json_t *list);

#endif
