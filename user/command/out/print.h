/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: text and JSON from one source. A command builds or
 * receives one JSON object; -j prints it, and the text is rendered from the
 * same object by tables of columns, so that the two cannot diverge. A row is a
 * JSON object, a cell the member that its column names. Strings are untrusted:
 * control characters in them never reach the terminal.
 */
#ifndef PRINT_H
#define PRINT_H

#include <jansson.h>
#include <stdio.h>

enum cell {
	CELL_STRING,   /* "-" if missing or empty */
	CELL_YES_NO,   /* a boolean */
	CELL_COUNT,    /* 1,234,567, right-aligned */
	CELL_DURATION, /* from seconds: 2h04m, right-aligned */
	CELL_SECONDS,  /* the same, below a minute with hundredths: 0.02s */
};

struct column {
	const char *title;
	const char *member;
	enum cell cell;
	int width; /* minimum; 0: as wide as the content */
};

enum { PRINT_CELL_MAX = 256, PRINT_COLUMNS_MAX = 12 };

/* These format into @buf of PRINT_CELL_MAX bytes and return it. */
const char *print_cell(const struct column *col, const json_t *row, char *buf);
const char *print_count(const json_t *number, char *buf);
const char *print_duration(double seconds, char *buf);
const char *print_seconds(double seconds, char *buf);

/* A header and a line per row; nothing if @rows is not an array. */
void print_table(FILE *out, const json_t *rows, const struct column *cols,
		 size_t n_cols);

/*
 * For rows that are never all in memory: columns have their minimum width, and
 * wider cells push the rest of the line to the right. @row NULL: the header.
 */
void print_row(FILE *out, const json_t *row, const struct column *cols,
	       size_t n_cols);

/* On one line; print_json_line() appends the newline. */
void print_json(FILE *out, const json_t *value);
void print_json_line(FILE *out, const json_t *value);

#endif
