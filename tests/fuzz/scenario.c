// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <string.h>

#include "scenario.h"

const uint8_t scenario_server_mac[6] = { 0x02, 0, 0, 0, 0, 0x01 };

struct cookie_key scenario_key(unsigned int epoch)
{
	return (struct cookie_key){
		.key = { .k0 = 0x9e3779b97f4a7c15ULL * (2 * epoch + 3),
			 .k1 = 0xc2b2ae3d27d4eb4fULL * (2 * epoch + 5) },
		.born_ns = epoch + 1,
	};
}

static struct endpoint endpoint(__u16 service, unsigned int mode,
				uint8_t wscale, bool kernel)
{
	return (struct endpoint){
		.service = service,
		.mode = mode % (ENDPOINT_OFF + 1),
		.wscale = wscale % 15,
		.flags = wscale & 8 ? ENDPOINT_FASTOPEN : 0,
		.window = 29200,
		.cookies = kernel ? COOKIES_KERNEL : COOKIES_OWN,
	};
}

static __u32 flags_of(const uint8_t *head)
{
	/* bits of the first bytes that are a flag as they are */
	static const __u32 flags[] = {
		SETTING_TS,	  SETTING_WSCALE,     SETTING_SACK,
		SETTING_ECN,	  SETTING_FORWARDING, SETTING_WATCHED,
		SETTING_COMPLETE, SETTING_SAMPLED,
	};
	__u32 ret = SETTING_READY;
	unsigned int i;

	for (i = 0; i < 8; i++)
		ret |= head[0] >> i & 1 ? flags[i] : 0;
	if (head[10] & HEAD_KERNEL_TS)
		ret |= SETTING_KERNEL_TS;
	if (head[10] & HEAD_FLOW_LABEL)
		ret |= SETTING_FLOW_LABEL;
	return ret;
}

void scenario_begin(struct scenario *s, const uint8_t *data, size_t size)
{
	uint8_t head[SCENARIO_HEAD] = { 0 };
	unsigned int i;
	bool kernel;

	memcpy(head, data, size < sizeof(head) ? size : sizeof(head));
	kernel = head[10] & HEAD_KERNEL;
	*s = (struct scenario){
		.cfg = { .abi = ABI_VERSION,
			 .flags = flags_of(head),
			 .epoch = 6 + (head[1] & 1),
			 .set_mask = head[1] & 2 ? 0 : SCENARIO_SET_MASK,
			 .hash_seed = 0x243f6a8885a308d3ULL,
			 .hash_mul = 0x9e3779b97f4a7c15ULL,
			 .ttl = head[2],
			 .hop_limit = head[3],
			 .kernel_cookies_until = head[1] & 4 ? 1000 : -1,
			 .resets_per_second = head[1] & 8 ? SCENARIO_RESETS : 0,
			 .synacks_per_second = head[6] & 15,
			 .source_bits4 = 1 + head[6] % 32,
			 .source_bits6 = 1 + head[6] % 64,
			 .sample_reasons = -1ULL,
			 .sample_service = head[7] & 3,
			 .samples_per_second = head[7] >> 2 },
		.port = { .any4 = endpoint(SCENARIO_SERVICE4, head[4], head[5],
					   kernel),
			  .any6 = endpoint(SCENARIO_SERVICE6, head[4], head[5],
					   kernel) },
		.exact = endpoint(SCENARIO_EXACT, head[4] >> 4, head[5] >> 4,
				  head[10] & HEAD_KERNEL_EXACT),
		.iface = { .ifindex = head[1] & 16 ? 0 : SCENARIO_IFINDEX,
			   .mtu = 1500 },
		.local = head[1] & 32,
		.no_meta = head[1] & 64,
		.client_is = (head[8] & 3) % 3,
		.network_is = (head[8] >> 2 & 3) % 3,
		.ring_room = head[9] & 1 ? head[9] >> 1 & 3 : 1000,
		.at = data + (size < sizeof(head) ? size : sizeof(head)),
		.end = data + size,
	};
	s->port.exact = s->exact.mode != ENDPOINT_NONE;
	if (s->client_is || s->network_is)
		s->cfg.flags |= SETTING_PREFIXES;
	memcpy(s->iface.mac, scenario_server_mac, 6);
	if (head[1] & 128)
		return; /* no keys */
	for (i = 0; i < KEY_OLD; i++) {
		unsigned int epoch = s->cfg.epoch - i;

		s->keys[epoch & 1] = scenario_key(epoch);
		s->keys[KEY_OLD + (epoch & 1)] = scenario_key(epoch - 2);
	}
}

