// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "opttext.h"
#include "sessions.h"
#include "synack.h"
#include "synkeeper/tcpopt.h"

const struct handshake with_ts = { 1460, 7, 1, 0, 1 };
const struct handshake without_ts = { 1460, 8, 1, 0, 0 };

static uint32_t isn_of(const struct spec *syn)
{
	return syn->seq ? syn->seq : CLIENT_ISN;
}

struct cookie synack_cookie(const struct spec *syn, struct handshake *hs)
{
	struct tuple t = sessions_tuple(syn);
	struct cookie c;

	cookie_make(&harness_key_of(harness.cfg.epoch)->key,
		    harness.cfg.epoch & 1, 0, &t, isn_of(syn), hs, &c);
	if (!hs->ts)
		cookie_unprofile(!syn->v6, c.isn & COOKIE_PROFILE_MASK, hs);
	return c;
}

/* Replaces COOKIE with the number. */
static void fill_in(const char *opts, uint32_t tsval, char *ret, size_t size)
{
	const char *at = strstr(opts, "COOKIE");

	if (at)
		snprintf(ret, size, "%.*s%u%s", (int)(at - opts), opts, tsval,
			 at + strlen("COOKIE"));
	else
		snprintf(ret, size, "%s", opts);
}

/* What all answers to @of have in common. */
static struct spec answer_to(const struct spec *of)
{
	return (struct spec){
		.to_mac = of->from_mac ? of->from_mac : client_mac,
		.from_mac = of->to_mac ? of->to_mac : server_mac,
		.vlan = of->vlan,
		.v6 = of->v6,
		.src = spec_dst(of),
		.dst = spec_src(of),
		.ttl = of->v6 ? harness.cfg.hop_limit : harness.cfg.ttl,
		.sport = of->dport ? of->dport : 443,
		.dport = of->sport ? of->sport : 40000,
	};
}

/* A frame that was padded, or long enough to look padded, stays padded. */
static void keep_padding(const struct frame *in, struct frame *out)
{
	uint32_t keep = in->len < ETH_MIN ? in->len : ETH_MIN;

	if (out->len >= keep)
		return;
	memcpy(out->data + out->len, in->data + out->len, keep - out->len);
	out->len = keep;
}

void synack_build(const struct spec *syn, const struct frame *in,
		  const struct answer_spec *a, struct frame *ret)
{
	struct handshake hs = a->hs;
	struct cookie c = a->cookie ? *a->cookie : synack_cookie(syn, &hs);
	struct spec out = answer_to(syn);
	unsigned segment = MTU - (syn->v6 ? 60 : 40);
	char opts[128];

	out.seq = c.isn;
	out.ack = isn_of(syn) + 1;
	out.flags = SYN | ACK | (hs.ecn ? ECE : 0);
	if (syn->v6 && harness.cfg.flags & SETTING_FLOW_LABEL)
		out.label = 0x80000 | (c.isn >> 6 & 0x7ffff);
	if (a->opts)
		sscanf(a->opts, "mss:%u", &segment);
	segment -= hs.ts ? 12 : 0;
	out.window = a->window ? a->window : SERVER_WINDOW / segment * segment;
	fill_in(a->opts, c.tsval, opts, sizeof(opts));
	out.opts = opts;
	packet_build(&out, ret);
	keep_padding(in, ret);
}

static struct tcp_opts parse(const struct spec *syn)
{
	struct tcpopt_walk w = {};

	tcp_opts_init(&w.opts);
	if (syn->raw) {
		w.len = syn->raw_len;
		memcpy(w.buf, syn->raw, w.len);
	} else if (syn->opts) {
		w.len = opttext_parse(syn->opts, w.buf);
	}
	while (!tcpopt_step(&w))
		;
	return w.opts;
}

bool synack_reference(const struct spec *syn, const struct frame *in,
		      struct frame *ret)
{
	struct tcp_opts o = parse(syn);
	__u32 flags = harness.cfg.flags;
	struct handshake hs = {
		.mss = o.mss	 ? o.mss
		       : syn->v6 ? 1220
				 : 536,
		.wscale = flags & SETTING_WSCALE ? o.wscale : WSCALE_NONE,
		.sack = o.sack && flags & SETTING_SACK,
		.ts = o.ts && flags & SETTING_TS,
		.ecn = flags & SETTING_ECN &&
		       (syn->flags & (ECE | CWR)) == (ECE | CWR) &&
		       (!(syn->tos & 3) || syn->ae),
	};
	char opts[128], ts[48] = "", ws[16] = "";

	if (hs.mss < (syn->v6 ? 1220 : 536) || o.asks & OPTS_SIGNED)
		return false;
	if (hs.ts)
		snprintf(ts, sizeof(ts), "ts:COOKIE:%u", o.tsval);
	if (hs.wscale != WSCALE_NONE)
		snprintf(ws, sizeof(ws), "nop ws:%d", SERVER_WSCALE);
	snprintf(opts, sizeof(opts), "mss:%d %s %s %s %s",
		 MTU - (syn->v6 ? 60 : 40), hs.sack != hs.ts ? "nop nop" : "",
		 hs.sack ? "sack" : "", ts, ws);
	synack_build(syn, in, &(struct answer_spec){ .hs = hs, .opts = opts },
		     ret);
	return true;
}

struct spec synack_ack(const struct spec *syn, const struct handshake *hs,
		       struct handshake *ret_kept)
{
	static char opts[64];
	struct spec ack = *syn;
	struct cookie c;

	*ret_kept = *hs;
	c = synack_cookie(syn, ret_kept);
	ack.flags = ACK;
	ack.seq = isn_of(syn) + 1;
	ack.ack = c.isn + 1;
	ack.opts = NULL;
	if (hs->ts) {
		snprintf(opts, sizeof(opts), "nop nop ts:%d:%u", ACK_TSVAL,
			 c.tsval);
		ack.opts = opts;
	}
	return ack;
}

const struct first_packet first_packets[] = {
	{ "data", ACK | PSH, 100 },
	{ "a full segment", ACK, 1400 },
	{ "FIN", FIN | ACK, 0 },
	{ "data and FIN", FIN | ACK | PSH, 100 },
	{ "urgent data", ACK | URG, 1 },
	{ "ECN echo", ACK | ECE | CWR, 0 },
	{ NULL, 0, 0 },
};

struct spec synack_admitted(uint16_t sport)
{
	struct spec syn = { .sport = sport, .flags = SYN }, ack;
	struct handshake kept;

	ack = synack_ack(&syn, &with_ts, &kept);
	assert_true(expect_spec("valid ACK", &ack, XDP_PASS, REASON_admitted));
	return ack;
}
