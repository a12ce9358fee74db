// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <string.h>

#include "stranger.h"

enum { SYN = 0x02, ACK = 0x10, TCP = 6, HEADER = 20, STAMPS = 12 };

static const uint8_t client_address[2][16] = {
	{ 203, 0, 113, 99 },
	{ 0x20, 0x01, 0x0d, 0xb8, 0x99, [15] = 0x99 },
};

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static void put32(uint8_t *at, __u32 value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static __u32 sum_of(const uint8_t *at, size_t len, __u32 sum)
{
	size_t i;

	for (i = 0; i < len; i++)
		sum += i & 1 ? at[i] : at[i] << 8;
	return sum;
}

static unsigned int fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

static size_t put_ip(uint8_t *f, bool v6, size_t tcp_len)
{
	struct tuple t = scenario_tuple(v6, 0);
	uint8_t *ip = f + 14;
	size_t width = v6 ? 16 : 4;

	memset(f, 0, 128);
	memcpy(f, scenario_server_mac, 6);
	f[6] = 0x02;
	put16(f + 12, v6 ? 0x86dd : 0x0800);
	ip[0] = v6 ? 0x60 : 0x45;
	if (v6) {
		put16(ip + 4, tcp_len);
		ip[6] = TCP;
		ip[7] = 64;
	} else {
		put16(ip + 2, 20 + tcp_len);
		ip[8] = 64;
		ip[9] = TCP;
	}
	ip += v6 ? 8 : 12;
	memcpy(ip, client_address[v6], width);
	memcpy(ip + width, v6 ? t.server : t.server + 3, width);
	if (!v6)
		put16(f + 24, fold(sum_of(f + 14, 20, 0)));
	return v6 ? 54 : 34;
}

/* Builds a valid frame of the good client's. Returns its length. */
static size_t frame_of(uint8_t *f, bool v6, unsigned int flags,
		       const struct client *c)
{
	size_t len = HEADER + STAMPS, l4 = put_ip(f, v6, len);
	size_t width = v6 ? 32 : 8;
	uint8_t *tcp = f + l4;

	put16(tcp, 51515);
	put16(tcp + 2, SCENARIO_PORT);
	put32(tcp + 4, flags & ACK ? c->seq : 4711);
	put32(tcp + 8, flags & ACK ? c->ack : 0);
	tcp[12] = len / 4 << 4;
	tcp[13] = flags;
	put16(tcp + 14, 64240);
	put16(tcp + 20, 0x0101); /* NOPs, and timestamps */
	put16(tcp + 22, 0x080a);
	put32(tcp + 24, 1000);
	put32(tcp + 28, flags & ACK ? c->tsecr : 0);
	put16(tcp + 16,
	      fold(sum_of(tcp, len, sum_of(tcp - width, width, TCP + len))));
	return l4 + len;
}

static void arrives(struct play *p, bool v6, unsigned int flags, uint8_t arg)
{
	static uint8_t f[128];
	struct step step = { .op = STEP_FRAME,
			     .arg = FRAME_TO_US | arg,
			     .data = f };

	step.len = frame_of(f, v6, flags, &p->client);
	play_step(p, &step);
}

/* Does the client get a cookie, and in with it? */
static bool is_served(struct play *p, bool v6)
{
	unsigned int before;
	bool kernel;

	native.socket = (struct native_socket){
		.state = KERNEL_LISTEN,
		.cookie = 1460LL << 32 | 0x1badcafe,
		.knows_own = true,
	};
	arrives(p, v6, SYN, 0);
	if (p->out.reason != REASON_answered || p->out.action != XDP_TX)
		return false;
	kernel = play_endpoint(p->s, p->out.service)->cookies == COOKIES_KERNEL;
	before = native.assigned;
	arrives(p, v6, ACK, kernel ? 0 : FRAME_ADMIT);
	return kernel ? p->out.reason == REASON_kernel_cookie
		      : native.assigned > before;
}

static bool contains(const uint8_t *data, size_t size, const uint8_t *what,
		     size_t len)
{
	return memmem(data, size, what, len) != NULL;
}

/*
 * An attacker may know the good client's address, and use up its share of a
 * cap, or spoof it; and a driver without metadata is detected.
 */
static bool is_fair(const struct scenario *s, const uint8_t *data, size_t size)
{
	return !s->cfg.synacks_per_second && !s->no_meta &&
	       !contains(data, size, client_address[0], 4) &&
	       !contains(data, size, client_address[1], 16);
}

static struct endpoint exact_of(bool v6)
{
	struct tuple t = scenario_tuple(v6, 0);
	struct endpoint_key key = { .port = t.server_port };
	const struct endpoint *ep;

	memcpy(key.addr, t.server, 16);
	ep = native_value("endpoints", &key, false);
	return ep ? *ep : (struct endpoint){ 0 };
}

static void note(struct strangers *ret)
{
	__u32 zero = 0, port = SCENARIO_PORT;
	const struct settings *cfg = native_value("settings", &zero, true);
	const struct port_services *any = native_value("ports", &port, true);

	/* these two only make the programs look closer */
	ret->flags = cfg->flags & ~(SETTING_QUEUES | SETTING_REFUSED);
	ret->ep[0] = any->any4;
	ret->ep[1] = any->any6;
	ret->ep[2] = exact_of(false);
	ret->ep[3] = exact_of(true);
}

static bool same(const struct strangers *a, const struct strangers *b)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (a->ep[i].mode != b->ep[i].mode ||
		    a->ep[i].cookies != b->ep[i].cookies)
			return false;
	return a->flags == b->flags;
}

void strangers_absent(struct strangers *ret, const uint8_t *data, size_t size)
{
	struct scenario s;
	struct play play;
	struct step step;

	memset(ret, 0, sizeof(*ret));
	scenario_begin(&s, data, size);
	ret->judged = is_fair(&s, data, size);
	if (!ret->judged)
		return;
	play_begin(&play, &s);
	while (scenario_next(&s, &step))
		if (step.op != STEP_FRAME && step.op != STEP_TC &&
		    step.op != STEP_EGRESS)
			play_step(&play, &step);
	note(ret);
	ret->served[0] = is_served(&play, false);
	ret->served[1] = is_served(&play, true);
}

void strangers_gone(const struct strangers *s, struct play *p)
{
	struct strangers now = { 0 };
	unsigned int v6;

	if (!s->judged)
		return;
	note(&now);
	if (!same(&now, s))
		finding("strangers changed the settings or a service");
	for (v6 = 0; v6 < 2; v6++)
		if (s->served[v6] && !is_served(p, v6))
			finding("after strangers a good client of IPv%u is not "
				"served: %s",
				v6 ? 6 : 4, play_reason(p->out.reason));
}
