/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the one entry of the map settings, mapped into memory:
 * the programs see each field the moment it is stored. Some of it is made once
 * and outlives the daemon with the session table (the hash's secrets, the
 * size); the rest follows the configuration, and the host (host/host.h).
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "synkeeper/abi.h"

struct config;
struct loader;

/* Maps them; *@ret is for settings_unmap(). Returns 0 or -errno, logged. */
int settings_map(const struct loader *l, struct settings **ret);
/* @s may be NULL. */
void settings_unmap(struct settings *s);

/* Makes what is made once, unless @l took it over. 0 or -errno, logged. */
int settings_init(struct settings *s, const struct loader *l,
		  const struct config *c);
/* Takes from @c what may change while the daemon runs. */
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
