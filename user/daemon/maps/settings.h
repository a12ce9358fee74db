/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the single entry of the map settings, mapped into
 * memory: the programs see each field as soon as it is stored. Some fields are
 * initialized once and outlive the daemon together with the session table (the
 * hash secrets, the size); the others follow the configuration and the host
 * (host/host.h).
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "synkeeper/abi.h"

struct config;
struct loader;

/*
 * Maps them; release *@ret with settings_unmap(). Returns 0 or -errno, logged.
 */
int settings_map(const struct loader *l, struct settings **ret);
/* @s may be NULL. */
void settings_unmap(struct settings *s);

/*
 * Initializes the one-time fields, unless @l took them over. 0 or -errno,
 * logged.
 */
int settings_init(struct settings *s, const struct loader *l,
		  const struct config *c);
/* Takes the values from @c that may change at runtime. */
void settings_configure(struct settings *s, const struct config *c);

/* SETTING_xxx flags, which the programs read at any time. */
static inline void settings_set(struct settings *s, __u32 flags)
{
	__atomic_or_fetch(&s->flags, flags, __ATOMIC_SEQ_CST);
}

static inline void settings_clear(struct settings *s, __u32 flags)
{
	__atomic_and_fetch(&s->flags, ~flags, __ATOMIC_SEQ_CST);
}

static inline void settings_put(struct settings *s, __u32 flags, bool on)
{
	if (on)
		settings_set(s, flags);
	else
		settings_clear(s, flags);
}

#endif
