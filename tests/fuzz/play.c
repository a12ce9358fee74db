// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "play.h"
#include "synkeeper/session_stats.h"
#include "synkeeper/session_summary.h"

enum {
	PLENTY = 1000,
	TCX_NEXT_IS = -1,
	TCX_DROP_IS = 2,
	TCX_REDIRECT_IS = 7,
	MARK = 0x4b4e5953,
	META_KERNEL = MARK + 1,
	META_BEHIND = MARK + 2,
	SUMMED_NOT = 0, /* CHECKSUM_NONE, CHECKSUM_UNNECESSARY */
	SUMMED_BY_HARDWARE = 1,
};

static const int actions[REASON_COUNT] = {
	-1, /* none: no packet may be without a reason */
#define REASON(name, action, ...) XDP_##action,
#include "synkeeper/reason_table.h"
};

const char *play_reason(enum reason reason)
{
	static const char *const names[REASON_COUNT] = {
		"none",
#define REASON(name, ...) #name,
#include "synkeeper/reason_table.h"
	};

	return reason < REASON_COUNT ? names[reason] : "?";
}

__u32 play_ticks(void)
{
	return ns_to_ticks(native.clock_ns);
}

static void put(const char *map, const void *key, const void *value,
		size_t size)
{
	memcpy(native_value(map, key, true), value, size);
}

static void put_settings(const struct play *p)
{
	struct settings cfg = p->s->cfg;
	__u32 zero = 0;

	cfg.kernel_cookies_until += play_ticks();
	put("settings", &zero, &cfg, sizeof(cfg));
}

static void put_keys(const struct play *p)
{
	__u32 i;

	for (i = 0; i < KEY_SLOTS; i++)
		put("keys", &i, &p->s->keys[i], sizeof(p->s->keys[i]));
}

/* The server's address of one family. */
static void put_server(const struct scenario *s, bool v6)
{
	struct tuple t = scenario_tuple(v6, 0);
	struct endpoint_key key = { .port = t.server_port };
	struct local_key local = { .prefixlen = 128 };
	struct local_key network = scenario_prefix(v6, true);
	struct local_key client = scenario_prefix(v6, false);
	__u32 one = 1;

	memcpy(key.addr, t.server, 16);
	memcpy(local.addr, t.server, 16);
	if (s->exact.mode)
		put("endpoints", &key, &s->exact, sizeof(s->exact));
	if (s->local)
		put("local_addrs", &local, &one, sizeof(one));
	if (s->client_is)
		native_source(&client, s->client_is);
	if (s->network_is)
		native_source(&network, s->network_is);
}

void play_begin(struct play *p, struct scenario *s)
{
	__u32 port = SCENARIO_PORT, slot = SCENARIO_IFINDEX % IFACES_MAX;

	memset(p, 0, sizeof(*p));
	p->s = s;
	native_reset();
	native.clock_ns = 1000000000000ULL;
	native.no_meta = s->no_meta;
	native.room = s->ring_room;
	put_settings(p);
	put_keys(p);
	put("ports", &port, &s->port, sizeof(s->port));
	put("ifaces", &slot, &s->iface, sizeof(s->iface));
	put_server(s, false);
	put_server(s, true);
}

/* ---- what a frame came to ---- */

__attribute__((noreturn)) static void wrong(const struct play *p,
					    const char *why)
{
	const struct verdict *v = &p->out;
	size_t i;

	fprintf(stderr, "packet in: ");
	for (i = 0; i < p->in_len; i++)
		fprintf(stderr, "%02x", p->in[i]);
	fprintf(stderr, "\npacket out: ");
	for (i = 0; i < v->len && i < sizeof(v->data); i++)
		fprintf(stderr, "%02x", v->data[i]);
	fprintf(stderr, "\n");
	finding("%s; verdict %d, reason %s, service %u", why, v->action,
		play_reason(v->reason), v->service);
}

const struct endpoint *play_endpoint(const struct scenario *s, __u16 service)
{
	return service == SCENARIO_EXACT      ? &s->exact
	       : service == SCENARIO_SERVICE6 ? &s->port.any6
					      : &s->port.any4;
}

static void judge_lookup(const struct play *p, struct frame_view in)
{
	struct tuple t;

	if (frame_tuple(in, &t) && !tuple_equal(&t, &native.asked))
		wrong(p, "the kernel was asked for another tuple");
}

static void judge_sample(const struct play *p)
{
	const struct sample *s = &native.sample;

	if (s->reason != p->out.reason || s->data_len > SAMPLE_BYTES)
		wrong(p, "the sample of another packet");
	if (p->out.reason == REASON_no_room)
		return; /* half way to an answer */
	if (s->length != p->in_len || memcmp(s->data, p->in, s->data_len) != 0)
		wrong(p, "the sample is not the packet");
}

