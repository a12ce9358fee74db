/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the table of services omits the columns for which a
 * narrow terminal has no room, and its first column takes the space that is
 * left.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text/json_text.h"
#include "verb/cmd_status.h"
#include "out/print.h"
#include "top_model.h"

enum { NUMBER = 9, GAP = 1 }; /* widths: "1,234,567" */

/* ---- numbers and bars ---- */

const char *top_number(double n, int width, char *buf)
{
	static const char units[] = "kMGTPE";
	json_t *number = n == floor(n) ? json_integer((json_int_t)n)
				       : json_real(n);
	int unit = -1;

	print_count(number, buf);
	json_decref(number);
	if ((int)strlen(buf) <= width)
		return buf;
	do {
		n /= 1000;
		unit++;
	} while (n >= 999.5 && units[unit + 1]);
	snprintf(buf, TOP_LINE_MAX, "%.*f%c", n < 99.95, n, units[unit]);
	return buf;
}

/* 0 for zero, else 1 to 7. */
static int level_of(double value, double max)
{
	return value > 0 ? (int)ceil(value / max * 7) : 0;
}

const char *top_sparkline(const struct top_history *h, size_t width, bool utf8,
			  char *buf)
{
	static const char signs[] = "_.:-=+*#";
	size_t n = h->n < width ? h->n : width, i, o = 0;
	size_t first = h->next + TOP_HISTORY - n;
	double max = 0;

	for (i = 0; i < n; i++)
		max = fmax(max, h->value[(first + i) % TOP_HISTORY]);
	for (i = 0; i < n; i++) {
		int level = level_of(h->value[(first + i) % TOP_HISTORY], max);

		if (utf8) { /* U+2581 to U+2588: 1 to 8 eighths of a block */
			buf[o++] = '\xe2';
			buf[o++] = '\x96';
			buf[o++] = (char)(0x81 + level);
		} else {
			buf[o++] = signs[level];
		}
	}
	buf[o] = '\0';
	return buf;
}

/* ---- lines about the daemon ---- */

const char *top_ifaces(const struct top *t, char *buf)
{
	json_t *iface;
	size_t i, n = 0;

	*buf = '\0';
	json_array_foreach (json_object_get(t->status, "interfaces"), i,
			    iface) {
		if (n < TOP_LINE_MAX)
			n += snprintf(buf + n, TOP_LINE_MAX - n, "%s%s %s",
				      i ? ", " : "", json_text(iface, "name"),
				      json_text(iface, "mode"));
	}
	return buf;
}

const char *top_health(const struct top *t, char *buf)
{
	const json_t *health = json_object_get(t->status, "health");
	const char *first = json_string_value(json_array_get(health, 0));
	size_t n = json_array_size(health);

	if (n > 1)
		snprintf(buf, TOP_LINE_MAX, "(1 of %zu) %s", n,
			 first ? first : "?");
	else
		snprintf(buf, TOP_LINE_MAX, "%s", first ? first : "");
	return buf;
}

const char *top_sessions(const struct top *t, char *buf)
{
	FILE *out = fmemopen(buf, TOP_LINE_MAX, "w");

	*buf = '\0';
	if (out) {
		status_put_sessions(out, t->status);
		fclose(out);
	}
	return buf;
}

/* ---- tables ---- */

static const char *policy_of(const struct top_service *s)
{
	return s->policy;
}

static const char *armed_of(const struct top_service *s)
{
	return s->armed ? "yes" : "no";
}

/* Columns after the address: a number, or what text() returns. */
static const struct service_column {
	const char *title;
	int width;
	int least_cols; /* omitted on narrower terminals */
	enum top_order order;
	const char *(*text)(const struct top_service *s);
} columns[] = {
	{ "POLICY", 7, 72, TOP_ORDERS, policy_of },
	{ "ARMED", 5, 0, TOP_ORDERS, armed_of },
	{ "IN/S", NUMBER, 72, TOP_IN, NULL },
	{ "SYN/S", NUMBER, 0, TOP_SYN, NULL },
	{ "ANSWERED", NUMBER, 0, TOP_ANSWERED, NULL },
	{ "DROPPED", NUMBER, 0, TOP_DROPPED, NULL },
	{ "SESSIONS", NUMBER, 72, TOP_SESSIONS, NULL },
};
enum { N_COLUMNS = sizeof(columns) / sizeof(columns[0]) };

/* Width of the address: what the others leave. */
static int service_width(int cols)
{
	int width = cols;
	size_t i;

	for (i = 0; i < N_COLUMNS; i++)
		if (cols >= columns[i].least_cols)
			width -= GAP + columns[i].width;
	return width > 0 ? width : 0;
}

/* "~" marks what a monitored service would have answered or dropped. */
static const char *number_cell(const struct service_column *col,
			       const struct top_service *s, char *buf)
{
	double n = col->order == TOP_SESSIONS ? s->sessions
					      : s->rate[col->order];
	bool monitored =
		s->monitored && n > 0 &&
		(col->order == TOP_ANSWERED || col->order == TOP_DROPPED);

	*buf = '~';
	top_number(n, col->width - monitored, buf + monitored);
	return buf;
}

