// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: an input is two files of prefixes, denied and allowed;
 * the first two bytes say where the first one ends. Either they are refused
 * with a line that names file and line, and nothing is applied; or each entry
 * is a prefix whose host part is zero, and there are as many entries as lines.
 */
#include <stdlib.h>
#include <string.h>

#include "memfile.h"
#include "service/sources.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines that are neither empty nor comments. */
static size_t count_lines(const uint8_t *data, size_t size)
{
	bool some = false, comment = false;
	size_t i, n = 0;

	for (i = 0; i <= size; i++) {
		if (i == size || data[i] == '\n') {
			n += some;
			some = comment = false;
			continue;
		}
		comment |= data[i] == '#';
		some |= !comment && !strchr(" \t\r", data[i]);
	}
	return n;
}

static void check_entry(const struct source_entry *e)
{
	__u32 bit;

	if (e->key.prefixlen > 128)
		finding("a prefix of %u bits", e->key.prefixlen);
	for (bit = e->key.prefixlen; bit < 128; bit++)
		if (e->key.addr[bit / 8] >> (7 - bit % 8) & 1)
			finding("bit %u is set behind a prefix of %u", bit,
				e->key.prefixlen);
	if (e->kind > SOURCE_DENIED)
		finding("an entry of kind %u", e->kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char deny[MEMFILE_PATH], allow[MEMFILE_PATH], err[CONFIG_ERR_MAX] = "";
	struct config c = { .deny = deny, .allow = allow };
	struct source_list l = {};
	size_t first, i;

	if (size < 2)
		return -1;
	first = data[0] | data[1] << 8;
	data += 2;
	size -= 2;
	if (first > size)
		first = size;
	memfile(0, data, first, deny);
	memfile(1, data + first, size - first, allow);
	if (sources_read(&c, &l, err)) {
		check_error(err, sizeof(err),
			    strncmp(err, deny, strlen(deny)) ? allow : deny);
		if (l.entries || l.n || l.allowed || l.denied)
			finding("refused, and something was applied: %s", err);
		return 0;
	}
	if (l.denied != count_lines(data, first) ||
	    l.allowed != count_lines(data + first, size - first))
		finding("%zu denied and %zu allowed, but %zu and %zu lines",
			l.denied, l.allowed, count_lines(data, first),
			count_lines(data + first, size - first));
	for (i = 0; i < l.n; i++)
		check_entry(&l.entries[i]);
	sources_free(&l);
	return 0;
}
