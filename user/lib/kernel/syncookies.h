/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: net.ipv4.tcp_syncookies, the one sysctl that the daemon
 * may change. While it is 0 the kernel takes no ACK that bears a cookie, ours
 * included; it makes cookies of its own at once only while it is 2. So it is
 * raised before a service is armed that needs it, and what it was is noted in
 * the programs' settings, beside the network namespace that it belongs to:
 * whoever ends the protection puts it back, also after the daemon has died.
 */
#ifndef SYNCOOKIES_H
#define SYNCOOKIES_H

#include "synkeeper/abi.h"

/* What a service needs. */
enum { SYNCOOKIES_OWN = 1, SYNCOOKIES_KERNEL = 2 };

/* For people, with the value behind it. */
#define SYNCOOKIES_RESTORED "net.ipv4.tcp_syncookies = "

/* This process's network namespace, as settings.netns; 0 if it is not told. */
__u32 syncookies_netns(void);

/*
 * The value, 1 (the kernel's default) if there is none, or -errno: it cannot be
 * read just now.
 */
int syncookies_read(void);

/*
 * Makes it at least @value and notes in @s what it was before. Returns 1 if it
 * was changed, 0, or -errno (-EROFS: a container may not).
 */
int syncookies_raise(struct settings *s, int value);

/*
 * Puts back what raise() found, unless that is below @needed. Returns the value
 * that was put back, or -1: nothing was to be done, or it is another
 * namespace's.
 */
int syncookies_restore(struct settings *s, int needed);

#endif
