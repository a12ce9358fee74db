/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "kernel/clsact.h"
#include "kernel/links.h"
#include "log.h"
#include "kernel/pins.h"
#include "process/reserve.h"

void attachment_init(struct attachment *a, const char *wanted)
{
	*a = (struct attachment){ .xdp_link = -1, .tc_link = { -1, -1 } };
	snprintf(a->wanted, sizeof(a->wanted), "%s", wanted);
	snprintf(a->name, sizeof(a->name), "%s", wanted);
}

const char *attachment_mode(const struct attachment *a)
{
	return !a->ifindex ? "missing"
	       : a->lost   ? "none"
	       : a->native ? "native"
			   : "skb";
}

bool attachment_protects(const struct attachment *a)
{
	return a->ifindex && !a->in_trouble && !a->lost;
}

const char *attachment_why(const struct attachment *a)
{
	return !attachment_protects(a) ? a->trouble
	       : a->leaves_ns ? "removed: cookies in flight are honoured"
			      : a->why;
}

/* The program for a mode; synkeeper.bpf.c says why there are two. */
static int xdp_fd(const struct loader *l, bool native)
{
	return native ? loader_xdp_frags_fd(l) : loader_xdp_fd(l);
}

/* Reports which program is attached instead, and the remedy. Returns -EBUSY. */
static int refuse_other(const struct attachment *a, __u32 id, const char *name,
			bool ours)
{
	char holder[LINKS_HOLDER_LEN];

	if (ours)
		log_err("%s: another synkeeperd protects it: its program %s, "
			"id %u, is held by %s: stop that instance (synkeeper "
			"--pin-dir DIR --control PATH down), or remove %s from "
			"one of the two",
			a->name, name, id,
			program_holder(id, a->ifindex, holder), a->name);
	else
		log_err("%s: another XDP program is attached: %s, id %u, held "
			"by %s: detach it (ip link set dev %s xdp off, or "
			"bpftool link detach), or start with --replace",
			a->name, name, id,
			program_holder(id, a->ifindex, holder), a->name);
	return -EBUSY;
}

/* While the daemon runs and the kernel does not tell whose program it is. */
static int refuse_unknown(const struct attachment *a, __u32 id)
{
	log_err("%s: an XDP program is attached, id %u; replacing it needs "
		"CAP_SYS_ADMIN, which synkeeperd drops after start-up: restart "
		"synkeeperd, or detach the program (ip link set dev %s xdp "
		"off)",
		a->name, id, a->name);
	return -EPERM;
}

/* An XDP program is attached, but not by one of our links: swap or refuse. */
static int attach_over(const struct loader *l, const struct config *c,
		       struct attachment *a,
		       const struct bpf_xdp_query_opts *there)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	__u32 mode = there->attach_mode == XDP_ATTACHED_SKB
			     ? XDP_FLAGS_SKB_MODE
			     : XDP_FLAGS_DRV_MODE;
	int old = bpf_prog_get_fd_by_id(there->prog_id), err;
	char name[PINS_NAME_LEN];
	bool ours;

	if (old == -EPERM && !c->replace)
		return refuse_unknown(a, there->prog_id);
	ours = pins_is_ours(old, name);
	if (!ours && !c->replace) {
		err = refuse_other(a, there->prog_id, name, false);
		goto out;
	}
	opts.old_prog_fd = old;
	a->native = mode == XDP_FLAGS_DRV_MODE;
	err = old >= 0 ? bpf_xdp_attach(a->ifindex, xdp_fd(l, a->native),
					mode | XDP_FLAGS_REPLACE, &opts)
		       : bpf_xdp_attach(a->ifindex, xdp_fd(l, a->native), mode,
					NULL);
	if (err == -EBUSY) { /* attached by its owner's bpf_link */
		err = refuse_other(a, there->prog_id, name, ours);
		goto out;
	}
	if (err) {
		log_err("%s: cannot replace the XDP program %s: %s", a->name,
			name, strerror(-err));
		goto out;
	}
	a->by_hand = true;
	snprintf(a->why, sizeof(a->why), "%s %s",
		 ours ? "taken over from" : "replaced", name);
