// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: writes the initial corpus of the packet target, using
 * the packet builder of tests/bpf: complete connections of all kinds, and
 * packets that are each unusual in one way. The fuzzer does the rest.
 *
 * usage: seeds DIRECTORY
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"
#include "scenario.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define LINUX	      "mss:1460 sack ts:9:0 nop ws:7"

static const char *directory;
static uint8_t buf[16384];
static size_t used;

static void begin(void)
{
	static const uint8_t head[SCENARIO_HEAD] = { 0x0f,	     0, 64, 64,
						     ENDPOINT_ARMED, 9 };

	memcpy(buf, head, sizeof(head));
	used = sizeof(head);
}

static void step(enum step_op op, uint8_t arg, const void *data, size_t len)
{
	buf[used++] = op;
	buf[used++] = arg;
	buf[used++] = len;
	buf[used++] = len >> 8;
	if (len)
		memcpy(buf + used, data, len);
	used += len;
}

static void frame(enum step_op op, uint8_t arg, const struct spec *s)
{
	static struct frame f;

	packet_build(s, &f);
	step(op, arg, f.data, f.len);
}

static void end(void)
{
	static unsigned int n;
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/seed-%03u", directory, n++);
	f = fopen(path, "w");
	if (!f || fwrite(buf, 1, used, f) != used || fclose(f)) {
		perror(path);
		exit(1);
	}
}

/* Each of these alone, armed, monitored, and with resets. */
static const struct spec packets[] = {
	{ .flags = SYN, .opts = LINUX },
	{ .flags = SYN, .opts = "mss:1460 nop ws:8 nop nop sack" },
	{ .flags = SYN, .opts = "mss:1460 nop ws:6 nop nop ts:9:0 sack" },
	{ .flags = SYN, .opts = "mss:1460 nop ws:6 sack ts:9:0" },
	{ .flags = SYN, .opts = "sack ts:9:0 mss:1460 x:fd06aabbccdd ws:7" },
	{ .flags = SYN, .opts = LINUX " x:2202 nop nop", .data = 20 },
	{ .flags = SYN, .opts = "mss:1460 x:fe04f989" },
	{ .flags = SYN,
	  .opts = "x:1312000102030405060708090a0b0c0d0e0f mss:1460" },
	{ .flags = SYN | ECE | CWR, .opts = LINUX },
	{ .flags = SYN | ECE | CWR, .opts = "mss:536 ws:1" },
	{ .flags = SYN, .pad = true },
	{ .flags = SYN, .pad = true, .opts = "mss:1460" },
	{ .flags = SYN, .data = 300, .ip_opts = 12 },
	{ .flags = SYN, .vlan = "aq", .opts = "mss:1460" },
	{ .flags = SYN, .v6 = true, .opts = LINUX },
	{ .flags = SYN, .v6 = true, .ext = "hdrd", .opts = "mss:1440" },
	{ .flags = SYN, .v6 = true, .ext = "s" },
	{ .flags = SYN, .v6 = true, .ext = "f" },
	{ .flags = SYN, .v6 = true, .ext = "a" },
	{ .flags = SYN, .v6 = true, .ext = "o" },
	{ .flags = SYN, .v6 = true, .ext = "H?" },
	{ .flags = SYN, .frag = 0x2000 },
	{ .flags = SYN, .frag = 0x0010 },
	{ .flags = SYN, .src = "192.0.2.1" },
	{ .flags = SYN, .src = "127.0.0.1" },
	{ .flags = SYN, .v6 = true, .src = "::1" },
	{ .flags = SYN, .dst = "192.0.2.2" },
	{ .flags = SYN, .dport = 80 },
	{ .flags = ACK, .ack = 1, .seq = 1, .opts = "nop nop ts:1:2" },
	{ .flags = ACK, .v6 = true, .opts = "ts:1:2 nop nop", .data = 40 },
	{ .flags = ACK | FIN, .data = 4, .trailer = 5 },
	{ .flags = RST },
	{ .flags = RST | ACK, .v6 = true },
	{ .flags = SYN | FIN },
	{ .flags = 0 },
	{ .flags = SYN | ACK, .vlan = "q" },
};

static void alone(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(packets); i++) {
		begin();
		frame(STEP_FRAME, FRAME_TO_US, &packets[i]);
		buf[4] = ENDPOINT_MONITOR;
		end();
		begin();
		buf[1] = 8 | 4; /* resets; cookies of the kernel's */
		frame(STEP_FRAME, FRAME_TO_US, &packets[i]);
		frame(STEP_FRAME, FRAME_TO_US | i % 4 << 4, &packets[i]);
		frame(STEP_FRAME, FRAME_TO_US | i % 4 << 6, &packets[i]);
		end();
	}
}

