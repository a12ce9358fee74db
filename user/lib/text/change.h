/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a change of the configuration as people read it, in the
 * daemon's log as on the command's screen:
 *
 *	+ service *:443: policy on		(new)
 *	- interface eth1: it answers ...	(gone, and what follows)
 *	~ [keys] lifetime: 60s -> 5m
 *	! [sessions] max: 1024 -> 2048: not changed: needs ...
 */
#ifndef CHANGE_H
#define CHANGE_H

#include <stddef.h>

enum { CHANGE_STRLEN = 1024 };

/*
 * @from NULL: it is new; @to NULL: it is gone; @needs NULL: it is done, else
 * what it takes; @note NULL: nothing more to say. Returns @buf, of
 * CHANGE_STRLEN bytes.
 */
const char *change_format(const char *what, const char *from, const char *to,
			  const char *needs, const char *note, char *buf);

#endif
