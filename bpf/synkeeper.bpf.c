/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the programs' entry points, one call each.
 *
 *   xdp   what comes in: parse, classify, then by session or by flags; verdict
 *   tc    ingress: what XDP has accepted becomes its owner's connection
 *         egress: what the owner sends: FIN, last ACK, RST; our own SYNs
 *
 * docs/ARCHITECTURE.md draws the way. Without the daemon's settings, keys and
 * services, everything passes.
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
 * The same for native mode, where frames may come in fragments (an MTU above a
 * page). Not for skb mode: Linux 6.18 hands tc a packet without its Ethernet
 * header after a generic XDP program that is aware of fragments.
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
 * tcx takes no program twice and moves none. To get in front of somebody else's
 * a second instance of the tc programs is needed, and these stand for it: the
 * daemon keeps tc_programs pointing to the two above.
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

/* The programs call helpers that the kernel lends to GPL code only. */
char LICENSE[] SEC("license") = "GPL";