/* Accepted by the kernel, though a parser may give up on them. */
static const struct spec unread[] = {
	{ .vlan = "qqq" },
	{ .vlan = "qqqq", .v6 = true },
	{ .vlan = "aqq" },
	{ .vlan = "aqq", .v6 = true },
	{ .ext = "ddddddddd", .v6 = true },
	{ .ext = "dddddddddddd", .v6 = true },
	{ .ext = "rrrrrrrrr", .v6 = true },
	{ .ext = "hddddddddd", .v6 = true },
	{ .ext = "aaa", .v6 = true },
	{ .ext = "fa", .v6 = true },
	{ .ext = "af", .v6 = true },
	{ .ext = "dddddddddf", .v6 = true },
	{ .ext = "h", .v6 = true },
	{ .frag = 0x2000 },
	{ .frag = 0x2000, .ip_opts = 40 },
};

/*
 * Truncates a first fragment after so many bytes of TCP, or clears the payload
 * length before hop-by-hop options.
 */
static void hide(struct frame *f, const struct spec *s, unsigned int bytes)
{
	if (s->frag) {
		f->len = f->l4 + bytes;
		f->data[f->l3 + 2] = 0;
		f->data[f->l3 + 3] = f->len - f->l3;
	} else if (s->ext && s->ext[0] == 'h') {
		f->data[f->l3 + 4] = f->data[f->l3 + 5] = 0;
	}
}

/* A SYN and an ACK in each of these forms, followed by a plain SYN. */
static void hard_to_read(void)
{
	static const uint8_t flags[] = { SYN, ACK, SYN };
	static struct frame f;
	unsigned int bytes, k;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(unread); i++) {
		for (bytes = 8; bytes <= 24; bytes += 8) {
			begin();
			for (k = 0; k < sizeof(flags); k++) {
				struct spec s = unread[i], plain = { 0 };

				s.flags = plain.flags = flags[k];
				plain.v6 = s.v6;
				packet_build(k == 2 ? &plain : &s, &f);
				if (k < 2)
					hide(&f, &s, bytes);
				step(STEP_FRAME, FRAME_TO_US | FRAME_ADMIT,
				     f.data, f.len);
			}
			end();
			if (!unread[i].frag)
				break;
		}
	}
}

enum { HS = FRAME_TO_US | FRAME_ACK | FRAME_TUPLE };

/* A whole connection: handshake, data, the end of it. */
static void connection(bool v6, const char *opts, unsigned int how)
{
	bool ts = strstr(opts, "ts:");
	struct spec syn = { .flags = SYN, .v6 = v6, .opts = opts };
	struct spec ack = { .flags = ACK,
			    .v6 = v6,
			    .opts = ts ? "nop nop ts:10:0" : NULL };
	struct spec fin = ack, rst = ack, odd = ack;
	struct spec out = { .flags = FIN | ACK,
			    .v6 = v6,
			    .src = spec_dst(&syn),
			    .dst = spec_src(&syn),
			    .sport = 443,
			    .dport = 40000 };

	fin.flags |= FIN;
	rst.flags = RST;
	odd.flags = SYN | FIN | RST;
	begin();
	buf[0] |= how & 8 ? 0x20 : 0; /* watched */
	frame(STEP_FRAME, FRAME_TO_US, &syn);
	step(STEP_SOCKET, KERNEL_LISTEN | (how & 1 ? SOCKET_REFUSES : 0), NULL,
	     0);
	frame(STEP_FRAME, HS | FRAME_ADMIT, &ack);
	ack.data = 20;
	frame(STEP_FRAME, HS, &ack);
	if (how & 2)
		step(STEP_DAEMON, DAEMON_ROTATE, NULL, 0);
	step(STEP_CLOCK, 20, NULL, 0);
	frame(STEP_FRAME, HS | FRAME_ADMIT, &ack);
	step(STEP_SOCKET, KERNEL_ESTABLISHED, NULL, 0);
	frame(STEP_FRAME, HS, &ack);
	frame(STEP_FRAME, HS, &odd);
	if (how & 4) {
		frame(STEP_FRAME, HS, &rst);
		step(STEP_SOCKET, 0, NULL, 0);
		frame(STEP_FRAME, FRAME_TO_US, &syn);
	} else {
		frame(STEP_FRAME, HS, &fin);
		frame(STEP_EGRESS, KERNEL_LAST_ACK, &out);
		step(STEP_SOCKET, KERNEL_TIME_WAIT, NULL, 0);
		frame(STEP_FRAME, HS, &ack);
		frame(STEP_FRAME, FRAME_TO_US, &syn);
		out.flags = RST;
		frame(STEP_EGRESS, 0, &out);
		out.flags = SYN;
		frame(STEP_EGRESS, KERNEL_SYN_SENT, &out);
		frame(STEP_TC, 0, &ack);
	}
	end();
}

/* Each kernel state meets each kind of packet. */
static void sockets(void)
{
	static const uint8_t flags[] = { SYN, ACK, ACK | FIN, RST, SYN | ACK };
	unsigned int state, i;

	for (state = 0; state <= KERNEL_NEW_SYN_RECV; state++) {
		begin();
		step(STEP_SOCKET, state | SOCKET_KNOWS_ALL, NULL, 0);
		for (i = 0; i < sizeof(flags); i++) {
			struct spec s = { .flags = flags[i],
					  .sport = 41000 + i };

			frame(STEP_FRAME, FRAME_TO_US, &s);
		}
		buf[1] = state % 2 ? 4 : 0;
		end();
	}
}

