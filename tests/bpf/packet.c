// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPv6 extension headers are given as letters: h hop-by-hop, d destination
 * options, r routing, f fragment header with more to come, a "atomic" fragment
 * header, o second fragment, H a hop-by-hop header of 24 bytes, s a header of
 * 2 KB, ? an unknown protocol.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opttext.h"
#include "packet.h"

const uint8_t server_mac[6] = { 0x02, 0, 0, 0, 0, 0x01 };
const uint8_t client_mac[6] = { 0x02, 0, 0, 0, 0, 0x02 };
const uint8_t foreign_mac[6] = { 0x02, 0, 0, 0, 0, 0x03 };

static void put(struct frame *f, uint32_t value, unsigned size)
{
	while (size--)
		f->data[f->len++] = value >> size * 8;
}

static void put_bytes(struct frame *f, const void *bytes, unsigned len)
{
	memcpy(f->data + f->len, bytes, len);
	f->len += len;
}

static void set16(uint8_t *at, unsigned value)
{
	at[0] = value >> 8;
	at[1] = value;
}

const char *spec_src(const struct spec *s)
{
	return s->src ? s->src : s->v6 ? CLIENT6 : CLIENT4;
}

const char *spec_dst(const struct spec *s)
{
	return s->dst ? s->dst : s->v6 ? SERVER6 : SERVER4;
}

static void put_address(struct frame *f, const char *text, bool v6)
{
	uint8_t addr[16];

	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, addr) != 1) {
		fprintf(stderr, "no address: %s\n", text);
		abort();
	}
	put_bytes(f, addr, v6 ? 16 : 4);
}

static void put_ethernet(const struct spec *s, struct frame *f)
{
	const char *tag = s->vlan ? s->vlan : "";
	unsigned id = 100;

	put_bytes(f, s->to_mac ? s->to_mac : server_mac, 6);
	put_bytes(f, s->from_mac ? s->from_mac : client_mac, 6);
	for (; *tag; tag++) {
		put(f, *tag == 'a' ? 0x88a8 : 0x8100, 2);
		put(f, 0x2000 | (*tag == '0' ? 0 : id++), 2);
	}
	put(f, s->v6 ? 0x86dd : 0x0800, 2);
}

static void put_ipv4(const struct spec *s, struct frame *f)
{
	put(f, 0x40 | (5 + s->ip_opts / 4), 1);
	put(f, s->tos, 1);
	put(f, 0, 2); /* total length: when all is there */
	put(f, s->ip_id, 2);
	put(f, (s->no_df ? 0 : 0x4000) | s->frag, 2);
	put(f, s->ttl ? s->ttl : 64, 1);
	put(f, 6, 1);
	put(f, 0, 2);
	put_address(f, spec_src(s), false);
	put_address(f, spec_dst(s), false);
	memset(f->data + f->len, 1, s->ip_opts);
	f->len += s->ip_opts;
}

static unsigned ext_kind(char c)
{
	switch (c) {
	case 'h':
	case 'H':
		return 0;
	case 'r':
		return 43;
	case 'f':
	case 'a':
	case 'o':
		return 44;
	case 'd':
	case 's':
		return 60;
	case '\0':
		return 6;
	default:
		return 253; /* RFC 3692: for experiments */
	}
}

static void put_ext(struct frame *f, char c, unsigned next)
{
	unsigned words = c == 'H' ? 2 : c == 's' ? 255 : 0;

	put(f, next, 1);
	if (ext_kind(c) == 44) {
		put(f, 0, 1);
		put(f, c == 'f' ? 1 : c == 'o' ? 0x0100 : 0, 2);
		put(f, 0xabcd, 4);
		return;
	}
	put(f, words, 1);
	if (c == 'r')
		put(f, 0x04000000, 4), put(f, 0, 2); /* no segments left */
	else
		put(f, 0x01040000, 4), put(f, 0, 2); /* PadN */
	memset(f->data + f->len, 0, words * 8);
	f->len += words * 8;
}

