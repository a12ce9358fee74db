/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a line about a change of the configuration, for the
 * daemon's log and the command's output:
 *
 *	+ service *:443: policy on		(added)
 *	- interface eth1: it answers ...	(removed, and the consequence)
 *	~ [keys] lifetime: 60s -> 5m
 *	! [sessions] max: 1024 -> 2048: not changed: needs ...
 */
#ifndef CHANGE_H
#define CHANGE_H

#include <stddef.h>

enum { CHANGE_STRLEN = 1024 };

/*
 * @from NULL: added; @to NULL: removed; @needs NULL: applied, else what it
 * requires; @note: the consequence, or NULL. Returns @buf, of CHANGE_STRLEN
 * bytes.
 */
const char *change_format(const char *what, const char *from, const char *to,
			  const char *needs, const char *note, char *buf);

#endif
