/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: puts the programs on an interface: XDP in the
 * driver (native), or in front of the stack where the driver cannot (skb), and
 * tc on both ways through tcx (or clsact.h). Attachments are bpf_links, held
 * by the daemon and pinned as PIN_DIR/links/xdp_IFINDEX, tc_IFINDEX and
 * egress_IFINDEX: without the pins they last as long as the daemon; with them
 * they outlive it, and its successor finds them and swaps the program in place,
 * without a gap.
 *
 * At tc ours go first: a program in front that says TC_ACT_OK would end the
 * chain. The kernel moves no link and takes no program twice, so there are two
 * instances of each (loader_front_fd()): the one that is not in use goes to the front,
 * and then the other is detached.
 *
 * An XDP program that somebody attached by hand (`ip link set ... xdp`) has
 * no link. If it is ours by name, it is swapped for this instance's program
 * and stays attached that way; if it is foreign, it stays unless the
 * configuration says replace.
 */
#ifndef ATTACH_H
#define ATTACH_H

#include "kernel/device.h"
#include "loop/backoff.h"
#include "maps/loader.h"

enum { ATTACH_WHY_MAX = 448 };

enum tc_way { WAY_INGRESS, WAY_EGRESS, WAYS };

struct attachment {
	char name[IF_NAMESIZE]; /* of now */
	int ifindex;		/* 0: there is no such interface now */
	bool native;		/* else skb */
	bool by_hand;		/* XDP without a link */
	bool found;		/* was attached by an earlier instance */
	bool on;		/* ours to detach */
	int xdp_link;		/* file descriptors; -1: none */
	int tc_link[WAYS];
	__u32 ahead[WAYS]; /* the program that runs before ours; 0: none */
	char why[ATTACH_WHY_MAX]; /* this mode */
	/* for ifaces.c */
	char wanted[IF_NAMESIZE];     /* its name in the configuration */
	bool in_trouble;	      /* see device.h: everything passes */
	bool lost;		      /* the kernel has not what was attached */
	char trouble[ATTACH_WHY_MAX]; /* what, while it is not protected */
	__u64 leaves_ns;	      /* removed: detached then; 0: stays */
	struct backoff retry;	      /* it is back, or to be attached again */
	struct backoff to_front;      /* to run first */
};

/* Nothing is attached. */
void attachment_init(struct attachment *a, const char *wanted);

/* "native", "skb", "none" (nothing is attached), or "missing". */
const char *attachment_mode(const struct attachment *a);

/* What is to be said of it: its mode's reason, or what is the matter. */
const char *attachment_why(const struct attachment *a);
bool attachment_protects(const struct attachment *a);

/*
 * Attaches to the interface @ret->ifindex, called @ret->name; what is attached
 * already stays. Logs what failed and returns -errno; nothing is attached then
 * that was not before.
 */
int attachment_on(const struct loader *l, const struct config *c,
		  struct attachment *ret);
void attachment_off(const struct loader *l, struct attachment *a);
/* Gives the links back that a pin keeps. */
void attachment_close(struct attachment *a);

/*
 * Compares with the kernel, which showed @device just now. If it has all of it,
 * notes in @a->ahead who runs before ours. If not, returns false and fills
 * @why.
 */
bool attachment_holds(const struct loader *l, struct attachment *a,
		      const struct device *device, char why[ATTACH_WHY_MAX]);

/* Puts back the pins of links that have gone. Returns how many, or -errno. */
int attachment_repin(const struct loader *l, const struct attachment *a);

/* Detaches what an earlier instance left on interfaces not among @keep. */
void attachment_prune(const struct loader *l, const struct attachment *keep,
		      size_t n);

/* ---- attach_tc.c ---- */

extern const char *const attach_tc_pins[WAYS], *const attach_tc_names[WAYS];

/* Both ways, in front of all others if it can be had. Logs; 0 or -errno. */
int attach_tc_on(const struct loader *l, struct attachment *a);
void attach_tc_off(const struct loader *l, struct attachment *a);
/* Puts ours in front of who is ahead. 0 or -errno. */
int attach_tc_first(const struct loader *l, struct attachment *a,
		    enum tc_way way);
/* 0, and @a->ahead; -ENOENT: it is not attached; or -errno: not known. */
int attach_tc_place(const struct loader *l, struct attachment *a,
		    enum tc_way way);

/* ---- attach_link.c ---- */

/* By index: bpffs takes no dots in names, and interfaces are renamed. */
void attach_link_path(const struct loader *l, int ifindex, const char *what,
		      char *buf, size_t size);
/*
 * Is there a link on @a's interface, in @fd or else pinned as @what? Drops one
 * of an interface that is gone.
 */
bool attach_link_take(const struct loader *l, int ifindex, const char *what,
		      int *fd);
/* A new link, pinned if there is where to; -errno, and @fd is as it was. */
int attach_link_make(const struct loader *l, int ifindex, const char *what,
		     int prog_fd, int type, __u32 flags, int *fd);
/* Detaches and unpins. */
void attach_link_drop(const struct loader *l, int ifindex, const char *what,
		      int *fd);
int attach_link_repin(const struct loader *l, int ifindex, const char *what,
		      int fd);

#endif
