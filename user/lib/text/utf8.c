/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see utf8.h. */
#include <stddef.h>
#include <stdint.h>

#include "utf8.h"

/* Bytes of the character at @s (NUL-terminated); 0: invalid. */
static size_t char_len(const uint8_t *s)
{
	/* by length: the smallest code point, RFC 3629 */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *s < 0x80	       ? 1
		     : *s >> 5 == 0x06 ? 2
		     : *s >> 4 == 0x0e ? 3
		     : *s >> 3 == 0x1e ? 4
				       : 0;
	uint32_t c = len < 2 ? *s : *s & (0x7f >> len);
	size_t i;

	for (i = 1; i < len; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (!len || c < least[len] || c > 0x10ffff || c >> 11 == 0xd800 >> 11)
		return 0;
	return len;
}

void utf8_fix(char *text)
{
	size_t len;

	for (; *text; text += len) {
		len = char_len((const uint8_t *)text);
		if (!len) {
			*text = '?';
			len = 1;
		}
	}
}
