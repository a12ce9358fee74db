// SPDX-License-Identifier: GPL-2.0-only
/* The text is part of the test program, so an error in it ends the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opttext.h"

struct bytes {
	uint8_t *data;
	unsigned len;
};

static void put(struct bytes *b, unsigned value, unsigned size)
{
	if (b->len + size > OPTS_MAX) {
		fprintf(stderr, "more than %d bytes of options\n", OPTS_MAX);
		abort();
	}
	while (size--)
		b->data[b->len++] = value >> size * 8;
}

static void put_hex(struct bytes *b, const char *hex)
{
	unsigned byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		put(b, byte, 1);
}

static void put_word(struct bytes *b, const char *word)
{
	unsigned x, y;

	if (!strcmp(word, "nop")) {
		put(b, 1, 1);
	} else if (!strcmp(word, "eol")) {
		put(b, 0, 1);
	} else if (!strcmp(word, "sack")) {
		put(b, 0x0402, 2);
	} else if (sscanf(word, "mss:%u", &x) == 1) {
		put(b, 0x0204, 2);
		put(b, x, 2);
	} else if (sscanf(word, "ws:%u", &x) == 1) {
		put(b, 0x0303, 2);
		put(b, x, 1);
	} else if (sscanf(word, "ts:%u:%u", &x, &y) == 2) {
		put(b, 0x080a, 2);
		put(b, x, 4);
		put(b, y, 4);
	} else if (!strncmp(word, "x:", 2)) {
		put_hex(b, word + 2);
	} else {
		fprintf(stderr, "no such option: %s\n", word);
		abort();
	}
}

unsigned opttext_parse(const char *text, uint8_t ret[OPTS_MAX])
{
	struct bytes b = { .data = ret };
	char copy[256], *word, *save;

	snprintf(copy, sizeof(copy), "%s", text);
	for (word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		put_word(&b, word);
	return b.len;
}
