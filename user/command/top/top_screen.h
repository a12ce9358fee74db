/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the terminal of `synkeeper top`: curses places, colours
 * and clips the lines of the model. The screen is redrawn as a whole; curses
 * sends the differences.
 */
#ifndef TOP_SCREEN_H
#define TOP_SCREEN_H

#include "top_model.h"

/* The user's choices, and what the screen shows besides the model. */
struct top_view {
	size_t first; /* first visible service */
	bool paused, help;
	const char *host;
	const char *trouble;	/* why no daemon answers; NULL: one does */
	const char *no_samples; /* why sources are unknown; NULL: known */
};

enum top_key {
	TOP_KEY_NONE,	/* no key is waiting */
	TOP_KEY_RESIZE, /* the terminal was resized */
	TOP_KEY_OTHER,
	TOP_KEY_QUIT,
	TOP_KEY_UP,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_SORT,
	TOP_KEY_PAUSE,
	TOP_KEY_HELP,
};

/* Takes the terminal. 0, -ENOTTY if curses does not know it, or -errno. */
int top_screen_open(void);

/* Restores the terminal. */
void top_screen_close(void);

/*
 * Draws a frame into memory, from where top_output_step() writes it; that must
 * have returned true before. Limits @v->first to the last page.
 */
void top_screen_draw(struct top *t, struct top_view *v);

enum top_key top_screen_key(void);

/* The number of services that fit: one page. */
int top_screen_page(const struct top *t);

#endif
