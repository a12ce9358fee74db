/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the session table of an earlier instance that had
 * another layout (until ABI 8: tags of 8 bits, lines set by set). Its sessions
 * are moved into ours once its programs are out of the way, so nobody changes
 * them meanwhile; until then, its programs maintain it, and what ours do not
 * find they adopt from its socket. The books have what its programs counted
 * (maps/totals.h), so a moved session is in them already. One that was adopted
 * in between counts as moved; one for which there is no room, as evicted.
 */
#ifndef FORMER_H
#define FORMER_H

#include "sessions.h"

/*
 * Settles @t, moves what is in the maps that @l has kept, if any, and lets go
 * of them. Our programs must be attached in place of the earlier instance's.
 * Returns whether there were any. On failure, logged, the sessions are adopted
 * again from their sockets, and the books count them twice.
 */
bool former_move(struct loader *l, struct sessions *s, struct totals *t);

#endif
