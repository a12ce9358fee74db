/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: file descriptors. The limit is raised at the start; and
 * a few are held for what must not fail for want of one, attaching programs.
 */
#ifndef RESERVE_H
#define RESERVE_H

void reserve_raise_limit(void);

/* So many more can be had until reserve_take(). */
enum { RESERVE_FDS = 8 };
void reserve_give(void);
void reserve_take(void);

#endif