/* @buf: TOP_LINE_MAX bytes, used unless the text exists already. */
static const char *cell_of(const struct service_column *col,
			   const struct top *t, const struct top_service *s,
			   char *buf)
{
	if (!s)
		snprintf(buf, TOP_LINE_MAX, "%s%s",
			 t->order == col->order ? ">" : "", col->title);
	else if (col->text)
		return col->text(s);
	else
		number_cell(col, s, buf);
	return buf;
}

/* A row, or the heading if @s is NULL. */
static const char *service_line(const struct top *t,
				const struct top_service *s, const char *first,
				int cols, char *buf)
{
	char cell[TOP_LINE_MAX];
	int width = service_width(cols), n;
	size_t i;

	n = snprintf(buf, TOP_LINE_MAX, "%-*.*s", width, width, first);
	for (i = 0; i < N_COLUMNS && n < TOP_LINE_MAX; i++) {
		const struct service_column *col = &columns[i];

		if (cols >= col->least_cols)
			n += snprintf(buf + n, TOP_LINE_MAX - n, "%*s%*.*s",
				      GAP, "",
				      col->text ? -col->width : col->width,
				      col->width, cell_of(col, t, s, cell));
	}
	return buf;
}

const char *top_service_head(const struct top *t, int cols, char *buf)
{
	return service_line(t, NULL,
			    t->order == TOP_SERVICE ? ">SERVICE" : "SERVICE",
			    cols, buf);
}

const char *top_service_row(const struct top *t, size_t i, int cols, char *buf)
{
	const struct top_service *s = &t->services[i];
	char first[TOP_LINE_MAX];

	snprintf(first, sizeof(first), "%s%s%s", s->listen, *s->name ? " " : "",
		 s->name);
	return service_line(t, s, first, cols, buf);
}

const char *top_reason_row(const struct top *t, size_t i, int cols, char *buf)
{
	const struct top_reason *r = &t->reason[i];
	int width = cols - GAP - NUMBER;
	char number[TOP_LINE_MAX];

	snprintf(buf, TOP_LINE_MAX, "%-*.*s%*s%*s", width, width, r->name, GAP,
		 "", NUMBER, top_number(r->rate, NUMBER, number));
	return buf;
}

/* The rate is the source's share of the current drop rate. */
const char *top_source_row(const struct top *t, size_t i, int cols, char *buf)
{
	const struct top_history *h = &t->history[TOP_DROPPED];
	const struct top_source *s = &t->sources.entry[i];
	double share = top_sources_share(&t->sources, s);
	double rate = h->value[(h->next + TOP_HISTORY - 1) % TOP_HISTORY];
	int width = cols - 2 * GAP - 5 - NUMBER; /* 5: "100 %" */
	char number[TOP_LINE_MAX];

	snprintf(buf, TOP_LINE_MAX, "%-*.*s%*s%3.0f %%%*s%*s", width, width,
		 s->addr, GAP, "", share * 100, GAP, "", NUMBER,
		 top_number(round(share * rate), NUMBER, number));
	return buf;
}

const char *top_no_source(const struct top *t)
{
	return t->sources.n ? "none stands out" : "nothing dropped";
}

/* ---- layout ---- */

static int at_least(int a, int b)
{
	return a > b ? a : b;
}

static int at_most(int a, int b)
{
	return a < b ? a : b;
}

/*
 * From the top: title, interfaces, health; three rates; sessions alive, opened
 * and ended; services; reasons and sources; keys. Blank lines and the lower
 * table require a certain height. Of the remaining lines the services get as
 * many as they need, as long as the lower table keeps a few.
 */
void top_layout(int lines, int cols, size_t n_services, struct top_layout *ret)
{
	enum { HEAD = 3, RATES = 3, SESSIONS = 2, LOWER_LEAST = 4 };
	struct top_layout l = { .fits = lines >= TOP_LINES_MIN &&
					cols >= TOP_COLS_MIN };
	int gap = lines >= 20, left, wanted;

	l.rates_y = HEAD;
	l.sessions_y = l.rates_y + RATES;
	l.services_y = l.sessions_y + SESSIONS + gap;
	l.keys_y = lines - 1;
	left = l.keys_y - l.services_y - 1; /* below the services' heading */
	if (left >= 8) {
		left -= gap + 1; /* the lower table's heading */
		wanted = n_services < (size_t)lines ? (int)n_services : lines;
		l.services = at_most(at_least(wanted, 1), left - LOWER_LEAST);
		l.lower = left - l.services;
		l.lower_y = l.services_y + 1 + l.services + gap;
	} else {
		l.services = at_least(left, 0);
	}
	l.spark_x = 19;
	l.spark = at_least(at_most(cols - l.spark_x, TOP_HISTORY), 0);
	l.sources_x = cols * 2 / 5;
	*ret = l;
}
