/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: file descriptors. The limit is raised at start, and a
 * few are held in reserve for attaching programs, which must not fail for lack
 * of one.
 */
#ifndef RESERVE_H
#define RESERVE_H

void reserve_raise_limit(void);

/* Number of descriptors held until reserve_take(). */
enum { RESERVE_FDS = 8 };
void reserve_give(void);
void reserve_take(void);

#endif