out:
	if (old >= 0)
		close(old);
	return err;
}

/*
 * What XDP sends in native mode over a veth arrives only if a program runs at
 * the other end, which is usually in another namespace; and large segments are
 * cut there. docs/BENCHMARKS.md has what skb mode costs.
 */
static enum config_mode mode_for(const struct config *c,
				 const struct attachment *a)
{
	struct device d;

	if (c->mode == MODE_AUTO && !device_get(NULL, a->ifindex, &d) &&
	    !strcmp(d.kind, "veth"))
		return MODE_SKB;
	return c->mode;
}

static int attach_new(const struct loader *l, const struct config *c,
		      struct attachment *a)
{
	enum config_mode mode = mode_for(c, a);
	int err = -EOPNOTSUPP;

	if (mode != MODE_SKB) {
		err = attach_link_make(l, a->ifindex, "xdp", xdp_fd(l, true),
				       BPF_XDP, XDP_FLAGS_DRV_MODE,
				       &a->xdp_link);
		a->native = !err;
		snprintf(a->why, sizeof(a->why), "%s",
			 c->mode == MODE_AUTO ? "the driver runs XDP"
					      : "mode = native");
	}
	if (err && c->mode != MODE_NATIVE) {
		a->native = false;
		if (c->mode == MODE_SKB)
			snprintf(a->why, sizeof(a->why), "mode = skb");
		else if (mode == MODE_SKB)
			snprintf(a->why, sizeof(a->why),
				 "a veth: native mode needs an XDP program at "
				 "its other end");
		else
			snprintf(a->why, sizeof(a->why),
				 "the driver cannot run XDP natively here: %s",
				 strerror(-err));
		err = attach_link_make(l, a->ifindex, "xdp", xdp_fd(l, false),
				       BPF_XDP, XDP_FLAGS_SKB_MODE,
				       &a->xdp_link);
	}
	if (err)
		log_err("%s: cannot attach the XDP program%s: %s: run "
			"synkeeper check %s to see why",
			a->name, c->mode == MODE_NATIVE ? " natively" : "",
			strerror(-err), a->name);
	return err;
}

/* The link exists, perhaps with an earlier instance's program. */
static int swap_xdp(const struct loader *l, const struct config *c,
		    struct attachment *a)
{
	enum config_mode mode;

	if (bpf_link_update(a->xdp_link, xdp_fd(l, a->native), NULL)) {
		int err = -errno;

		log_err("%s: cannot swap in the XDP program: %s", a->name,
			strerror(-err));
		return err;
	}
	if (a->on)
		return 0;
	a->found = true;
	mode = mode_for(c, a);
	if (mode != MODE_AUTO && a->native != (mode == MODE_NATIVE))
		log_warn("%s: stays in %s mode, as attached by the earlier "
			 "instance: to change it, run synkeeper down and start "
			 "again",
			 a->name, a->native ? "native" : "skb");
	snprintf(a->why, sizeof(a->why), "as an earlier instance left it");
	return 0;
}

static int attach_xdp(const struct loader *l, const struct config *c,
		      struct attachment *a)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, there);
	int err;

	err = bpf_xdp_query(a->ifindex, 0, &there);
	if (err) {
		log_err("%s: cannot query its XDP program: %s", a->name,
			strerror(-err));
		return err;
	}
	if (there.attach_mode != XDP_ATTACHED_NONE)
		a->native = there.attach_mode != XDP_ATTACHED_SKB;
	if (attach_link_take(l, a->ifindex, "xdp", &a->xdp_link))
		return swap_xdp(l, c, a);
	if (there.prog_id &&
	    there.prog_id == link_program(xdp_fd(l, a->native)))
		return 0; /* attached by hand: keep it so */
	a->by_hand = false;
	if (there.attach_mode != XDP_ATTACHED_NONE)
		return attach_over(l, c, a, &there);
	return attach_new(l, c, a);
}

