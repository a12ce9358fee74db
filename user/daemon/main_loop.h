/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon's event loop: signals, and a tick twice a
 * second that checks for changes. All parts do their work on it.
 */
#ifndef MAIN_LOOP_H
#define MAIN_LOOP_H

#include "config/config.h"

struct daemon;

/* Creates d->loop. Returns 0 or -errno, logged. */
int main_loop_start(struct daemon *d);
void main_loop_stop(struct daemon *d);

/*
 * Ends the loop: at once, leaving the data path (EXIT_KEEP), or once the
 * cookies in flight have returned (EXIT_DETACH), so no handshake is cut off. A
 * second call ends it at once.
 */
void main_loop_end(struct daemon *d, enum config_exit how);

#endif
