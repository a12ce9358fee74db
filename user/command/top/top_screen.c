/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include <curses.h> /* last: its names are short */

#include "out/print.h"
#include "top_output.h"
#include "top_screen.h"

enum { ESCAPE = 27, ESCAPE_WAIT_MS = 25 };
enum { PLAIN, RED, GREEN, YELLOW, CYAN }; /* colour pairs */

static SCREEN *screen;
static bool utf8;

int top_screen_open(void)
{
	int err = top_output_open();

	if (err)
		return err;
	setlocale(LC_CTYPE, "");
	utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		top_output_close();
		return -ENOTTY;
	}
	set_escdelay(ESCAPE_WAIT_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	if (has_colors() && start_color() == OK) {
		use_default_colors();
		init_pair(RED, COLOR_RED, -1);
		init_pair(GREEN, COLOR_GREEN, -1);
		init_pair(YELLOW, COLOR_YELLOW, -1);
		init_pair(CYAN, COLOR_CYAN, -1);
	}
	return 0;
}

void top_screen_close(void)
{
	top_output_begin();
	endwin();
	top_output_end();
	delscreen(screen);
	top_output_close();
}

/* ---- text ---- */

/*
 * Puts text at (y, x), in at most @width columns. Text is untrusted: control
 * characters are shown as '?', as are all non-ASCII characters on a terminal
 * without UTF-8.
 */
static void put_text(int y, int x, int width, const char *text)
{
	wchar_t wide[TOP_LINE_MAX];
	size_t n = mbstowcs(wide, text, TOP_LINE_MAX), i;

	if (width <= 0)
		return;
	if (n == (size_t)-1) {
		n = strnlen(text, TOP_LINE_MAX);
		for (i = 0; i < n; i++)
			wide[i] = (unsigned char)text[i];
	}
	if (n > (size_t)width)
		n = width;
	for (i = 0; i < n; i++)
		if (wide[i] < L' ' || (wide[i] >= 0x7f && wide[i] < 0xa0) ||
		    (!utf8 && wide[i] > 0x7f))
			wide[i] = L'?';
	mvaddnwstr(y, x, wide, (int)n);
}

