/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: net.ipv4.tcp_syncookies, the one sysctl that the daemon
 * may change. While it is 0, the kernel accepts no ACK with a cookie, ours
 * included; only while it is 2 does the kernel always make cookies itself. So
 * it is raised before a service is armed that needs it, and the previous value
 * is kept in the programs' settings together with the network namespace:
 * whoever removes the protection restores it, even after the daemon has died.
 */
#ifndef SYNCOOKIES_H
#define SYNCOOKIES_H

#include "synkeeper/abi.h"

/* What a service needs. */
enum { SYNCOOKIES_OWN = 1, SYNCOOKIES_KERNEL = 2 };

/* For messages; the value follows. */
#define SYNCOOKIES_RESTORED "net.ipv4.tcp_syncookies = "

/* This process's network namespace, as settings.netns; 0 if unknown. */
__u32 syncookies_netns(void);

/*
 * The value, 1 (the kernel's default) if there is none, or -errno: it cannot be
 * read at the moment.
 */
int syncookies_read(void);

/*
 * Raises it to at least @value, and keeps the previous value in @s. Returns 1
 * if it was changed, 0, or -errno (-EROFS: read-only in this container).
 */
int syncookies_raise(struct settings *s, int value);

/*
 * Restores the value from before syncookies_raise(), unless that is below
 * @needed. Returns the restored value, or -1: nothing to do, or it is another
 * network namespace's.
 */
int syncookies_restore(struct settings *s, int needed);

#endif
