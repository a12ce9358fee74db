/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a block is built in a buffer, of fixed size since all of
 * its parts are bounded; once it is complete, its length is written at both
 * ends:
 *
 *	type | length | fixed part | data, padded | options | length
 *
 * An option is a code, a length and a value, padded to four bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pcapng.h"

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINKTYPE_ETHERNET = 1,
	OPT_END = 0,
	OPT_COMMENT = 1,
	OPT_IF_NAME = 2,
	OPT_USERAPPL = 4,
};

struct block {
	size_t len;
	unsigned char bytes[PCAPNG_DATA_MAX + PCAPNG_TEXT_MAX + 128];
};

static void put(struct block *b, const void *data, size_t len)
{
	static const unsigned char zeros[4];
	size_t pad = -len & 3;

	memcpy(b->bytes + b->len, data, len);
	memcpy(b->bytes + b->len + len, zeros, pad);
	b->len += len + pad;
}

static void put_u32(struct block *b, uint32_t value)
{
	put(b, &value, sizeof(value));
}

/* Two 16-bit values, in this order. */
static void put_u16s(struct block *b, uint16_t first, uint16_t second)
{
	const uint16_t both[] = { first, second };

	put(b, both, sizeof(both));
}

static void put_option(struct block *b, uint16_t code, const char *text)
{
	size_t len = strnlen(text, PCAPNG_TEXT_MAX);

	put_u16s(b, code, (uint16_t)len);
	put(b, text, len);
}

static void block_begin(struct block *b, uint32_t type)
{
	b->len = 0;
	put_u32(b, type);
	put_u32(b, 0); /* the length, filled in at the end */
}

/*
 * Truncates the last @len bytes, which a pipe does not support. Errors are
 * ignored: the one that led here is reported.
 */
static void cut_back(int fd, size_t len)
{
	off_t end = lseek(fd, 0, SEEK_CUR);

	if (end >= 0)
		(void)!ftruncate(fd, end - (off_t)len);
}

/* Writes the whole block, or nothing of it. */
static int block_write(const struct pcapng *p, const struct block *b)
{
	size_t done = 0;
	int err;

	while (done < b->len) {
		ssize_t n = write(p->fd, b->bytes + done, b->len - done);

		if (n >= 0) {
			done += n;
		} else if (errno != EINTR) {
			err = -errno;
			cut_back(p->fd, done);
			return err;
		}
	}
	return 0;
}

static int block_end(const struct pcapng *p, struct block *b)
{
	uint32_t len;

	put_u16s(b, OPT_END, 0);
	len = (uint32_t)b->len + sizeof(len);
	put_u32(b, len);
	memcpy(b->bytes + 4, &len, sizeof(len));
	return block_write(p, b);
}

int pcapng_begin(struct pcapng *p, int fd)
{
	struct block b;

	*p = (struct pcapng){ .fd = fd };
	block_begin(&b, BLOCK_SECTION);
	put_u32(&b, BYTE_ORDER_MAGIC);
	put_u16s(&b, 1, 0);	 /* version 1.0 */
	put_u32(&b, UINT32_MAX); /* 64 bits: length unknown */
	put_u32(&b, UINT32_MAX);
	put_option(&b, OPT_USERAPPL, "synkeeper " SYNKEEPER_VERSION);
	return block_end(p, &b);
}

/* Writes the description of an interface, which gets the next number. */
static int add_iface(struct pcapng *p, const char *name)
{
	struct block b;
	char *copy;
	int err;

	if (p->n_ifaces == PCAPNG_IFACES_MAX)
		return -E2BIG;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	block_begin(&b, BLOCK_INTERFACE);
	put_u16s(&b, LINKTYPE_ETHERNET, 0);
	put_u32(&b, 0); /* no snapshot length */
	put_option(&b, OPT_IF_NAME, name);
	err = block_end(p, &b);
	if (err)
		free(copy);
	else
		p->iface[p->n_ifaces++] = copy;
	return err;
}

/* The interface's number in this file, or -errno. */
static int iface_number(struct pcapng *p, const char *name)
{
	size_t i;
	int err;

	for (i = 0; i < p->n_ifaces; i++)
		if (!strcmp(p->iface[i], name))
			return (int)i;
	err = add_iface(p, name);
	return err ? err : (int)i;
}

int pcapng_packet(struct pcapng *p, const struct pcapng_packet *packet)
{
	struct block b;
	int iface;

	if (packet->len > PCAPNG_DATA_MAX)
		return -E2BIG;
	iface = iface_number(p, packet->iface);
	if (iface < 0)
		return iface;
	block_begin(&b, BLOCK_PACKET);
	put_u32(&b, (uint32_t)iface);
	put_u32(&b, (uint32_t)(packet->time_us >> 32));
	put_u32(&b, (uint32_t)packet->time_us);
	put_u32(&b, packet->len);
	put_u32(&b, packet->wire_len);
	put(&b, packet->data, packet->len);
	put_option(&b, OPT_COMMENT, packet->comment);
	return block_end(p, &b);
}

void pcapng_end(struct pcapng *p)
{
	while (p->n_ifaces)
		free(p->iface[--p->n_ifaces]);
}