static void put_ipv6(const struct spec *s, struct frame *f)
{
	const char *c = s->ext ? s->ext : "";

	put(f, 0x60000000 | s->tos << 20 | s->label, 4);
	put(f, 0, 2); /* payload length: when all is there */
	put(f, ext_kind(*c), 1);
	put(f, s->ttl ? s->ttl : 64, 1);
	put_address(f, spec_src(s), true);
	put_address(f, spec_dst(s), true);
	for (; *c; c++)
		put_ext(f, *c, ext_kind(c[1]));
}

static void put_tcp(const struct spec *s, struct frame *f)
{
	uint8_t opts[OPTS_MAX] = { 0 };
	unsigned len = 0, i;

	if (s->raw) {
		len = s->raw_len;
		memcpy(opts, s->raw, len);
	} else if (s->opts) {
		len = opttext_parse(s->opts, opts);
	}
	len = (len + 3) & ~3u;

	put(f, s->sport ? s->sport : 40000, 2);
	put(f, s->dport ? s->dport : 443, 2);
	put(f, s->seq || !(s->flags & SYN) ? s->seq : CLIENT_ISN, 4);
	put(f, s->ack, 4);
	put(f, (5 + len / 4) << 4 | s->ae, 1);
	put(f, s->flags, 1);
	put(f, s->window ? s->window : 64240, 2);
	put(f, 0, 4); /* checksum, urgent pointer */
	put_bytes(f, opts, len);
	for (i = 0; i < s->data; i++)
		put(f, 'a' + i % 26, 1);
}

/* RFC 1071, the slow way. */
static unsigned sum(const uint8_t *data, unsigned len, unsigned start)
{
	unsigned i;

	for (i = 0; i < len; i++)
		start += i & 1 ? data[i] : data[i] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return start;
}

void packet_checksum(struct frame *f, bool v6)
{
	uint8_t *ip = f->data + f->l3, *tcp = f->data + f->l4;
	unsigned len = f->end - f->l4, pseudo = 6 + len;

	pseudo = v6 ? sum(ip + 8, 32, pseudo) : sum(ip + 12, 8, pseudo);
	set16(tcp + 16, 0);
	set16(tcp + 16, ~sum(tcp, len, pseudo));
	if (v6)
		return;
	set16(ip + 10, 0);
	set16(ip + 10, ~sum(ip, (ip[0] & 15) * 4, 0));
}

bool packet_valid(const uint8_t *data, uint32_t len)
{
	const uint8_t *ip = data + 14;
	unsigned tags, tcp_len, pseudo;

	for (tags = 0; tags < 2 && (ip[-2] == 0x81 || ip[-2] == 0x88); tags++)
		ip += 4;
	if (ip[-2] == 0x08 && ip[0] == 0x45) {
		tcp_len = (ip[2] << 8 | ip[3]) - 20;
		pseudo = sum(ip + 12, 8, 6 + tcp_len);
		if (sum(ip, 20, 0) != 0xffff)
			return false;
		ip += 20;
	} else if (ip[-2] == 0x86 && ip[0] == 0x60 && ip[6] == 6) {
		tcp_len = ip[4] << 8 | ip[5];
		pseudo = sum(ip + 8, 32, 6 + tcp_len);
		ip += 40;
	} else {
		return false;
	}
	return ip + tcp_len <= data + len && sum(ip, tcp_len, pseudo) == 0xffff;
}

void packet_build(const struct spec *s, struct frame *ret)
{
	struct frame *f = ret;

	f->len = 0;
	put_ethernet(s, f);
	f->l3 = f->len;
	if (s->v6)
		put_ipv6(s, f);
	else
		put_ipv4(s, f);
	f->l4 = f->len;
	put_tcp(s, f);
	f->end = f->len;
	if (s->v6)
		set16(f->data + f->l3 + 4, f->end - f->l3 - 40);
	else
		set16(f->data + f->l3 + 2, f->end - f->l3);
	packet_checksum(f, s->v6);

	memset(f->data + f->len, 0xee, s->trailer);
	f->len += s->trailer;
	if (s->pad && f->len < ETH_MIN) {
		memset(f->data + f->len, 0, ETH_MIN - f->len);
		f->len = ETH_MIN;
	}
}
