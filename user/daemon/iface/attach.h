/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: attaches the programs to an interface: XDP in the driver
 * (native), or in front of the stack where the driver cannot (skb), and tc in
 * both directions through tcx (or clsact.h). Attachments are bpf_links, held by
 * the daemon and pinned as PIN_DIR/links/xdp_IFINDEX, tc_IFINDEX and
 * egress_IFINDEX: without the pins they last as long as the daemon; with them
 * they outlive it, and the next instance finds them and swaps the program in
 * place, without a gap.
 *
 * At tc, Synkeeper's programs run first: one in front that returns TC_ACT_OK
 * would end the chain. The kernel neither moves a link nor accepts a program
 * twice, so there are two instances of each (loader_front_fd()): the unused one
 * is attached at the front, then the other is detached.
 *
 * An XDP program that was attached by hand (`ip link set ... xdp`) has no link.
 * If it is Synkeeper's by name, it is swapped for this instance's program and
 * stays attached that way; a foreign one stays unless the configuration says
 * replace.
 */
#ifndef ATTACH_H
#define ATTACH_H

#include "kernel/device.h"
#include "loop/backoff.h"
#include "maps/loader.h"

enum { ATTACH_WHY_MAX = 448 };

enum tc_way { WAY_INGRESS, WAY_EGRESS, WAYS };

struct attachment {
	char name[IF_NAMESIZE]; /* current name */
	int ifindex;		/* 0: no such interface now */
	bool native;		/* else skb */
	bool by_hand;		/* XDP without a link */
	bool found;		/* attached by an earlier instance */
	bool on;		/* attached: to be detached */
	int xdp_link;		/* file descriptors; -1: none */
	int tc_link[WAYS];
	__u32 ahead[WAYS];	  /* the program in front; 0: none */
	char why[ATTACH_WHY_MAX]; /* why this mode */
	/* for ifaces.c */
	char wanted[IF_NAMESIZE]; /* its name in the configuration */
	bool in_trouble;	  /* bypassed, see device.h */
	bool lost;		  /* not attached any more, says the kernel */
	char trouble[ATTACH_WHY_MAX]; /* why it is not protected */
	__u64 leaves_ns;	 /* when a removed one is detached; 0: stays */
	struct backoff retry;	 /* to attach again */
	struct backoff to_front; /* to move to the front */
};

/* Nothing is attached. */
void attachment_init(struct attachment *a, const char *wanted);

/* "native", "skb", "none" (nothing is attached), or "missing". */
const char *attachment_mode(const struct attachment *a);

/* Why it has its mode, or what is wrong with it. */
const char *attachment_why(const struct attachment *a);
bool attachment_protects(const struct attachment *a);

/*
 * Attaches to the interface @ret->ifindex, named @ret->name; existing
 * attachments stay. Returns -errno, logged; then nothing is attached that was
 * not before.
 */
int attachment_on(const struct loader *l, const struct config *c,
		  struct attachment *ret);
void attachment_off(const struct loader *l, struct attachment *a);
/* Closes the links; a pinned one stays attached. */
void attachment_close(struct attachment *a);

/*
 * Compares @a with the kernel, which listed @device just now. If all is in
 * place, @a->ahead says which programs run first. Otherwise returns false and
 * fills @why.
 */
bool attachment_holds(const struct loader *l, struct attachment *a,
		      const struct device *device, char why[ATTACH_WHY_MAX]);

/* Restores missing pins of links. Returns how many, or -errno. */
int attachment_repin(const struct loader *l, const struct attachment *a);

/* Detaches what an earlier instance left on interfaces not among @keep. */
void attachment_prune(const struct loader *l, const struct attachment *keep,
		      size_t n);

/* ---- attach_tc.c ---- */

extern const char *const attach_tc_pins[WAYS], *const attach_tc_names[WAYS];

/* Both directions, in front of all others if possible. 0 or -errno, logged. */
int attach_tc_on(const struct loader *l, struct attachment *a);
void attach_tc_off(const struct loader *l, struct attachment *a);
/* Moves our program in front of those ahead. 0 or -errno. */
int attach_tc_first(const struct loader *l, struct attachment *a,
		    enum tc_way way);
/* Returns 0 and @a->ahead; -ENOENT: not attached; other -errno: unknown. */
int attach_tc_place(const struct loader *l, struct attachment *a,
		    enum tc_way way);

/* ---- attach_link.c ---- */

/* By index: bpffs takes no dots in names, and interfaces are renamed. */
void attach_link_path(const struct loader *l, int ifindex, const char *what,
		      char *buf, size_t size);
/*
 * Is there a link on @a's interface, in @fd or pinned as @what? Drops a link
 * whose interface is gone.
 */
bool attach_link_take(const struct loader *l, int ifindex, const char *what,
		      int *fd);
/* Creates a link, pinned if possible. Returns -errno, with @fd unchanged. */
int attach_link_make(const struct loader *l, int ifindex, const char *what,
		     int prog_fd, int type, __u32 flags, int *fd);
/* Detaches and unpins. */
void attach_link_drop(const struct loader *l, int ifindex, const char *what,
		      int *fd);
int attach_link_repin(const struct loader *l, int ifindex, const char *what,
		      int fd);

#endif
