/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the programs' entry points, one call each.
 *
 *   xdp   incoming: parse, classify, go by session or by flags, verdict
 *   tc    ingress: hands what XDP accepted to the owner of the connection
 *         egress: watches for FIN, last ACK and RST, and for our own SYNs
 *
 * docs/ARCHITECTURE.md describes the packet path. Until the daemon supplies
 * settings, keys and services, everything passes.
 */
#include "path/egress.bpf.h"
#include "owner/owner.bpf.h"
#include "path/dispatch.bpf.h"

SEC("xdp")
int synkeeper_xdp(struct xdp_md *ctx)
{
	return dispatch(ctx);
}

/*
 * The same for native mode, where a frame may span several buffers (MTU larger
 * than a page). Not for skb mode: after a frags-aware generic XDP program,
 * Linux 6.18 hands tc a packet without its Ethernet header.
 */
SEC("xdp.frags")
int synkeeper_xdp_f(struct xdp_md *ctx)
{
	return dispatch(ctx);
}

SEC("tc")
int synkeeper_admit(struct __sk_buff *skb)
{
	return owner_admit(skb);
}

SEC("tc")
int synkeeper_egress(struct __sk_buff *skb)
{
	return egress(skb);
}

/*
 * tcx attaches a program only once and cannot move it, so getting in front of
 * another program takes a second instance of ours. These are that instance;
 * the daemon keeps tc_programs pointing to the two above.
 */
SEC("tc")
int synkeeper_front_in(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &tc_programs, TC_PROGRAM_IN);
	return TCX_NEXT;
}

SEC("tc")
int synkeeper_front_out(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &tc_programs, TC_PROGRAM_OUT);
	return TCX_NEXT;
}

/* Required: the programs call GPL-only helpers. */
char LICENSE[] SEC("license") = "GPL";
