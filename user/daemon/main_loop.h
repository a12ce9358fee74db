/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon's loop: signals, and a tick twice a second
 * that looks whether anything has changed. All that the parts do happens on it.
 */
#ifndef MAIN_LOOP_H
#define MAIN_LOOP_H

#include "config/config.h"

struct daemon;

/* Makes d->loop. Returns 0 or -errno, logged. */
int main_loop_start(struct daemon *d);
void main_loop_stop(struct daemon *d);

/*
 * Ends the loop: at once and leaving the data path (EXIT_KEEP), or after the
 * cookies in flight came back (EXIT_DETACH), so that nobody's handshake is cut.
 * Called again, it ends at once.
 */
void main_loop_end(struct daemon *d, enum config_exit how);

#endif