/* A listener makes a cookie only for a SYN that is answered with it. */
static void judge_cookies(const struct play *p)
{
	const struct verdict *v = &p->out;
	bool kernel = play_endpoint(p->s, v->service)->cookies ==
		      COOKIES_KERNEL;
	bool sent = v->action == XDP_TX && v->reason == REASON_answered;

	if (v->reason == REASON_no_room)
		return;
	if (native.cookies != (kernel && sent))
		wrong(p, sent ? "a cookie of the wrong back-end"
			      : "a listener made a cookie for nobody");
}

/* Is the metadata for tc right, and only on the right packets? */
static bool meta_is_right(enum reason reason, __u32 meta)
{
	switch (meta) {
	case MARK:
		return reason == REASON_admitted;
	case META_KERNEL:
		return reason == REASON_kernel_cookie;
	case META_BEHIND:
		return reason == REASON_session ||
		       reason == REASON_kernel_cookie;
	default:
		return false;
	}
}

/* Is it to be requeued behind the batch of its ACK? */
static bool is_behind(const struct verdict *v)
{
	__u32 meta = 0;

	memcpy(&meta, v->meta, sizeof(meta));
	return v->meta_len && meta == META_BEHIND;
}

static void judge_frame(const struct play *p, unsigned int linear, int counted)
{
	const struct verdict *v = &p->out;
	struct frame_view in = { p->in, p->in_len, linear };
	struct frame_view out = { v->data, v->len, v->len };
	int want = v->monitored ? XDP_PASS : actions[v->reason];
	const char *why = NULL;
	__u32 meta = 0;

	if (counted != 1)
		wrong(p, counted ? "counted more than once" : "not counted");
	if (v->action != want)
		wrong(p, "the verdict is not the reason's");
	if (v->action == XDP_TX)
		why = answer_wrong(p->s, play_endpoint(p->s, v->service), in,
				   out);
	else if (v->reason != REASON_no_room &&
		 (v->len != p->in_len || memcmp(v->data, p->in, v->len) != 0))
		why = "it changed";
	if (why)
		wrong(p, why);
	memcpy(&meta, v->meta, sizeof(meta));
	if (v->meta_len && !meta_is_right(v->reason, meta))
		wrong(p, "metadata");
	if (native.lookups)
		judge_lookup(p, in);
	if (native.samples)
		judge_sample(p);
	judge_cookies(p);
}

/* The tc verdict for what was counted, if anything was. */
static int tc_action(const struct verdict *v)
{
	return v->reason == REASON_rst_suppressed ||
			       v->reason == REASON_bad_checksum
		       ? TCX_DROP_IS
		       : TCX_NEXT_IS;
}

static unsigned int room_of(const struct play *p, uint8_t arg)
{
	static const unsigned int rooms[] = { 0, 0, 4, 12 };
	unsigned int n = (arg & FRAME_ROOM) >> 6;

	return n && !p->silent ? rooms[n] : NATIVE_ROOM - p->in_len;
}

unsigned int play_linear(const struct play *p, uint8_t arg)
{
	static const unsigned int lengths[] = { -1U, 64, 96, 128 };
	unsigned int n = lengths[(arg & FRAME_LINEAR) >> 4];

	return n < p->in_len ? n : p->in_len;
}

static void take_in(struct play *p, const struct step *step)
{
	p->in_len = step->len;
	memcpy(p->in, step->data, step->len);
	if (step->op == STEP_FRAME)
		client_adapts(&p->client, step->arg, p->in, p->in_len);
}

static void play_frame(struct play *p, const struct step *step)
{
	struct verdict *v = &p->out;
	int counted, action;

	native.lookups = native.samples = native.cookies = 0;
	take_in(p, step);
	native_frame(p->in, p->in_len, play_linear(p, step->arg),
		     room_of(p, step->arg));
	action = native_xdp(SCENARIO_IFINDEX);
	v->len = native_read(v->data, sizeof(v->data));
	v->meta_len = native_read_meta(v->meta, sizeof(v->meta));
	counted = play_counted(v);
	v->action = action;
	if (!p->silent)
		judge_frame(p, play_linear(p, step->arg), counted);
	if (v->reason == REASON_answered && v->action == XDP_TX)
		client_hears(&p->client, v->data, v->len);
	if (p->silent || v->action != XDP_PASS || !(step->arg & FRAME_ADMIT))
		return;
	native.ip_summed = step->len & 1 ? SUMMED_NOT : SUMMED_BY_HARDWARE;
	action = native_admit();
	if (play_counted(v) > 1)
		wrong(p, "tc ingress counted more than once");
	if (action != (is_behind(v) ? TCX_REDIRECT_IS : tc_action(v)))
		wrong(p, "tc ingress stopped it");
}

