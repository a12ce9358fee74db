/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what curses writes, given to the terminal as the
 * terminal takes it. One that is stopped (Ctrl-S) or slow would make a write
 * wait, and `synkeeper top` deaf to keys, signals and the daemon. So a file in
 * memory takes the place of standard output while curses draws, and the loop
 * hands its content on. Drawn is only when the last frame is out: a slow
 * terminal sees fewer frames, not older ones.
 *
 * The terminal is opened anew for this, since O_NONBLOCK belongs to the open
 * file, which others share. Where that is refused (after su), writes wait.
 */
#ifndef TOP_OUTPUT_H
#define TOP_OUTPUT_H

#include <stdbool.h>

/* Before curses begins; remembers the terminal's settings. 0 or -errno. */
int top_output_open(void);

/* What is written to standard output in between waits in memory. */
void top_output_begin(void);
void top_output_end(void);

/* Hands on what the terminal takes now; returns whether nothing is left. */
bool top_output_step(void);

/* For poll(2) while something is left. */
int top_output_fd(void);

/*
 * Starts a stopped terminal, gives it what is left if it takes that within a
 * second, and its settings back.
 */
void top_output_close(void);

#endif