void scenario_rotate(struct scenario *s)
{
	unsigned int next = s->cfg.epoch + 1, slot = next & 1;

	s->keys[KEY_OLD + slot] = s->keys[slot];
	s->keys[slot] = scenario_key(next);
	s->cfg.epoch = next;
}

bool scenario_next(struct scenario *s, struct step *ret)
{
	size_t left = s->end - s->at, want;

	if (left < 4 || s->steps++ == SCENARIO_STEPS)
		return false;
	ret->op = s->at[0] % STEP_OPS;
	ret->arg = s->at[1];
	want = s->at[2] | s->at[3] << 8;
	if (want > left - 4)
		want = left - 4;
	if (want > SCENARIO_FRAME_MAX)
		want = SCENARIO_FRAME_MAX;
	ret->data = s->at + 4;
	ret->len = want;
	s->at += 4 + want;
	return true;
}

bool scenario_replays(const struct step *step)
{
	switch (step->op) {
	case STEP_FRAME:
		return step->len >= 14; /* BPF_PROG_TEST_RUN takes no less */
	case STEP_SESSION:
	case STEP_DAEMON:
		return true;
	default:
		return false;
	}
}

static void address(bool v6, const char *v4_text, const char *v6_text,
		    __be32 ret[4])
{
	if (v6) {
		inet_pton(AF_INET6, v6_text, ret);
		return;
	}
	ret[0] = ret[1] = 0;
	ret[2] = htonl(0xffff);
	inet_pton(AF_INET, v4_text, ret + 3);
}

struct tuple scenario_tuple(bool v6, unsigned int n)
{
	struct tuple t = { .client_port = htons(40000 + n),
			   .server_port = htons(SCENARIO_PORT) };

	address(v6, "198.51.100.7", "2001:db8:c::7", t.client);
	address(v6, "192.0.2.1", "2001:db8::1", t.server);
	return t;
}

struct local_key scenario_prefix(bool v6, bool network)
{
	struct tuple t = scenario_tuple(v6, 0);
	struct local_key key = { .prefixlen = network ? (v6 ? 64 : 96 + 20)
						      : 128 };

	memcpy(key.addr, t.client, 16);
	return key;
}

__u32 step_number(const struct step *step, unsigned int n, __u32 otherwise)
{
	__u32 be;

	if ((n + 1) * sizeof(be) > step->len)
		return otherwise;
	memcpy(&be, step->data + n * sizeof(be), sizeof(be));
	return ntohl(be);
}

unsigned int scenario_sessions(const struct step *step)
{
	if ((step->arg & STEP_STATE) % SESSION_STATES == SESSION_FREE)
		return 0;
	return step->arg & STEP_FULL ? SET_WAYS : 1;
}

struct session scenario_session(const struct step *step, unsigned int n,
				__u32 now)
{
	bool v6 = step->arg & STEP_V6;
	struct session s = { .tuple = scenario_tuple(v6, n) };

	s.live.state = (step->arg & STEP_STATE) % SESSION_STATES;
	s.live.service = v6 ? SCENARIO_SERVICE6 : SCENARIO_SERVICE4;
	s.live.seen = now - n;
	s.born = now - (step->arg & STEP_FRESH ? 0 : SCENARIO_SETTLE);
	s.client_isn = step_number(step, 0, 1000);
	s.server_isn = step_number(step, 1, 2000);
	s.client_tsval = step_number(step, 2, 0);
	s.server_tsval = step_number(step, 3, 0);
	return s;
}

