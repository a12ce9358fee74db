/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: text and JSON from one place. A command makes or
 * receives one JSON object; -j prints it, and the text is rendered from that
 * same object by tables of columns, so that the two cannot drift. A row is a
 * JSON object, a cell the member that its column names. Strings come from
 * elsewhere: control characters in them never reach the terminal.
 */
#ifndef PRINT_H
#define PRINT_H

#include <jansson.h>
#include <stdio.h>

enum cell {
	CELL_STRING,   /* "-" where it is missing or empty */
	CELL_YES_NO,   /* a boolean */
	CELL_COUNT,    /* 1,234,567, to the right */
	CELL_DURATION, /* of seconds: 2h04m, to the right */
	CELL_SECONDS,  /* the same, and what is short exactly: 0.02s */
};

struct column {
	const char *title;
	const char *member;
	enum cell cell;
	int width; /* the least; 0: as wide as the content */
};

enum { PRINT_CELL_MAX = 256, PRINT_COLUMNS_MAX = 12 };

/* All format into @buf of PRINT_CELL_MAX bytes and return it. */
const char *print_cell(const struct column *col, const json_t *row, char *buf);
const char *print_count(const json_t *number, char *buf);
const char *print_duration(double seconds, char *buf);
const char *print_seconds(double seconds, char *buf);

/* A header and a line per row; nothing at all if @rows is no array. */
void print_table(FILE *out, const json_t *rows, const struct column *cols,
		 size_t n_cols);

/*
 * For rows that are never all in memory: columns as wide as they say, wider
 * cells push the rest of their line to the right. @row NULL prints the header.
 */
void print_row(FILE *out, const json_t *row, const struct column *cols,
	       size_t n_cols);

/* On one line; print_json_line() ends it. */
void print_json(FILE *out, const json_t *value);
void print_json_line(FILE *out, const json_t *value);

#endif