static void detach_xdp(const struct loader *l, struct attachment *a)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);

	if (!a->by_hand) {
		attach_link_drop(l, a->ifindex, "xdp", &a->xdp_link);
		return;
	}
	opts.old_prog_fd = xdp_fd(l, a->native); /* only if it is still ours */
	bpf_xdp_detach(a->ifindex,
		       XDP_FLAGS_REPLACE | (a->native ? XDP_FLAGS_DRV_MODE
						      : XDP_FLAGS_SKB_MODE),
		       &opts);
}

int attachment_on(const struct loader *l, const struct config *c,
		  struct attachment *ret)
{
	struct attachment a = *ret;
	int err;

	if (!a.on) {
		a.native = a.by_hand = a.found = false;
		a.why[0] = '\0';
	}
	reserve_give();
	/* tc first: XDP must not admit ACKs that tc would not assign */
	err = attach_tc_on(l, &a);
	if (!err)
		err = attach_xdp(l, c, &a);
	reserve_take();
	if (err && !a.on) {
		if (!a.found)
			attach_tc_off(l, &a);
		attachment_close(&a);
		return err;
	}
	if (!err)
		a.on = true;
	*ret = a;
	return err;
}

void attachment_off(const struct loader *l, struct attachment *a)
{
	if (!a->on)
		return;
	detach_xdp(l, a);
	attach_tc_off(l, a);
	a->on = false;
}

void attachment_close(struct attachment *a)
{
	int *fds[] = { &a->xdp_link, &a->tc_link[WAY_INGRESS],
		       &a->tc_link[WAY_EGRESS] };
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

bool attachment_holds(const struct loader *l, struct attachment *a,
		      const struct device *device, char why[ATTACH_WHY_MAX])
{
	__u32 want = link_program(xdp_fd(l, a->native));
	__u32 got = a->native ? device->xdp_native : device->xdp_skb;
	__u32 other = device->xdp_native ? device->xdp_native : device->xdp_skb;
	enum tc_way way;

	if (want && got != want && other) {
		snprintf(why, ATTACH_WHY_MAX,
			 "another XDP program, id %u, is attached instead",
			 other);
		return false;
	}
	if (want && got != want) {
		snprintf(why, ATTACH_WHY_MAX, "its XDP program was detached");
		return false;
	}
	for (way = 0; way < WAYS; way++) {
		if (attach_tc_place(l, a, way) != -ENOENT)
			continue;
		snprintf(why, ATTACH_WHY_MAX,
			 "its program at tc %s was detached",
			 attach_tc_names[way]);
		return false;
	}
	return true;
}

int attachment_repin(const struct loader *l, const struct attachment *a)
{
	int n = attach_link_repin(l, a->ifindex, "xdp", a->xdp_link), err;
	enum tc_way way;

	for (way = 0; way < WAYS && n >= 0; way++) {
		err = attach_link_repin(l, a->ifindex, attach_tc_pins[way],
					a->tc_link[way]);
		n = err < 0 ? err : n + err;
	}
	return n;
}

void attachment_prune(const struct loader *l, const struct attachment *keep,
		      size_t n)
{
	char path[PATH_MAX], what[8];
	struct dirent *e;
	int ifindex;
	size_t i;
	DIR *dir;
	int fd = -1;

	snprintf(path, sizeof(path), "%s/links", l->pin_dir);
	dir = opendir(path);
	if (!dir)
		return;
	while ((e = readdir(dir))) {
		if (sscanf(e->d_name, "%7[a-z]_%d", what, &ifindex) != 2)
			continue;
		for (i = 0; i < n && keep[i].ifindex != ifindex; i++)
			;
		if (i < n)
			continue;
		attach_link_drop(l, ifindex, what, &fd);
		if (!l->has[FEATURE_TCX])
			clsact_detach(ifindex);
		log_info("interface %d: detached %s, which the earlier "
			 "instance had attached",
			 ifindex, what);
	}
	closedir(dir);
}