/* ---- the client ---- */

struct layers {
	size_t l3, l4;
	bool v6;
};

/* Where the headers are, as far as they are plain; false: they are not. */
static bool layers(const uint8_t *f, size_t len, struct layers *ret)
{
	size_t l3 = 14;

	while (len >= l3 + 4 && l3 < 22 &&
	       ((f[l3 - 2] == 0x81 && f[l3 - 1] == 0) ||
		(f[l3 - 2] == 0x88 && f[l3 - 1] == 0xa8)))
		l3 += 4;
	if (len < l3 + 40)
		return false;
	ret->l3 = l3;
	ret->v6 = f[l3 - 2] == 0x86 && f[l3 - 1] == 0xdd;
	ret->l4 = l3 + (ret->v6 ? 40 : (f[l3] & 15) * 4);
	return len >= ret->l4 + 20;
}

static __u32 get32(const uint8_t *at)
{
	__u32 be;

	memcpy(&be, at, sizeof(be));
	return ntohl(be);
}

static void put32(uint8_t *at, __u32 value)
{
	__u32 be = htonl(value);

	memcpy(at, &be, sizeof(be));
}

/* The timestamps among the options of a TCP header, or NULL. */
static uint8_t *timestamps(uint8_t *tcp, size_t len)
{
	size_t end = (tcp[12] >> 4) * 4, i = 20;

	if (end > len)
		end = len;
	while (i + 10 <= end && tcp[i] != 8)
		i += tcp[i] < 2 ? 1 : tcp[i + 1] < 2 ? end : tcp[i + 1];
	return i + 10 <= end ? tcp + i + 2 : NULL;
}

void client_hears(struct client *c, const uint8_t *out, size_t len)
{
	static uint8_t tcp[60];
	const uint8_t *ip, *ts;
	struct layers l;
	size_t width;

	if (!layers(out, len, &l))
		return;
	ip = out + l.l3;
	width = l.v6 ? 16 : 4;
	ip += l.v6 ? 8 : 12;
	c->heard = true;
	c->v6 = l.v6;
	memcpy(c->addrs, ip + width, width);
	memcpy(c->addrs + width, ip, width);
	memcpy(c->ports, out + l.l4 + 2, 2);
	memcpy(c->ports + 2, out + l.l4, 2);
	c->ack = get32(out + l.l4 + 4) + 1;
	c->seq = get32(out + l.l4 + 8);
	len -= l.l4;
	memset(tcp, 0, sizeof(tcp));
	memcpy(tcp, out + l.l4, len < sizeof(tcp) ? len : sizeof(tcp));
	ts = timestamps(tcp, sizeof(tcp));
	c->ts = ts != NULL;
	c->tsecr = ts ? get32(ts) : 0;
}

void client_adapts(const struct client *c, uint8_t arg, uint8_t *frame,
		   size_t len)
{
	struct layers l;
	uint8_t *ts;

	if (arg & FRAME_TO_US && len >= 6)
		memcpy(frame, scenario_server_mac, 6);
	if (!c->heard || !layers(frame, len, &l) || l.v6 != c->v6)
		return;
	if (arg & FRAME_TUPLE) {
		memcpy(frame + l.l3 + (l.v6 ? 8 : 12), c->addrs, l.v6 ? 32 : 8);
		memcpy(frame + l.l4, c->ports, 4);
	}
	if (arg & FRAME_ACK) {
		put32(frame + l.l4 + 4, c->seq);
		put32(frame + l.l4 + 8, c->ack);
		ts = timestamps(frame + l.l4, len - l.l4);
		if (ts && c->ts)
			put32(ts + 4, c->tsecr);
	}
}
