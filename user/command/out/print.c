/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdbool.h>
#include <string.h>

#include "print.h"

enum { COLUMN_GAP = 2 };

/* UTF-8 passes; C0 controls and DEL become '?'. */
static const char *printable(const char *text, char *buf)
{
	size_t i;

	for (i = 0; i < PRINT_CELL_MAX - 1 && text[i]; i++) {
		unsigned char c = text[i];

		buf[i] = c < ' ' || c == 0x7f ? '?' : text[i];
	}
	buf[i] = '\0';
	return buf;
}

const char *print_count(const json_t *number, char *buf)
{
	double real = json_real_value(number); /* 0 of an integer */
	char digits[32];
	size_t len, i, o = 0;

	if (!json_is_number(number))
		return strcpy(buf, "-");
	if (json_is_integer(number))
		snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(number));
	else /* tenths are shown below ten only */
		snprintf(digits, sizeof(digits), "%.*f", real < 9.95, real);
	len = strcspn(digits, ".");
	for (i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0 && digits[i - 1] != '-')
			buf[o++] = ',';
		buf[o++] = digits[i];
	}
	strcpy(buf + o, strcmp(digits + len, ".0") ? digits + len : "");
	return buf;
}

/* Two units at most, the larger one first. */
const char *print_duration(double seconds, char *buf)
{
	static const struct {
		unsigned int seconds;
		char name;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	unsigned long s = seconds > 0 ? (unsigned long)seconds : 0;
	size_t i = 0;
	int n;

	while (units[i].seconds > 1 && s < units[i].seconds)
		i++;
	n = snprintf(buf, PRINT_CELL_MAX, "%lu%c", s / units[i].seconds,
		     units[i].name);
	if (units[i].seconds == 1)
		return buf;
	s %= units[i].seconds;
	if (s >= units[i + 1].seconds)
		snprintf(buf + n, PRINT_CELL_MAX - n, "%02lu%c",
			 s / units[i + 1].seconds, units[i + 1].name);
	return buf;
}

const char *print_seconds(double seconds, char *buf)
{
	if (seconds >= 59.995) /* not "60.00s" */
		return print_duration(seconds + 0.005, buf);
	snprintf(buf, PRINT_CELL_MAX, "%.2fs", seconds > 0 ? seconds : 0);
	return buf;
}

const char *print_cell(const struct column *col, const json_t *row, char *buf)
{
	const json_t *value = json_object_get(row, col->member);
	const char *text;

	switch (col->cell) {
	case CELL_COUNT:
		return print_count(value, buf);
	case CELL_DURATION:
	case CELL_SECONDS:
		if (!json_is_number(value))
			break;
		return (col->cell == CELL_DURATION
				? print_duration
				: print_seconds)(json_number_value(value), buf);
	case CELL_YES_NO:
		if (!json_is_boolean(value))
			break;
		return strcpy(buf, json_is_true(value) ? "yes" : "no");
	case CELL_STRING:
		text = json_string_value(value);
		if (text && *text)
			return printable(text, buf);
		if (json_is_integer(value)) {
			snprintf(buf, PRINT_CELL_MAX, "%" JSON_INTEGER_FORMAT,
				 json_integer_value(value));
			return buf;
		}
		break;
	}
	return strcpy(buf, "-");
}

/* In characters: continuation bytes of UTF-8 do not count. */
static int text_width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static bool is_right_aligned(const struct column *col)
{
	return col->cell == CELL_COUNT || col->cell == CELL_DURATION ||
	       col->cell == CELL_SECONDS;
}

/* The last column is not padded: no trailing blanks. */
static void put_cell(FILE *out, const struct column *col, const char *text,
		     int width, bool last)
{
	int pad = width - text_width(text);

	if (pad < 0)
		pad = 0;
	if (is_right_aligned(col))
		fprintf(out, "%*s%s", pad, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : pad, "");
	fprintf(out, "%*s", last ? 0 : COLUMN_GAP, "");
}

static void put_row(FILE *out, const json_t *row, const struct column *cols,
		    size_t n_cols, const int *widths)
{
	char buf[PRINT_CELL_MAX];
	size_t i;

	for (i = 0; i < n_cols; i++)
		put_cell(out, &cols[i],
			 row ? print_cell(&cols[i], row, buf) : cols[i].title,
			 widths[i], i + 1 == n_cols);
	fputc('\n', out);
}

void print_row(FILE *out, const json_t *row, const struct column *cols,
	       size_t n_cols)
{
	int widths[PRINT_COLUMNS_MAX];
	size_t i;

	for (i = 0; i < n_cols; i++)
		widths[i] = cols[i].width;
	put_row(out, row, cols, n_cols, widths);
}

void print_table(FILE *out, const json_t *rows, const struct column *cols,
		 size_t n_cols)
{
	int widths[PRINT_COLUMNS_MAX];
	char buf[PRINT_CELL_MAX];
	size_t i, r;
	json_t *row;

	if (!json_is_array(rows))
		return;
	for (i = 0; i < n_cols; i++) {
		widths[i] = text_width(cols[i].title);
		if (widths[i] < cols[i].width)
			widths[i] = cols[i].width;
		json_array_foreach (rows, r, row) {
			int w = text_width(print_cell(&cols[i], row, buf));

			if (widths[i] < w)
				widths[i] = w;
		}
	}
	put_row(out, NULL, cols, n_cols, widths);
	json_array_foreach (rows, r, row) {
		put_row(out, row, cols, n_cols, widths);
	}
}

void print_json(FILE *out, const json_t *value)
{
	json_dumpf(value, out,
		   JSON_ENCODE_ANY | JSON_REAL_PRECISION(12) | JSON_COMPACT);
}

void print_json_line(FILE *out, const json_t *value)
{
	print_json(out, value);
	fputc('\n', out);
}
