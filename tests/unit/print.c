// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: a JSON object, and the exact text that a table of
 * columns must produce for it.
 */
#include "testmain.h"

#include "out/print.h"

/* What @write prints, as a string that the caller frees. */
static char *printed(void (*write)(FILE *out, const json_t *value),
		     const json_t *value)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	write(out, value);
	fclose(out);
	return text;
}

static void expect(const char *what, const char *expected, const char *found)
{
	if (strcmp(expected, found))
		fail_msg("%s: expected:\n%s\ngot:\n%s", what, expected, found);
}

static void durations(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} table[] = {
		{ -1, "0s" },	    { 0, "0s" },	 { 0.9, "0s" },
		{ 59.9, "59s" },    { 60, "1m" },	 { 61, "1m01s" },
		{ 3599, "59m59s" }, { 3600, "1h" },	 { 3659, "1h" },
		{ 7440, "2h04m" },  { 86399, "23h59m" }, { 86400, "1d" },
		{ 90000, "1d01h" }, { 8640000, "100d" },
	};
	char buf[PRINT_CELL_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		expect("duration", table[i].text,
		       print_duration(table[i].seconds, buf));
}

static void short_times_exactly(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} table[] = {
		{ -1, "0.00s" },     { 0, "0.00s" },	   { 0.016, "0.02s" },
		{ 9.999, "10.00s" }, { 59.994, "59.99s" }, { 59.996, "1m" },
		{ 60, "1m" },	     { 7440, "2h04m" },
	};
	char buf[PRINT_CELL_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		expect("seconds", table[i].text,
		       print_seconds(table[i].seconds, buf));
}

static void counts(void **state)
{
	static const struct {
		const char *json, *text;
	} table[] = {
		{ "0", "0" },
		{ "999", "999" },
		{ "1000", "1,000" },
		{ "1234567", "1,234,567" },
		{ "9223372036854775807", "9,223,372,036,854,775,807" },
		{ "-1000", "-1,000" },
		{ "-100", "-100" },
		{ "2.0", "2" },
		{ "0.1", "0.1" },
		{ "2.3", "2.3" },
		{ "9.9", "9.9" },
		{ "1234.4", "1,234" },
		{ "1234.6", "1,235" },
		{ "\"2\"", "-" },
		{ "null", "-" },
	};
	char buf[PRINT_CELL_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		json_t *n = json_loads(table[i].json, JSON_DECODE_ANY, NULL);

		assert_non_null(n);
		expect(table[i].json, table[i].text, print_count(n, buf));
		json_decref(n);
	}
}

static const struct column columns[] = {
	{ "NAME", "name", CELL_STRING, 6 }, { "N", "n", CELL_COUNT, 0 },
	{ "ON", "on", CELL_YES_NO, 0 },	    { "AGE", "age", CELL_DURATION, 0 },
	{ "WHY", "why", CELL_STRING, 0 },
};

enum { N_COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static void table_writer(FILE *out, const json_t *rows)
{
	print_table(out, rows, columns, N_COLUMNS);
}

static void row_writer(FILE *out, const json_t *row)
{
	print_row(out, row, columns, N_COLUMNS);
}

static void expect_text(void (*write)(FILE *out, const json_t *value),
			const char *json, const char *expected)
{
	json_t *value = json_loads(json, 0, NULL);
	char *text;

	assert_non_null(value);
	text = printed(write, value);
	expect(json, expected, text);
	free(text);
	json_decref(value);
}

static void table_fits_its_content(void **state)
{
	(void)state;
	expect_text(table_writer,
		    "[{\"name\": \"a\", \"n\": 1234, \"on\": true, \"age\": 61,"
		    "  \"why\": \"so\"},"
		    " {\"name\": \"longer name\", \"n\": 5, \"on\": false,"
		    "  \"age\": 5, \"why\": \"\"}]",
		    "NAME             N  ON     AGE  WHY\n"
		    "a            1,234  yes  1m01s  so\n"
		    "longer name      5  no      5s  -\n");
}

static void numbers_stand_to_the_right(void **state)
{
	(void)state;
	expect_text(table_writer, "[{\"name\": \"a\", \"n\": 1}]",
		    "NAME    N  ON  AGE  WHY\n"
		    "a       1  -     -  -\n");
}

static void empty_table_has_a_header(void **state)
{
	(void)state;
	expect_text(table_writer, "[]", "NAME    N  ON  AGE  WHY\n");
}

static void what_is_no_table_prints_nothing(void **state)
{
	(void)state;
	expect_text(table_writer, "{}", "");
}

static void wrong_types_are_dashes(void **state)
{
	(void)state;
	expect_text(row_writer,
		    "{\"name\": {}, \"n\": \"x\", \"on\": 1, \"age\": \"5\","
		    " \"why\": null}",
		    "-       -  -  -  -\n");
}

static void integers_may_be_text(void **state)
{
	(void)state;
	expect_text(row_writer, "{\"name\": 7}", "7       -  -  -  -\n");
}

static void streamed_rows_overflow_to_the_right(void **state)
{
	(void)state;
	expect_text(row_writer,
		    "{\"name\": \"longer name\", \"n\": 1, \"why\": \"so\"}",
		    "longer name  1  -  -  so\n");
}

static void control_characters_stay_away_from_terminals(void **state)
{
	(void)state;
	expect_text(row_writer,
		    "{\"name\": \"a\\u001b[2J\\n\", \"why\": \"\\u007f\"}",
		    "a?[2J?  -  -  -  ?\n");
}

static void utf8_is_as_wide_as_its_characters(void **state)
{
	(void)state;
	expect_text(row_writer, "{\"name\": \"\xc3\xa4\xc3\xb6\"}",
		    "\xc3\xa4\xc3\xb6      -  -  -  -\n");
}

static void long_cells_are_cut(void **state)
{
	json_t *row = json_object();
	char *text, name[PRINT_CELL_MAX * 2];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	json_object_set_new(row, "name", json_string(name));
	text = printed(row_writer, row);
	assert_int_equal(strspn(text, "x"), PRINT_CELL_MAX - 1);
	free(text);
	json_decref(row);
}

static void json_is_one_line(void **state)
{
	(void)state;
	expect_text(print_json_line, "{\"a\": [1, 2.5], \"b\": \"x\\ny\"}",
		    "{\"a\":[1,2.5],\"b\":\"x\\ny\"}\n");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(durations),
	cmocka_unit_test(short_times_exactly),
	cmocka_unit_test(counts),
	cmocka_unit_test(table_fits_its_content),
	cmocka_unit_test(numbers_stand_to_the_right),
	cmocka_unit_test(empty_table_has_a_header),
	cmocka_unit_test(what_is_no_table_prints_nothing),
	cmocka_unit_test(wrong_types_are_dashes),
	cmocka_unit_test(integers_may_be_text),
	cmocka_unit_test(streamed_rows_overflow_to_the_right),
	cmocka_unit_test(control_characters_stay_away_from_terminals),
	cmocka_unit_test(utf8_is_as_wide_as_its_characters),
	cmocka_unit_test(long_cells_are_cut),
	cmocka_unit_test(json_is_one_line),
};

TEST_MAIN(tests)
