// SPDX-License-Identifier: GPL-2.0-only
/* Theory of operation: turns a row into a packet and a state of the table. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bed.h"
#include "../bpf/kernelside.h"
#include "../bpf/sessions.h"
#include "../bpf/synack.h"

/* The ACK to what the listener of SYN @s makes. */
static struct spec kernel_ack_of(const struct spec *s)
{
	static struct frame syn, answer;
	struct xdp_md ctx = { .ingress_ifindex = LO };
	struct bpf_test_run_opts opts = { .sz = sizeof(opts),
					  .data_in = syn.data,
					  .data_out = answer.data,
					  .data_size_out = sizeof(answer.data),
					  .ctx_in = &ctx,
					  .ctx_size_in = sizeof(ctx),
					  .repeat = 1 };
	struct cookie c = {};

	packet_build(s, &syn);
	opts.data_size_in = ctx.data_end = syn.len;
	if (bpf_prog_test_run_opts(
		    bpf_program__fd(harness.skel->progs.synkeeper_xdp_f),
		    &opts) ||
	    opts.retval != XDP_TX)
		bed_die("a SYN that gets the kernel's cookie");
	memcpy(&c.isn, answer.data + syn.l4 + 4, sizeof(c.isn));
	c.isn = ntohl(c.isn);
	return kernelside_ack(s, &c);
}

/* The next sequence number in a queue of @fd. */
static __u32 queue_seq(int fd, int queue)
{
	int on = 1, off = -1; /* TCP_REPAIR_OFF_NO_WP */
	__u32 seq;
	socklen_t len = sizeof(seq);

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue,
		       sizeof(queue)) ||
	    getsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &seq, &len) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)))
		bed_die("TCP_REPAIR");
	return seq;
}

/* Gives @s the numbers that the server expects of the connection's client. */
static void of_socket(struct spec *s)
{
	int client = bed.clients[s->sport - CONNECTED_PORT];

	s->seq = queue_seq(client, TCP_SEND_QUEUE);
	s->ack = queue_seq(client, TCP_RECV_QUEUE);
}

/* The ACK to what a SYN @s is answered with, @epochs ago. */
static struct spec ack_of(const struct spec *s, unsigned epochs)
{
	struct handshake hs = { .mss = 1460, .wscale = 7, .sack = 1 }, kept;
	struct spec ack;

	hs.ts = strstr(s->opts, "ts:") != NULL;
	harness.cfg.epoch -= epochs;
	ack = synack_ack(s, &hs, &kept);
	harness.cfg.epoch += epochs;
	return ack;
}

static void build(const struct row *row, struct spec *s, struct frame *ret)
{
	switch (row->packet) {
	case PACKET_COOKIE:
		*s = ack_of(s, 0);
		break;
	case PACKET_BAD_COOKIE:
		*s = ack_of(s, 0);
		s->ack ^= 1 << 20;
		break;
	case PACKET_OLD_COOKIE:
		*s = ack_of(s, 2);
		break;
	case PACKET_KERNEL_COOKIE:
		*s = kernel_ack_of(s);
		break;
	case PACKET_OF_SOCKET:
		of_socket(s);
		break;
	default:
		break;
	}
	packet_build(s, ret);
	if (row->packet == PACKET_UDP)
		ret->data[ret->l3 + 9] = 17;
	if (row->packet == PACKET_TINY_FRAGMENT) {
		ret->len = ret->l4 + 8;
		ret->data[ret->l3 + (s->v6 ? 5 : 3)] = s->v6 ? 8 + 8 : 20 + 8;
	}
}

/*
 * The packet of the second core: the next client whose tags are in another
 * cache line, as those of two clients are in any table of the usual size.
 */
static void next_client(struct spec *s)
{
	enum { SETS_OF_LINE = 64 / sizeof(struct session_set) };
	struct tuple t = sessions_tuple(s);
	unsigned line = sessions_set_of(&t) / SETS_OF_LINE, i;

	s->sport = s->sport ? s->sport : 40000;
	for (i = 1; i < BED_CLIENTS; i++) {
		s->sport++;
		t = sessions_tuple(s);
		if (sessions_set_of(&t) / SETS_OF_LINE != line)
			return;
	}
}

/* The packet's own session is in way 0 of a set without others. */
static void own_session(const struct row *row, const struct spec *s,
			struct wrap_config *cfg)
{
	struct tuple t = sessions_tuple(s);
	__u32 set = sessions_set_of(&t);
	struct session *entry;

