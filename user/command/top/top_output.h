/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: non-blocking output of curses. A terminal that is slow
 * or stopped (Ctrl-S) would block a write, and `synkeeper top` could not react
 * to keys, signals and the daemon. So a memfd replaces standard output while
 * curses draws, and the loop forwards its content. A frame is drawn only when
 * the last one is out: a slow terminal gets fewer frames, not older ones.
 *
 * The terminal is reopened for this, since O_NONBLOCK is a flag of the open
 * file, which other processes share. Where that is denied (after su), writes
 * block.
 */
#ifndef TOP_OUTPUT_H
#define TOP_OUTPUT_H

#include <stdbool.h>

/* Before curses starts; saves the terminal's settings. 0 or -errno. */
int top_output_open(void);

/* What is written to standard output in between is buffered. */
void top_output_begin(void);
void top_output_end(void);

/* Writes as much as the terminal takes; returns whether nothing is left. */
bool top_output_step(void);

/* For poll(2) while something is left. */
int top_output_fd(void);

/*
 * Restarts a stopped terminal, writes what is left if it takes that within a
 * second, and restores its settings.
 */
void top_output_close(void);

#endif
