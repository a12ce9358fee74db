// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <time.h>

#include "kernelside.h"
#include "netns.h"
#include "sessions.h"
#include "check.h"

enum { TSVAL_AT = 28 }; /* in a TCP header with MSS and timestamps */

void kernelside_mode(enum endpoint_mode mode)
{
	struct port_services ps = { .any4 = harness_service(SERVICE_4, mode),
				    .any6 = harness_service(SERVICE_6, mode) };

	ps.any4.cookies = ps.any6.cookies = COOKIES_KERNEL;
	harness_port(443, &ps);
}

int kernelside_setup(void **state)
{
	if (harness_setup(state))
		return -1;
	netns_sysctl("tcp_syncookies", "2");
	kernelside_mode(ENDPOINT_ARMED);
	return 0;
}

int kernelside_setup_listening(void **state)
{
	if (kernelside_setup(state))
		return -1;
	netns_listen(false, 443);
	netns_listen(true, 443);
	return 0;
}

static uint32_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t be;

	memcpy(&be, at, sizeof(be));
	return ntohl(be);
}

/*
 * As made by cookie_init_timestamp() in net/ipv4/syncookies.c: the options in
 * the low bits, and a clock that is not ahead of the kernel's.
 */
static bool tsval_is_right(const char *what, const struct handshake *hs,
			   uint32_t tsval, uint32_t before, uint32_t after)
{
	uint32_t opts = hs->wscale | hs->sack << 4 | hs->ecn << 5;
	bool in_time = (int32_t)(tsval - (before - 63)) >= 0 &&
		       (int32_t)(after - tsval) >= 0;

	if ((tsval & 63) == opts && in_time)
		return true;
	fprintf(stderr,
		"%s: TSval: expected options %#x and a clock from %u to %u, "
		"got %#x and %u\n",
		what, opts, before - 63, after, tsval & 63, tsval);
	return false;
}

bool kernelside_answered(const char *what, const struct spec *syn,
			 const struct answer_spec *a, struct cookie *ret)
{
	static struct frame in, out;
	static struct run r;
	struct answer_spec want = *a;
	struct cookie c = {};
	uint32_t before;
	uint8_t *tcp;

	packet_build(syn, &in);
	tcp = r.data + in.l3 + (syn->v6 ? 40 : 20);
	before = now_ms();
	harness_run(&in, &r);
	if (r.verdict == XDP_TX) {
		c.isn = get32(tcp + 4);
		c.tsval = a->hs.ts ? get32(tcp + TSVAL_AT) : 0;
	}
	want.cookie = &c;
	synack_build(syn, &in, &want, &out);
	*ret = c;
	return expect_run(what, &in, &r, XDP_TX, REASON_answered, &out) &&
	       (!a->hs.ts ||
		tsval_is_right(what, &a->hs, c.tsval, before, now_ms()));
}

struct cookie kernelside_cookie(const struct spec *syn)
{
	struct answer_spec a = { .hs.wscale = WSCALE_NONE,
				 .opts = syn->v6 ? "mss:1440" : "mss:1460" };
	struct cookie c;

	assert_true(kernelside_answered("SYN", syn, &a, &c));
	return c;
}

struct spec kernelside_ack(const struct spec *syn, const struct cookie *c)
{
	static char opts[64];
	struct spec ack = *syn;

	ack.flags = ACK;
	ack.seq = (syn->seq ? syn->seq : CLIENT_ISN) + 1;
	ack.ack = c->isn + 1;
	ack.opts = NULL;
	ack.data = ack.trailer = 0;
	if (c->tsval) {
		snprintf(opts, sizeof(opts), "nop nop ts:%d:%u", ACK_TSVAL,
			 c->tsval);
		ack.opts = opts;
	}
	return ack;
}

bool kernelside_takes(const char *what, const struct spec *ack)
{
	return expect_spec(what, ack, XDP_PASS, REASON_kernel_cookie);
}

bool kernelside_never_is_lately(void)
{
	struct timespec up;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &up), 0);
	return up.tv_sec >= 298 && up.tv_sec <= 421;
}