	if (row->own == OWN_WHATEVER)
		return;
	bed.tables.tags[set] = (struct session_set){};
	cfg->restore = 1;
	cfg->slot = set * SET_WAYS;
	cfg->line = table_line(bed.tables.sets, cfg->slot);
	entry = &bed.tables.entries[cfg->line];
	entry->live.word = 0;
	if (row->own == OWN_LIVE) {
		sessions_put_state(s, SESSION_ESTABLISHED);
	} else if (row->own == OWN_SET_FULL) {
		tables_fill_set(&bed.tables, set, SERVICE_4);
		entry->live.seen -= 1000; /* the one to go */
	}
	cfg->live = entry->live.word;
	cfg->tags = bed.tables.tags[set].tags[0];
	cfg->summary_at =
		summary_index(harness.cfg.summary.now, bed.tables.sets, set);
	cfg->summary = bed.tables.summary[cfg->summary_at];
}

static const __u8 actions[REASON_COUNT] = {
	XDP_TX, /* the programs compared with: no reason */
#define REASON(name, action, ...) XDP_##action,
#include "synkeeper/reason_table.h"
};

static const struct bpf_program *under_test(const struct packet_bpf *wrap,
					    enum under_test which)
{
	switch (which) {
	case TEST_SIPHASH:
		return wrap->progs.siphash;
	case TEST_ONLY_ANSWER:
		return wrap->progs.only_answer;
	case TEST_KERNEL_RAW4:
		return wrap->progs.kernel_raw4;
	case TEST_KERNEL_RAW6:
		return wrap->progs.kernel_raw6;
	case TEST_KERNEL_GEN4:
		return wrap->progs.kernel_gen4;
	case TEST_KERNEL_LOOKUP4:
		return wrap->progs.kernel_lookup4;
	default:
		return harness.skel->progs.synkeeper_xdp_f;
	}
}

void bed_trial(const struct row *row, unsigned lane, struct trial *ret)
{
	const struct packet_bpf *wrap = bed.wrap[lane];
	struct spec s = row->spec;

	if (lane)
		next_client(&s);
	*ret = (struct trial){ .row = row,
			       .lane = lane,
			       .verdict = row->monitored
						  ? XDP_PASS
						  : actions[row->reason] };
	build(row, &s, &ret->frame);
	packet_build(&row->mixed, &ret->mixed);
	ret->cfg = (struct wrap_config){
		.len = ret->frame.len,
		.vary = row->vary,
		.mix = row->mix,
		.mix_len = ret->mixed.len,
		.addr_at = ret->frame.l3 + (s.v6 ? 20 : 12),
		.port_at = ret->frame.l4,
		.sessions = bed.wrap[0]->bss->entered,
		.meta = row->reason == REASON_admitted ? sizeof(struct meta)
						       : 0,
	};
	own_session(row, &s, &ret->cfg);
	ret->program_fd = bpf_program__fd(under_test(wrap, row->program));
	ret->floor = ret->verdict == XDP_TX	? "XDP_TX"
		     : ret->verdict == XDP_DROP ? "XDP_DROP"
						: "XDP_PASS";
	ret->floor_fd = bpf_program__fd(
		ret->verdict == XDP_TX	   ? wrap->progs.bare_tx
		: ret->verdict == XDP_DROP ? wrap->progs.bare_drop
					   : wrap->progs.bare_pass);
}

static void put_program(const struct packet_bpf *wrap, __u32 slot, int fd)
{
	if (bpf_map_update_elem(bpf_map__fd(wrap->maps.programs), &slot, &fd,
				BPF_ANY))
		bed_die("a program for the wrapper");
}

/* The outer tag's, as on the wire; 0: there is none. */
static __u16 vlan_of(const struct frame *f)
{
	bool tagged = f->data[12] == 0x81 && f->data[13] == 0;

	return tagged ? (f->data[14] << 8 | f->data[15]) & 0xfff : 0;
}

void bed_install(const struct trial *t)
{
	const struct packet_bpf *wrap = bed.wrap[t->lane];

	bed_gateway(vlan_of(&t->frame));
	put_program(wrap, WRAP_UNDER_TEST, t->program_fd);
	put_program(wrap, WRAP_FLOOR, t->floor_fd);
	put_program(wrap, WRAP_BASELINE,
		    bpf_program__fd(wrap->progs.hash_lookup));
	wrap->bss->cfg = t->cfg;
	memcpy(wrap->bss->frames[0].bytes, t->frame.data, t->frame.len);
	memcpy(wrap->bss->frames[1].bytes, t->mixed.data, t->mixed.len);
}
