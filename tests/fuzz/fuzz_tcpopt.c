// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: parses TCP options in three ways: the fast path, the
 * general parser, and a parser written here. The first byte selects SYN or ACK
 * and the size of the packet's linear part; the rest, a multiple of four bytes,
 * are the options.
 *
 * For an ACK with two timestamps options, which nobody sends, the fast path
 * uses the first and the general parser the last; the cookie decides.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "synkeeper/tcpopt_fast.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "finding: %s\n", what);
	abort();
}

static struct tcp_opts walk(const uint8_t *bytes, unsigned int len)
{
	struct tcpopt_walk w = { .len = len };
	unsigned int i;

	memcpy(w.buf, bytes, len);
	tcp_opts_init(&w.opts);
	for (i = 0; i < TCPOPT_MAX_LEN && !tcpopt_step(&w); i++)
		;
	must(i < TCPOPT_MAX_LEN || w.pos >= len,
	     "the walk ends within as many steps as bytes");
	return w.opts;
}

/*
 * RFC 9293 section 3.1, RFC 7323; what RFC 2385, 5925 and 7413 have is told by
 * its kind. *@ret_ts: how many timestamps options.
 */
static struct tcp_opts plain(const uint8_t *b, unsigned int len,
			     unsigned int *ret_ts)
{
	struct tcp_opts o = { .wscale = WSCALE_NONE };
	unsigned int i = 0, n;

	*ret_ts = 0;
	while (i < len && b[i] != 0) {
		if (b[i] == 1) {
			i++;
			continue;
		}
		if (i + 1 == len)
			break;
		n = b[i + 1];
		if (n < 2 || n > len - i)
			break;
		if (b[i] == 2 && n == 4)
			o.mss = b[i + 2] * 256 + b[i + 3];
		if (b[i] == 3 && n == 3)
			o.wscale = b[i + 2] < 14 ? b[i + 2] : 14;
		if (b[i] == 4 && n == 2)
			o.sack = 1;
		if (b[i] == 8 && n == 10) {
			__be32 ts[2];

			memcpy(ts, b + i + 2, sizeof(ts));
			o.ts = 1;
			o.tsval = be32toh(ts[0]);
			o.tsecr = be32toh(ts[1]);
			++*ret_ts;
		}
		if (b[i] == 34 || (b[i] == 254 && n >= 4 && b[i + 2] == 0xf9 &&
				   b[i + 3] == 0x89))
			o.asks |= OPTS_FAST_OPEN;
		if (b[i] == 19 || b[i] == 29)
			o.asks |= OPTS_SIGNED;
		i += n;
	}
	return o;
}

static bool same(const struct tcp_opts *a, const struct tcp_opts *b)
{
	return a->tsval == b->tsval && a->tsecr == b->tsecr &&
	       a->mss == b->mss && a->wscale == b->wscale &&
	       a->sack == b->sack && a->ts == b->ts && a->asks == b->asks;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int len, linear, n_ts;
	struct tcp_opts fast, slow, ref;
	__be32 *exact;
	bool syn, known;

	if (size < 1)
		return -1;
	syn = data[0] & 1;
	len = (size - 1) & ~3U;
	if (len > TCPOPT_MAX_LEN)
		len = TCPOPT_MAX_LEN;
	linear = data[0] & 2 ? (data[0] >> 2) % (len + 1) : len;

	slow = walk(data + 1, len);
	ref = plain(data + 1, len, &n_ts);
	must(same(&slow, &ref), "the general parser is right");

	exact = malloc(linear ? linear : 1);
	memcpy(exact, data + 1, linear);
	tcp_opts_init(&fast);
	known = syn ? tcpopt_syn_fast(exact, (uint8_t *)exact + linear, len,
				      &fast)
		    : tcpopt_ack_fast(exact, (uint8_t *)exact + linear, len,
				      &fast);
	free(exact);
	if (!known)
		return 0;
	if (!syn) { /* all that is of interest of an ACK */
		if (n_ts > 1)
			return 0;
		ref.mss = fast.mss;
		ref.wscale = fast.wscale;
		ref.sack = fast.sack;
		ref.asks = fast.asks;
	} else {
		ref.tsecr = fast.tsecr; /* nor is this of a SYN */
	}
	must(same(&fast, &ref), "the fast path means the same");
	return 0;
}
