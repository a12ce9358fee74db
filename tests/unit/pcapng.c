// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the bytes of a pcapng file, block by block as in the
 * draft of the format, and the state of a file that could not grow.
 */
#include "testmain.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "capture/pcapng.h"

enum { FILE_MAX = 65536 };

struct written {
	size_t len;
	unsigned char bytes[FILE_MAX];
};

static int new_file(void)
{
	char name[] = "/tmp/synkeeper-pcapng-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	return fd;
}

static void read_back(int fd, struct written *w)
{
	ssize_t n = pread(fd, w->bytes, sizeof(w->bytes), 0);

	assert_in_range(n, 0, sizeof(w->bytes) - 1);
	w->len = n;
}

static uint32_t u32(const struct written *w, size_t at)
{
	uint32_t value;

	assert_true(at + 4 <= w->len);
	memcpy(&value, w->bytes + at, 4);
	return value;
}

static uint16_t u16(const struct written *w, size_t at)
{
	uint16_t value;

	assert_true(at + 2 <= w->len);
	memcpy(&value, w->bytes + at, 2);
	return value;
}

/* The length of the block at @at, which must be stored at both ends. */
static size_t block(const struct written *w, size_t at, uint32_t type)
{
	uint32_t len = u32(w, at + 4);

	if (u32(w, at) != type)
		fail_msg("at %zu: expected a block of type %u, got %u", at,
			 type, u32(w, at));
	assert_int_equal(len % 4, 0);
	assert_in_range(len, 12, w->len - at);
	assert_int_equal(u32(w, at + len - 4), len);
	return len;
}

/* A text option, padded with zeros, followed by the end of options. */
static void expect_option(const struct written *w, size_t at, uint16_t code,
			  const char *text)
{
	size_t len = strlen(text), pad = -len & 3;

	assert_int_equal(u16(w, at), code);
	assert_int_equal(u16(w, at + 2), len);
	assert_memory_equal(w->bytes + at + 4, text, len);
	assert_memory_equal(w->bytes + at + 4 + len, "\0\0\0", pad);
	assert_int_equal(u32(w, at + 4 + len + pad), 0);
}

static struct pcapng_packet packet_of(const char *iface, const void *data,
				      uint32_t len, const char *comment)
{
	return (struct pcapng_packet){ .iface = iface,
				       .time_us = 1700000001234567,
				       .data = data,
				       .len = len,
				       .wire_len = 1514,
				       .comment = comment };
}

static void section(void **state)
{
	struct pcapng p;
	struct written w;
	int fd = new_file();

	(void)state;
	assert_int_equal(pcapng_begin(&p, fd), 0);
	read_back(fd, &w);
	assert_int_equal(block(&w, 0, 0x0a0d0d0a), w.len);
	assert_int_equal(u32(&w, 8), 0x1a2b3c4d);
	assert_int_equal(u16(&w, 12), 1);
	assert_int_equal(u16(&w, 14), 0);
	assert_int_equal(u32(&w, 16), UINT32_MAX);
	assert_int_equal(u32(&w, 20), UINT32_MAX);
	expect_option(&w, 24, 4, "synkeeper " SYNKEEPER_VERSION);
	close(fd);
}

/* Every length modulo 4, of data and of text. */
static void packets(void **state)
{
	static const char data[] = "abcdefgh";
	static const char *const comments[] = { "", "a", "ab", "abc", "abcd" };
	uint32_t len;
	size_t at, n;

	(void)state;
	for (len = 1; len <= 5; len++) {
		struct pcapng_packet packet =
			packet_of("eth0", data, len, comments[len - 1]);
		struct pcapng p;
		struct written w;
		int fd = new_file();

		assert_int_equal(pcapng_begin(&p, fd), 0);
		assert_int_equal(pcapng_packet(&p, &packet), 0);
		read_back(fd, &w);
		at = block(&w, 0, 0x0a0d0d0a);
		n = block(&w, at, 1);
		assert_int_equal(u16(&w, at + 8), 1); /* Ethernet */
		assert_int_equal(u16(&w, at + 10), 0);
		assert_int_equal(u32(&w, at + 12), 0);
		expect_option(&w, at + 16, 2, "eth0");
		at += n;
		assert_int_equal(at + block(&w, at, 6), w.len);
		assert_int_equal(u32(&w, at + 8), 0);
		assert_int_equal(u32(&w, at + 12), 1700000001234567 >> 32);
		assert_int_equal(u32(&w, at + 16), (uint32_t)1700000001234567);
		assert_int_equal(u32(&w, at + 20), len);
		assert_int_equal(u32(&w, at + 24), 1514);
		assert_memory_equal(w.bytes + at + 28, data, len);
		assert_memory_equal(w.bytes + at + 28 + len, "\0\0\0",
				    -len & 3);
		expect_option(&w, at + 28 + (len + 3) / 4 * 4, 1,
			      comments[len - 1]);
		pcapng_end(&p);
		close(fd);
	}
}