/* Each state of a session meets each kind of packet; and full sets. */
static void sessions(void)
{
	static const uint8_t flags[] = { ACK, SYN, ACK | FIN, RST };
	unsigned int state, i;

	for (state = 0; state < SESSION_STATES; state++) {
		begin();
		for (i = 0; i < sizeof(flags); i++) {
			struct spec s = { .flags = flags[i],
					  .ack = 2001,
					  .seq = 1001 };

			step(STEP_SESSION, state | (i ? 0 : STEP_FULL), NULL,
			     0);
			step(STEP_SOCKET, i ? KERNEL_ESTABLISHED : 0, NULL, 0);
			frame(STEP_FRAME, FRAME_TO_US, &s);
			s.sport = 50000;
			frame(STEP_FRAME, FRAME_TO_US, &s);
		}
		buf[1] = 2; /* one set */
		end();
	}
}

/* Exact services, lists of sources, caps, samples, small rings. */
static void settings(void)
{
	unsigned int i;

	for (i = 0; i < 24; i++) {
		begin();
		buf[0] = i * 11;
		buf[1] = i & 8 ? 1 << i % 8 : 0;
		buf[4] = i % 5 | (i / 5) << 4;
		buf[5] = 9 | 5 << 4;
		buf[6] = i;
		buf[7] = 0xfc | (i & 3);
		buf[8] = i;
		buf[9] = i;
		frame(STEP_FRAME, FRAME_TO_US, &packets[i % 6]);
		frame(STEP_FRAME, FRAME_TO_US, &packets[i % 6]);
		frame(STEP_FRAME, FRAME_TO_US, &packets[11]);
		frame(STEP_FRAME, FRAME_TO_US, &packets[25]);
		step(STEP_DAEMON, i, NULL, 0);
		frame(STEP_FRAME, FRAME_TO_US, &packets[25]);
		frame(STEP_FRAME, HS, &packets[25]);
		end();
	}
}

/*
 * The kernel's cookies, of all kinds of listeners: SYNs, the ACK of one, data
 * back to back with it, an ACK without a cookie, and the same when the listener
 * makes none.
 */
static void kernel_cookies(unsigned int how)
{
	static const char *const opts[] = { LINUX, "mss:1460 nop ws:8 sack",
					    "sack ts:9:0 nop nop ws:7", NULL };
	struct spec syn = { .flags = SYN | (how & 1 ? ECE | CWR : 0),
			    .v6 = how & 2,
			    .opts = opts[how >> 2 & 3] };
	struct spec ack = { .flags = ACK, .v6 = syn.v6 };
	uint8_t listener = KERNEL_LISTEN | SOCKET_COOKIE;

	if (how & 8)
		listener |= SOCKET_BOUNDED | (how & 1 ? SOCKET_KNOWS_ALL : 0);
	if (how < 8)
		ack.opts = "nop nop ts:10:0";
	begin();
	buf[10] = HEAD_KERNEL | (how & 16 ? 0 : HEAD_KERNEL_TS);
	step(STEP_SOCKET, listener, NULL, 0);
	frame(STEP_FRAME, FRAME_TO_US, &syn);
	frame(STEP_FRAME, HS | FRAME_ADMIT, &ack);
	ack.data = 20;
	frame(STEP_FRAME, HS | FRAME_ADMIT, &ack);
	ack.seq = ack.ack = 77;
	frame(STEP_FRAME, FRAME_TO_US | FRAME_TUPLE, &ack);
	step(STEP_CLOCK, 20, NULL, 0);
	step(STEP_SOCKET, KERNEL_LISTEN, NULL, 0);
	frame(STEP_FRAME, HS, &ack);
	frame(STEP_FRAME, FRAME_TO_US | how % 4 << 4, &syn);
	step(STEP_SOCKET, listener, NULL, 0);
	frame(STEP_FRAME, FRAME_TO_US | how % 4 << 6, &syn);
	frame(STEP_FRAME, HS, &ack);
	step(STEP_SOCKET, how % (KERNEL_NEW_SYN_RECV + 1), NULL, 0);
	frame(STEP_FRAME, FRAME_TO_US, &syn);
	if (how & 4)
		buf[4] = how & 1 ? ENDPOINT_MONITOR : ENDPOINT_DISARMED;
	if (how == 17) { /* a denied source, and a cap */
		buf[6] = 1;
		buf[8] = 2;
	}
	if (how == 18) {       /* an exact service beside it, of its own */
		buf[4] = 0x20; /* both armed */
		buf[10] &= ~HEAD_KERNEL;
		buf[10] |= HEAD_KERNEL_EXACT;
	}
	end();
}

int main(int argc, char **argv)
{
	unsigned int how;

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	directory = argv[1];
	alone();
	hard_to_read();
	for (how = 0; how < 16; how++)
		connection(how & 1, how & 2 ? LINUX : "mss:1460 nop ws:8 sack",
			   how);
	sockets();
	sessions();
	settings();
	for (how = 0; how < 32; how++)
		kernel_cookies(how);
	return 0;
}
