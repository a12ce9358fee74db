// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: describes how two frames differ. Each offset gets a name
 * from the layout of the expected frame; every field that differs is printed on
 * a line of its own.
 */
#include <stdio.h>
#include <string.h>

#include "packet.h"

struct field {
	const char *name;
	unsigned len;
};

static const struct field eth_fields[] = {
	{ "eth.dst", 6 },    { "eth.src", 6 },
	{ "eth.type", 2 },   { "vlan0.tci", 2 },
	{ "vlan0.type", 2 }, { "vlan1.tci", 2 },
	{ "vlan1.type", 2 }, {}
};
static const struct field ip4_fields[] = { { "ip.version_ihl", 1 },
					   { "ip.tos", 1 },
					   { "ip.length", 2 },
					   { "ip.id", 2 },
					   { "ip.fragment", 2 },
					   { "ip.ttl", 1 },
					   { "ip.protocol", 1 },
					   { "ip.checksum", 2 },
					   { "ip.src", 4 },
					   { "ip.dst", 4 },
					   {} };
static const struct field ip6_fields[] = { { "ip6.version_class_flow", 4 },
					   { "ip6.length", 2 },
					   { "ip6.next", 1 },
					   { "ip6.hop_limit", 1 },
					   { "ip6.src", 16 },
					   { "ip6.dst", 16 },
					   {} };
static const struct field tcp_fields[] = { { "tcp.src", 2 },
					   { "tcp.dst", 2 },
					   { "tcp.seq", 4 },
					   { "tcp.ack", 4 },
					   { "tcp.offset", 1 },
					   { "tcp.flags", 1 },
					   { "tcp.window", 2 },
					   { "tcp.checksum", 2 },
					   { "tcp.urgent", 2 },
					   { "tcp.option[0..3]", 4 },
					   { "tcp.option[4..7]", 4 },
					   { "tcp.option[8..11]", 4 },
					   { "tcp.option[12..15]", 4 },
					   { "tcp.option[16..19]", 4 },
					   { "tcp.option[20..23]", 4 },
					   {} };

static const struct field anonymous = { "byte", 1 };

/* The field of @f that starts at @off; one must. */
static const struct field *field_at(const struct frame *f, unsigned off)
{
	const struct field *field;
	unsigned at, stop;

	if (off < f->l3) {
		field = eth_fields;
		at = 0;
		stop = f->l3;
	} else if (off < f->l4) {
		field = f->data[f->l3] >> 4 == 6 ? ip6_fields : ip4_fields;
		at = f->l3;
		stop = f->l4;
	} else {
		field = tcp_fields;
		at = f->l4;
		stop = f->l4 + (f->data[f->l4 + 12] >> 4) * 4;
	}
	for (; field->name && at < stop; at += field->len, field++)
		if (at == off)
			return field;
	return &anonymous;
}

static void print_hex(const uint8_t *data, unsigned len)
{
	unsigned i;

	for (i = 0; i < len; i++)
		fprintf(stderr, "%02x", data[i]);
}

unsigned packet_diff(const char *what, const struct frame *want,
		     const uint8_t *got, uint32_t got_len)
{
	unsigned off, fields = 0;
	const struct field *field;

	for (off = 0; off < want->len && off < got_len; off += field->len) {
		unsigned len;

		field = field_at(want, off);
		len = field->len;
		if (len > want->len - off)
			len = want->len - off;
		if (len > got_len - off)
			len = got_len - off;
		if (!memcmp(want->data + off, got + off, len))
			continue;
		fprintf(stderr, "%s: offset %u (%s): expected ", what, off,
			field->name);
		print_hex(want->data + off, len);
		fprintf(stderr, ", got ");
		print_hex(got + off, len);
		fprintf(stderr, "\n");
		fields++;
	}
	if (want->len != got_len) {
		fprintf(stderr, "%s: expected %u bytes, got %u\n", what,
			want->len, got_len);
		fields++;
	}
	return fields;
}

void packet_dump(const char *what, const uint8_t *data, uint32_t len)
{
	unsigned i;

	fprintf(stderr, "%s (%u bytes)", what, len);
	for (i = 0; i < len && i < 256; i++)
		fprintf(stderr, "%s%02x", i % 16 ? " " : "\n\t", data[i]);
	fprintf(stderr, "\n");
}
