// SPDX-License-Identifier: GPL-2.0-only
/* Theory of operation: valid UTF-8 is kept, everything else is converted. */
#include "testmain.h"

#include <jansson.h>
#include <string.h>

#include "text/utf8.h"

static void what_is_no_character(void **state)
{
	static const struct {
		const char *text, *mended;
	} table[] = {
		{ "", "" },
		{ "plain \x01\x7f", "plain \x01\x7f" },
		{ "\xc2\x80\xdf\xbf", "\xc2\x80\xdf\xbf" },
		{ "\xe0\xa0\x80\xef\xbf\xbf", "\xe0\xa0\x80\xef\xbf\xbf" },
		{ "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
		  "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
		/* cut */
		{ "a\xc3", "a?" },
		{ "a\xe2\x82", "a??" },
		{ "a\xf0\x9f\x98", "a???" },
		{ "\xe2\x82x", "??x" },
		/* overlong, surrogates, out of range, stray bytes */
		{ "\xc0\x80\xc1\xbf", "????" },
		{ "\xe0\x9f\xbf", "???" },
		{ "\xf0\x8f\xbf\xbf", "????" },
		{ "\xed\xa0\x80\xed\x9f\xbf", "???\xed\x9f\xbf" },
		{ "\xf4\x90\x80\x80", "????" },
		{ "\x80\xbf\xff\xfe", "????" },
	};
	char buf[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		strcpy(buf, table[i].text);
		utf8_fix(buf);
		assert_string_equal(buf, table[i].mended);
	}
}

/* Jansson, which rejects invalid UTF-8, accepts the result for short texts. */
static void json_takes_what_was_mended(void **state)
{
	char text[4], was[4];
	unsigned int i;
	json_t *s;

	(void)state;
	for (i = 0; i < 1 << 24; i += 7) {
		was[0] = text[0] = (char)(i >> 16);
		was[1] = text[1] = (char)(i >> 8);
		was[2] = text[2] = (char)i;
		was[3] = text[3] = '\0';
		utf8_fix(text);
		s = json_string(text);
		if (!s)
			fail_msg("%06x is no UTF-8 after it was mended", i);
		json_decref(s);
		s = json_string(was);
		if (s && strcmp(was, text) != 0)
			fail_msg("%06x was UTF-8, and was changed", i);
		json_decref(s);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_no_character),
	cmocka_unit_test(json_takes_what_was_mended),
};

TEST_MAIN(tests)