__attribute__((format(printf, 5, 6))) static void
put(int y, int x, int width, attr_t look, const char *fmt, ...)
{
	char text[TOP_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	attrset(look);
	put_text(y, x, width, text);
	attrset(A_NORMAL);
}

/* A highlighted line over the whole width. */
static void put_bar(int y, const char *text)
{
	put(y, 0, COLS, A_REVERSE, "%-*s", COLS, text);
}

static double number(const json_t *o, const char *member)
{
	return json_number_value(json_object_get(o, member));
}

/* ---- the upper part ---- */

static void put_title(const struct top *t, const struct top_view *v)
{
	const char *version =
		json_string_value(json_object_get(t->status, "version"));
	char up[PRINT_CELL_MAX], clock[16] = "", text[TOP_LINE_MAX];
	time_t now = time(NULL);
	struct tm tm;

	print_duration(number(t->status, "uptime_s"), up);
	snprintf(text, sizeof(text), " synkeeper %s on %s, up %s%s",
		 version ? version : "?", v->host, up,
		 v->paused ? "  PAUSED" : "");
	put_bar(0, text);
	if (localtime_r(&now, &tm))
		strftime(clock, sizeof(clock), " %T ", &tm);
	put(0, COLS - (int)strlen(clock), COLS, A_REVERSE, "%s", clock);
}

static void put_state(const struct top *t, const struct top_view *v)
{
	const json_t *key = json_object_get(t->status, "key");
	char buf[TOP_LINE_MAX], age[PRINT_CELL_MAX], life[PRINT_CELL_MAX];

	put(1, 0, COLS, A_NORMAL, "%s; key %s old, rotated every %s",
	    top_ifaces(t, buf), print_duration(number(key, "age_s"), age),
	    print_duration(number(key, "lifetime_s"), life));
	put(2, 0, COLS, A_NORMAL, "health");
	if (v->trouble)
		put(2, 8, COLS - 8, A_BOLD | COLOR_PAIR(RED), "%s", v->trouble);
	else if (*top_health(t, buf))
		put(2, 8, COLS - 8, A_BOLD | COLOR_PAIR(YELLOW), "%s", buf);
	else
		put(2, 8, COLS - 8, COLOR_PAIR(GREEN), "ok");
}

static void put_rates(const struct top *t, const struct top_layout *l)
{
	static const struct {
		const char *name;
		enum top_order rate;
		int colour;
	} rows[] = {
		{ "in", TOP_IN, CYAN },
		{ "answered", TOP_ANSWERED, GREEN },
		{ "dropped", TOP_DROPPED, RED },
	};
	char buf[TOP_LINE_MAX];
	size_t i;

	for (i = 0; i < 3; i++) {
		const struct top_history *h = &t->history[rows[i].rate];
		double now =
			h->value[(h->next + TOP_HISTORY - 1) % TOP_HISTORY];
		int y = l->rates_y + (int)i;

		put(y, 0, l->spark_x, A_NORMAL, "%-8s %9s", rows[i].name,
		    top_number(now, 9, buf));
		put(y, l->spark_x, l->spark, COLOR_PAIR(rows[i].colour), "%s",
		    top_sparkline(h, l->spark, utf8, buf));
	}
}

static void put_sessions(const struct top *t, const struct top_layout *l)
{
	char opened[TOP_LINE_MAX], ended[TOP_LINE_MAX], buf[TOP_LINE_MAX];

	put(l->sessions_y, 0, COLS, A_NORMAL, "sessions %s",
	    top_sessions(t, buf));
	put(l->sessions_y + 1, 0, COLS, A_NORMAL, "opened   %9s/s, ended %s/s",
	    top_number(t->opened, 9, opened), top_number(t->ended, 9, ended));
}

/* ---- tables ---- */

static void put_services(const struct top *t, const struct top_view *v,
			 const struct top_layout *l)
{
	char buf[TOP_LINE_MAX];
	size_t i;

	put_bar(l->services_y, top_service_head(t, COLS, buf));
	for (i = 0; i < (size_t)l->services; i++) {
		size_t n = v->first + i;
		int y = l->services_y + 1 + (int)i;

		if (n >= t->n_services)
			break;
		put(y, 0, COLS,
		    t->services[n].armed ? A_NORMAL : COLOR_PAIR(YELLOW), "%s",
		    top_service_row(t, n, COLS, buf));
	}
	if (!t->n_services)
		put(l->services_y + 1, 0, COLS, COLOR_PAIR(YELLOW),
		    "no services: nothing is protected");
}

static attr_t look_of(enum reason_action action)
{
	if (action == REASON_PASS)
		return A_NORMAL;
	return COLOR_PAIR(action == REASON_DROP ? RED : GREEN);
}

static void put_reasons(const struct top *t, const struct top_layout *l)
{
	char buf[TOP_LINE_MAX];
	int width = l->sources_x - 2, i;

	for (i = 0; i < l->lower && (size_t)i < t->n_reasons; i++)
		put(l->lower_y + 1 + i, 0, width, look_of(t->reason[i].action),
		    "%s", top_reason_row(t, i, width, buf));
}

static void put_sources(struct top *t, const struct top_view *v,
			const struct top_layout *l)
{
	size_t n = top_sources_rank(&t->sources);
	int width = COLS - l->sources_x, i;
	char buf[TOP_LINE_MAX];

	for (i = 0; i < l->lower && (size_t)i < n; i++)
		put(l->lower_y + 1 + i, l->sources_x, width, A_NORMAL, "%s",
		    top_source_row(t, i, width, buf));
	if (v->no_samples)
		put(l->lower_y + 1, l->sources_x, width, COLOR_PAIR(YELLOW),
		    "unknown: %s", v->no_samples);
	else if (!n)
		put(l->lower_y + 1, l->sources_x, width, A_DIM, "%s",
		    top_no_source(t));
}

static void put_lower(struct top *t, const struct top_view *v,
		      const struct top_layout *l)
{
	char text[TOP_LINE_MAX];
	int left = l->sources_x - 2, right = COLS - l->sources_x;

	if (!l->lower)
		return;
	snprintf(text, sizeof(text), "%-*s %9s  %-*s %5s %9s", left - 10,
		 "REASON", "PACKETS/S", right - 16,
		 "SOURCES OF DROPPED PACKETS", "SHARE", "PACKETS/S");
	put_bar(l->lower_y, text);
	put_reasons(t, l);
	put_sources(t, v, l);
}

/* ---- the whole screen ---- */

static void put_help(const struct top_layout *l)
{
	static const char *const lines[] = {
		"q, Esc          quit",
		"arrows, PgUp/Dn scroll the services",
		"s               sort by the next column; > marks it",
		"p               pause: freeze the screen",
		"?               this help; any key closes it",
		"",
		"Rates are packets per second; bars show the last 60 updates.",
		"~ marks what a monitored service would have done.",
		"Sources are estimated from a sample of dropped packets; an",
		"address is listed if it sent at least 1 % of them.",
	};
	size_t i;

	put_bar(l->services_y, "HELP");
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (l->services_y + 1 + (int)i < l->keys_y)
			put(l->services_y + 1 + (int)i, 0, COLS, A_NORMAL, "%s",
			    lines[i]);
}

static struct top_layout layout(const struct top *t)
{
	struct top_layout l;

	top_layout(LINES, COLS, t->n_services, &l);
	return l;
}

int top_screen_page(const struct top *t)
{
	return layout(t).services;
}

static void keep_in_range(const struct top *t, const struct top_layout *l,
			  struct top_view *v)
{
	size_t rows = l->services;
	size_t last = t->n_services > rows ? t->n_services - rows : 0;

	if (v->first > last)
		v->first = last;
}

static void send_out(void)
{
	top_output_begin();
	refresh();
	top_output_end();
}

void top_screen_draw(struct top *t, struct top_view *v)
{
	struct top_layout l = layout(t);

	erase();
	if (!l.fits) {
		put(0, 0, COLS, A_NORMAL,
		    "terminal too small: %dx%d, need %dx%d", COLS, LINES,
		    TOP_COLS_MIN, TOP_LINES_MIN);
		send_out();
		return;
	}
	keep_in_range(t, &l, v);
	put_title(t, v);
	put_state(t, v);
	put_rates(t, &l);
	put_sessions(t, &l);
	if (v->help) {
		put_help(&l);
	} else {
		put_services(t, v, &l);
		put_lower(t, v, &l);
	}
	put(l.keys_y, 0, COLS, A_DIM,
	    "q quit  arrows scroll  s sort  p pause  ? help");
	send_out();
}

enum top_key top_screen_key(void)
{
	switch (getch()) {
	case ERR:
		return TOP_KEY_NONE;
	case KEY_RESIZE:
		untouchwin(stdscr); /* else the next getch() would draw */
		return TOP_KEY_RESIZE;
	case 'q':
	case 'Q':
	case ESCAPE:
		return TOP_KEY_QUIT;
	case KEY_UP:
		return TOP_KEY_UP;
	case KEY_DOWN:
		return TOP_KEY_DOWN;
	case KEY_PPAGE:
		return TOP_KEY_PAGE_UP;
	case KEY_NPAGE:
		return TOP_KEY_PAGE_DOWN;
	case KEY_HOME:
		return TOP_KEY_HOME;
	case 's':
		return TOP_KEY_SORT;
	case 'p':
		return TOP_KEY_PAUSE;
	case '?':
		return TOP_KEY_HELP;
	default:
		return TOP_KEY_OTHER;
	}
}
