/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the terminal of `synkeeper top`: curses, and nothing
 * but how the model's lines are placed, coloured and cut. The screen is drawn
 * anew each time; curses sends what has changed.
 */
#ifndef TOP_SCREEN_H
#define TOP_SCREEN_H

#include "top_model.h"

/* What the user has chosen, and what the screen says beside the model. */
struct top_view {
	size_t first; /* service at the top of the table */
	bool paused, help;
	const char *host;
	const char *trouble;	/* no daemon answers: why; NULL: it does */
	const char *no_samples; /* why sources are not known; NULL: they are */
};

enum top_key {
	TOP_KEY_NONE,	/* there is none at the moment */
	TOP_KEY_RESIZE, /* the terminal has another size now */
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

/* Takes the terminal. Returns 0, -ENOTTY if curses does not know it, or -errno. */
int top_screen_open(void);

/* Gives it back as it was. */
void top_screen_close(void);

/*
 * Moves @v->first to where there are services. What is drawn waits in memory
 * for top_output_step(), which must have said that nothing is left.
 */
void top_screen_draw(struct top *t, struct top_view *v);

enum top_key top_screen_key(void);

/* How many services fit: what a page is. */
int top_screen_page(const struct top *t);

#endif
