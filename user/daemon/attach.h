/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: puts the programs on an interface: XDP in the
 * driver (native), or in front of the stack where the driver cannot (skb), and
 * tc on both ways through tcx (or clsact.h). Attachments are bpf_links, pinned
 * as PIN_DIR/links/xdp_IFINDEX, tc_IFINDEX and egress_IFINDEX: they outlive the
 * daemon, and its successor finds them and swaps the program in place, without
 * a gap.
 *
 * An XDP program that somebody attached by hand (`ip link set ... xdp`) has
 * no link. If it is ours by name, it is swapped for this instance's program
 * and stays attached that way; if it is foreign, it stays unless the
 * configuration says replace.
 */
#ifndef ATTACH_H
#define ATTACH_H

#include "loader.h"

enum { ATTACH_WHY_MAX = 448 };

struct attachment {
	char name[IF_NAMESIZE]; /* of now */
	int ifindex;		/* 0: there is no such interface now */
	bool native;		/* else skb */
	bool by_hand;		/* XDP without a link */
	bool found;		/* was attached by an earlier instance */
	bool on;		/* ours to detach */
	char why[ATTACH_WHY_MAX];
	/* for ifaces.c */
	bool in_trouble;	   /* see device.h: everything passes */
	char well[ATTACH_WHY_MAX]; /* then: @why, for when it is over */
	char wanted[IF_NAMESIZE];  /* its name in the configuration */
	__u64 leaves_ns;	   /* removed: to be detached then; 0: stays */
	__u64 retry_ns;		   /* it is back: when to try once more */
	unsigned int retry_ms;
};

/* "native", "skb", or "missing". */
const char *attachment_mode(const struct attachment *a);

/*
 * Attaches to @name and fills @ret but for what is ifaces.c's. Logs what failed
 * and returns -errno; nothing is attached then that was not before.
 */
int attach(const struct loader *l, const struct config *c, const char *name,
	   struct attachment *ret);
void detach(const struct loader *l, struct attachment *a);

/* Detaches what an earlier instance left on interfaces not among @keep. */
void attach_prune(const struct loader *l, const struct attachment *keep,
		  size_t n);

#endif
