/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper session totals`: the session stats as the
 * daemon reports them (TOTALS in control_table.h). OPENED is the sum of ALIVE
 * and the columns after it, except LOST: events that found the ring buffer
 * full.
 */
#include "cmd_session.h"
#include "out/print.h"

enum { BAR_MAX = 40 };

static const struct column total_columns[] = {
	{ "LISTEN", "listen", CELL_STRING },
	{ "NAME", "name", CELL_STRING },
	{ "OPENED", "opened", CELL_COUNT },
	{ "ALIVE", "alive", CELL_COUNT },
	{ "CLOSED", "closed", CELL_COUNT },
	{ "RESET", "reset", CELL_COUNT },
	{ "TIMEOUT", "timeout", CELL_COUNT },
	{ "KILLED", "killed", CELL_COUNT },
	{ "EVICTED", "evicted", CELL_COUNT },
	{ "LOST", "lost", CELL_COUNT },
};

enum { N_COLUMNS = sizeof(total_columns) / sizeof(total_columns[0]) };

/* One row of the table. */
static json_t *row_of(const json_t *totals)
{
	json_t *row = json_copy(json_object_get(totals, "ended"));
	const char *state;
	json_int_t alive = 0;
	json_t *n;

	json_object_foreach (json_object_get(totals, "alive"), state, n)
		alive += json_integer_value(n);
	if (!row)
		row = json_object();
	json_object_set_new(row, "alive", json_integer(alive));
	json_object_set(row, "opened", json_object_get(totals, "opened"));
	json_object_set(row, "lost", json_object_get(totals, "lost"));
	json_object_set(row, "listen", json_object_get(totals, "listen"));
	json_object_set(row, "name", json_object_get(totals, "name"));
	return row;
}

/* Sessions in bucket @i alone: buckets are cumulative. */
static json_int_t in_bucket(const json_t *buckets, size_t i)
{
	const json_t *bucket = json_array_get(buckets, i);
	json_int_t n = json_integer_value(json_object_get(bucket, "count"));

	if (i)
		n -= json_integer_value(json_object_get(
			json_array_get(buckets, i - 1), "count"));
	return n > 0 ? n : 0;
}

static const char *bound_text(const json_t *bucket, char *buf)
{
	const json_t *le = json_object_get(bucket, "le_s");
	double seconds = json_number_value(le);

	if (!le)
		return "longer";
	if (seconds >= 60)
		return print_duration(seconds, buf);
	snprintf(buf, PRINT_CELL_MAX, "%gs", seconds);
	return buf;
}

static void put_bucket(FILE *out, const json_t *bucket, json_int_t n,
		       json_int_t most)
{
	int width = (int)((n * BAR_MAX + most - 1) / most); /* at least one */
	char bound[PRINT_CELL_MAX], cell[PRINT_CELL_MAX];
	json_t *count = json_integer(n);

	fprintf(out, "%-5s %6s  %13s%s",
		json_object_get(bucket, "le_s") ? "up to" : "",
		bound_text(bucket, bound), print_count(count, cell),
		width ? "  " : "");
	while (width--)
		fputc('#', out);
	fputc('\n', out);
	json_decref(count);
}

/* From the first to the last non-empty bucket. */
static void put_durations(FILE *out, const json_t *durations)
{
	const json_t *buckets = json_object_get(durations, "buckets");
	size_t i, first = json_array_size(buckets), last = 0;
	double count, sum;
	json_int_t most = 0;
	char cell[PRINT_CELL_MAX];

	for (i = 0; i < json_array_size(buckets); i++) {
		json_int_t n = in_bucket(buckets, i);

		if (n > 0) {
			first = first < i ? first : i;
			last = i;
			most = most > n ? most : n;
		}
	}
	if (!most)
		return;
	count = json_number_value(json_object_get(durations, "count"));
	sum = json_number_value(json_object_get(durations, "sum_s"));
	fprintf(out, "\nmean duration of ended sessions: %s\n",
		print_seconds(count > 0 ? sum / count : 0, cell));
	for (i = first; i <= last; i++)
		put_bucket(out, json_array_get(buckets, i),
			   in_bucket(buckets, i), most);
}

static void totals_text(FILE *out, const json_t *result)
{
	const json_t *total = json_object_get(result, "total");
	json_t *rows = json_array(), *row, *service;
	size_t i;

	json_array_foreach (json_object_get(result, "services"), i, service) {
		json_array_append_new(rows, row_of(service));
	}
	row = row_of(total);
	json_object_set_new(row, "listen", json_string("total"));
	json_array_append_new(rows, row);
	print_table(out, rows, total_columns, N_COLUMNS);
	json_decref(rows);
	put_durations(out, json_object_get(total, "durations"));
}

int session_totals(const struct cmd *c, const struct cmd_args *args)
{
	json_t *result;

	if (cmd_call(c, "session.totals",
		     json_pack("{s:s*,s:o*}", "listen", args->operand[0],
			       "brief", c->json ? NULL : json_true()),
		     &result))
		return CMD_FAILED;
	return cmd_show(c, result, totals_text);
}