static void play_tc(struct play *p, const struct step *step)
{
	struct verdict *v = &p->out;

	take_in(p, step);
	native_frame(p->in, p->in_len, play_linear(p, step->arg), 0);
	v->action = step->op == STEP_TC ? native_admit()
					: native_egress(step->arg & 15);
	v->len = native_read(v->data, sizeof(v->data));
	if (play_counted(v) > 1)
		wrong(p, "counted more than once");
	v->action = tc_action(v);
	if (v->len != p->in_len || memcmp(v->data, p->in, v->len) != 0)
		wrong(p, "tc changed it");
}

/* ---- the rest of the world ---- */

static void play_socket(const struct play *p, const struct step *step)
{
	const struct client *c = &p->client;
	bool all = step->arg & SOCKET_KNOWS_ALL;

	native.socket = (struct native_socket){
		.state = (step->arg & SOCKET_STATE) % (KERNEL_NEW_SYN_RECV + 1),
		.sent_cookie = all,
		.knows_own = step->arg & SOCKET_COOKIE,
		.assign = step->arg & SOCKET_REFUSES ? -22 : 0,
		.cookie = step->arg & SOCKET_COOKIE ? 1460LL << 32 | 0x1badcafe
						    : 0,
		.own_buffer = step->arg & SOCKET_BOUNDED && !all,
		.own_clamp = step->arg & SOCKET_BOUNDED && all,
		.rcv_nxt = step_number(step, 0, c->seq),
		.rcv_wup = step_number(step, 1, c->seq),
		.rcv_wnd = step_number(step, 2, 65535),
		.snd_una = step_number(step, 3, c->ack),
		.snd_nxt = step_number(step, 4, c->ack),
		.max_window = step_number(step, 5, 65535),
		.write_seq = step_number(step, 6, c->ack + 1),
	};
}

static void play_session(const struct play *p, const struct session *s)
{
	__u32 set, way, index, service = s->live.service;
	struct session_totals *t = native_value("totals", &service, true);
	struct session_set *tags;
	struct table_hash h;

	table_hash(&p->s->cfg, &s->tuple, &h);
	set = h.set & p->s->cfg.set_mask;
	tags = native_value("session_tags", &set, true);
	for (way = 0; way < SET_WAYS; way++) {
		const struct session *other;

		index = table_line(p->s->cfg.set_mask + 1,
				   set * SET_WAYS + way);
		other = native_value("sessions", &index, true);
		if (other->live.state && tuple_equal(&other->tuple, &s->tuple))
			return;
	}
	way = table_claim(tags, h.tag);
	if (way == SET_WAYS)
		return;
	index = table_line(p->s->cfg.set_mask + 1, set * SET_WAYS + way);
	put("sessions", &index, s, sizeof(*s));
	index = summary_index(p->s->cfg.summary.now, p->s->cfg.set_mask + 1,
			      set);
	summary_put(native_value("session_summary", &index, true),
		    summary_bits(h.tag));
	t->alive[s->live.state]++;
	t->events[EV_ADOPTED] += session_is_live(s->live.state);
}

static void play_sessions(const struct play *p, const struct step *step)
{
	unsigned int i;

	for (i = 0; i < scenario_sessions(step); i++) {
		struct session s = scenario_session(step, i, play_ticks());

		if (p->silent)
			s.born = play_ticks() - SCENARIO_SETTLE;
		play_session(p, &s);
	}
}

static void play_daemon(struct play *p, const struct step *step)
{
	__u32 flags = (step->arg & DAEMON_DISARM ? SETTING_DISARMED : 0) |
		      (step->arg & DAEMON_WATCH ? SETTING_WATCHED : 0) |
		      (step->arg & DAEMON_COMPLETE ? SETTING_COMPLETE : 0);
	__u64 marks = step->arg & DAEMON_MARK ? -1ULL : 0;
	__u32 zero = 0;

	p->s->cfg.flags ^= flags;
	if (step->arg & DAEMON_ROTATE)
		scenario_rotate(p->s);
	put_keys(p);
	put_settings(p);
	put("incomplete_sets", &zero, &marks, sizeof(marks));
}

void play_step(struct play *p, const struct step *step)
{
	switch (step->op) {
	case STEP_FRAME:
		play_frame(p, step);
		break;
	case STEP_TC:
	case STEP_EGRESS:
		play_tc(p, step);
		break;
	case STEP_SOCKET:
		play_socket(p, step);
		break;
	case STEP_CLOCK:
		native.clock_ns +=
			(step->arg + (step->len ? step->data[0] * 256ULL : 0))
			<< TICK_SHIFT;
		break;
	case STEP_SESSION:
		play_sessions(p, step);
		break;
	case STEP_DAEMON:
		play_daemon(p, step);
		break;
	default:
		break;
	}
}
