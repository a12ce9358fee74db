/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: what files say of this host's firewall. */
#ifndef NFHOST_H
#define NFHOST_H

#include <stdbool.h>

/* Has the network namespace connection tracking? 1, 0, or -errno. */
int nfhost_conntrack(void);
/*
 * May nftables be asked? To ask a kernel that has it as a module would load it.
 * In a kernel without modules nothing is left to be loaded.
 */
bool nfhost_nftables(void);
/*
 * Does connection tracking take an ACK without its SYN as new
 * (net.netfilter.nf_conntrack_tcp_loose)? To others it is invalid.
 */
bool nfhost_loose(void);

#endif