static void interfaces_are_described_once(void **state)
{
	static const char *const names[] = { "eth0", "eth1", "eth0", "eth1" };
	static const uint32_t types[] = { 0x0a0d0d0a, 1, 6, 1, 6, 6, 6 };
	static const uint32_t numbers[] = { 0, 0, 0, 0, 1, 0, 1 };
	struct pcapng p;
	struct written w;
	int fd = new_file();
	size_t i, at = 0;

	(void)state;
	assert_int_equal(pcapng_begin(&p, fd), 0);
	for (i = 0; i < 4; i++) {
		struct pcapng_packet packet = packet_of(names[i], "x", 1, "c");

		assert_int_equal(pcapng_packet(&p, &packet), 0);
	}
	read_back(fd, &w);
	for (i = 0; i < 7; i++) {
		size_t len = block(&w, at, types[i]);

		if (types[i] == 6)
			assert_int_equal(u32(&w, at + 8), numbers[i]);
		at += len;
	}
	assert_int_equal(at, w.len);
	pcapng_end(&p);
	close(fd);
}

static void what_is_too_much(void **state)
{
	static const unsigned char data[PCAPNG_DATA_MAX + 1];
	char name[16], text[2 * PCAPNG_TEXT_MAX] = "";
	struct pcapng_packet packet;
	struct pcapng p;
	int fd = new_file(), i;

	(void)state;
	assert_int_equal(pcapng_begin(&p, fd), 0);
	memset(text, 'x', sizeof(text) - 1);
	packet = packet_of(text, data, PCAPNG_DATA_MAX, text);
	assert_int_equal(pcapng_packet(&p, &packet), 0); /* texts are cut */
	packet.len++;
	assert_int_equal(pcapng_packet(&p, &packet), -E2BIG);
	for (i = 1; i <= PCAPNG_IFACES_MAX; i++) {
		snprintf(name, sizeof(name), "eth%d", i);
		packet = packet_of(name, data, 1, "");
		assert_int_equal(pcapng_packet(&p, &packet),
				 i < PCAPNG_IFACES_MAX ? 0 : -E2BIG);
	}
	pcapng_end(&p);
	close(fd);
}

/* A limit within a block: the file ends with the previous block. */
static void a_file_that_cannot_grow_ends_with_a_whole_block(void **state)
{
	struct pcapng_packet packet = packet_of("eth0", "abcdefgh", 8, "why");
	struct rlimit limit = { .rlim_max = RLIM_INFINITY };
	struct written before, after;
	int fd = new_file();
	struct pcapng p;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(pcapng_begin(&p, fd), 0);
	assert_int_equal(pcapng_packet(&p, &packet), 0);
	read_back(fd, &before);
	limit.rlim_cur = before.len + 10;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(pcapng_packet(&p, &packet), -EFBIG);
	limit.rlim_cur = RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	read_back(fd, &after);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.bytes, before.bytes, before.len);
	pcapng_end(&p);
	close(fd);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(section),
	cmocka_unit_test(packets),
	cmocka_unit_test(interfaces_are_described_once),
	cmocka_unit_test(what_is_too_much),
	cmocka_unit_test(a_file_that_cannot_grow_ends_with_a_whole_block),
};

TEST_MAIN(tests)
