/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: segments that match nothing. In a flood they are dropped
 * after one hash. Otherwise they belong to a client whose connection this host
 * has lost (it rebooted, or closed the socket), and which would wait for a long
 * time: within a budget they pass, and the kernel answers with its RST. It is
 * not made here because whatever decides on it is the kernel's: a socket that
 * appeared meanwhile, the route back, TTL and traffic class, a firewall.
 *
 * The kernel's RST is no longer than the segment that causes it, so a flood
 * gets no more out than it puts in, and beyond the budget nothing. A prefix
 * gets half of it at most, so that one source does not leave the others
 * without.
 */
#ifndef SYNKEEPER_STRAY_BPF_H
#define SYNKEEPER_STRAY_BPF_H

#include "cookie/check.bpf.h"
#include "report/budget.bpf.h"
#include "session/table.bpf.h"
#include "wire/classify.bpf.h"
#include "wire/source.bpf.h"

/*
 * Does a packet without a valid cookie certainly match nothing? It does where
 * the table knows every connection, except those set up over an interface
 * without Synkeeper: therefore the owner is asked anyway while the budget
 * lasts.
 */
static __always_inline bool is_surely_unmatched(const struct settings *cfg,
						const struct flow *f)
{
	return f->ep.mode == ENDPOINT_ARMED && !f->known &&
	       !session_set_is_incomplete(cfg, f->set) &&
	       !check_maybe_kernel(cfg, f);
}

/*
 * Would the kernel answer a segment with these flags with a RST? From a
 * listener it gets one for its ACK (tcp_rcv_state_process() in
 * net/ipv4/tcp_input.c); the rest is dropped there as well as here.
 */
static __always_inline bool stray_draws_reset(__u8 flags)
{
	return (flags & (FLAG_ACK | FLAG_RST)) == FLAG_ACK;
}

/*
 * May stray @f pass for its RST? The prefix comes first: what it is refused
 * must cost the others nothing. What is only monitored passes anyway.
 */
static __always_inline bool stray_take_reset(const struct settings *cfg,
					     const struct flow *f)
{
	__u32 max = cfg->resets_per_second;

	return max && f->ep.mode == ENDPOINT_ARMED &&
	       source_take(cfg, &f->pkt, SOURCE_RESETS, max / 2 + 1) &&
	       budget_take(BUDGET_RESET, max);
}

#endif
