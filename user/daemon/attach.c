/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see attach.h. */
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
#include "clsact.h"
#include "log.h"
#include "pins.h"

/* Newer than Debian 12's <linux/bpf.h>: tcx, Linux 6.6. */
enum { ATTACH_TCX_INGRESS = 46, ATTACH_TCX_EGRESS = 47 };

/*
 * struct bpf_link_info as XDP and tcx links fill it (the latter is newer than
 * Debian 12's header): their part begins with the interface.
 */
union link_info {
	struct bpf_link_info info;
	struct {
		__u32 type, id, prog_id, pad, ifindex;
	} netdev;
};

const char *attachment_mode(const struct attachment *a)
{
	return !a->ifindex ? "missing" : a->native ? "native" : "skb";
}

/* By index: bpffs takes no dots in names, and interfaces are renamed. */
static void link_path(const struct loader *l, int ifindex, const char *what,
		      char *buf, size_t size)
{
	snprintf(buf, size, "%s/links/%s_%d", l->pin_dir, what, ifindex);
}

/* The interface of an XDP or tcx link; 0 if it is gone. */
static __u32 link_ifindex(int fd)
{
	union link_info u = {};
	__u32 len = sizeof(u.info);

	return bpf_obj_get_info_by_fd(fd, &u.info, &len) ? 0 : u.netdev.ifindex;
}

/*
 * Takes over the link pinned at @path if it still is on @ifindex. Returns 1
 * if it did, 0 if there is none, or -errno.
 */
static int update_pinned(const char *path, int ifindex, int prog_fd)
{
	int fd = bpf_obj_get(path), err;

	if (fd < 0)
		return 0;
	if (link_ifindex(fd) != (__u32)ifindex) {
		close(fd);
		unlink(path); /* of an interface that is gone */
		return 0;
	}
	err = bpf_link_update(fd, prog_fd, NULL) ? -errno : 1;
	close(fd);
	return err;
}

static int create_pinned(const char *path, int ifindex, int prog_fd, int type,
			 __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int fd = bpf_link_create(prog_fd, ifindex, type, &opts), err = 0;

	if (fd < 0)
		return -errno;
	unlink(path);
	if (bpf_obj_pin(fd, path))
		err = -errno;
	close(fd); /* the pin keeps it, or nothing does */
	return err;
}

/* The program for a mode; why there are two stands in synkeeper.bpf.c. */
static int xdp_fd(const struct loader *l, bool native)
{
	return native ? loader_xdp_frags_fd(l) : loader_xdp_fd(l);
}

/* An XDP program is there and no link of ours: swap, or refuse. */
static int attach_over(const struct loader *l, const struct config *c,
		       struct attachment *a,
		       const struct bpf_xdp_query_opts *there)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	__u32 mode = there->attach_mode == XDP_ATTACHED_SKB
			     ? XDP_FLAGS_SKB_MODE
			     : XDP_FLAGS_DRV_MODE;
	char name[PINS_NAME_LEN];
	bool ours;
	int err;

	opts.old_prog_fd = bpf_prog_get_fd_by_id(there->prog_id);
	if (opts.old_prog_fd == -EPERM) {
		log_err("%s: an XDP program is attached, and the kernel lets "
			"nobody without CAP_SYS_ADMIN take hold of it: "
			"synkeeperd has that only while it starts: restart "
			"it, or detach the program (ip link set dev %s xdp "
			"off)",
			a->name, a->name);
		return -EPERM;
	}
	ours = pins_is_ours(opts.old_prog_fd, name);
	if (!ours && !c->replace) {
		log_err("%s: another XDP program is attached: %s: detach it "
			"(ip link set dev %s xdp off), or start with --replace",
			a->name, name, a->name);
		err = -EBUSY;
		goto out;
	}
	a->native = mode == XDP_FLAGS_DRV_MODE;
	err = bpf_xdp_attach(a->ifindex, xdp_fd(l, a->native),
			     mode | XDP_FLAGS_REPLACE, &opts);
	if (err) {
		log_err("%s: cannot replace the XDP program %s: %s%s", a->name,
			name, strerror(-err),
			err == -EBUSY ? ": a bpf_link of its owner holds it"
				      : "");
		goto out;
	}
	a->by_hand = true;
	snprintf(a->why, sizeof(a->why), "%s %s",
		 ours ? "taken over from" : "replaced", name);
out:
	if (opts.old_prog_fd >= 0)
		close(opts.old_prog_fd);
	return err;
}

static int attach_new(const struct loader *l, const struct config *c,
		      struct attachment *a, const char *path)
{
	int err = -EOPNOTSUPP;

	if (c->mode != MODE_SKB) {
		err = create_pinned(path, a->ifindex, xdp_fd(l, true), BPF_XDP,
				    XDP_FLAGS_DRV_MODE);
		a->native = !err;
		snprintf(a->why, sizeof(a->why), "%s",
			 c->mode == MODE_AUTO ? "the driver runs XDP"
					      : "mode = native");
	}
	if (err && c->mode != MODE_NATIVE) {
		a->native = false;
		if (c->mode == MODE_SKB)
			snprintf(a->why, sizeof(a->why), "mode = skb");
		else
			snprintf(
				a->why, sizeof(a->why),
				"the driver does not run XDP natively here: %s",
				strerror(-err));
		err = create_pinned(path, a->ifindex, xdp_fd(l, false), BPF_XDP,
				    XDP_FLAGS_SKB_MODE);
	}
	if (err)
		log_err("%s: cannot attach the XDP program%s: %s: synkeeper "
			"check %s tells why",
			a->name, c->mode == MODE_NATIVE ? " natively" : "",
			strerror(-err), a->name);
	return err;
}

static int attach_xdp(const struct loader *l, const struct config *c,
		      struct attachment *a)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, there);
	char path[PATH_MAX];
	int err;

	link_path(l, a->ifindex, "xdp", path, sizeof(path));
	err = bpf_xdp_query(a->ifindex, 0, &there);
	if (err) {
		log_err("%s: cannot ask for its XDP program: %s", a->name,
			strerror(-err));
		return err;
	}
	a->native = there.attach_mode != XDP_ATTACHED_SKB;
	err = update_pinned(path, a->ifindex, xdp_fd(l, a->native));
	if (err < 0) {
		log_err("%s: cannot swap the XDP program in: %s", a->name,
			strerror(-err));
		return err;
	}
	if (err == 1) {
		a->found = true;
		if (c->mode != MODE_AUTO &&
		    a->native != (c->mode == MODE_NATIVE))
			log_warn("%s: stays in %s mode, as the earlier "
				 "instance attached it: synkeeper down and a "
				 "new start change it",
				 a->name, a->native ? "native" : "skb");
		snprintf(a->why, sizeof(a->why),
			 "as an earlier instance left it");
		return 0;
	}
	if (there.attach_mode != XDP_ATTACHED_NONE)
		return attach_over(l, c, a, &there);
	return attach_new(l, c, a, path);
}

static int attach_tcx(const struct loader *l, const struct attachment *a,
		      bool ingress, int prog_fd)
{
	char path[PATH_MAX];
	int err;

	link_path(l, a->ifindex, ingress ? "tc" : "egress", path, sizeof(path));
	err = update_pinned(path, a->ifindex, prog_fd);
	return err ? err
		   : create_pinned(path, a->ifindex, prog_fd,
				   ingress ? ATTACH_TCX_INGRESS
					   : ATTACH_TCX_EGRESS,
				   0);
}

static int attach_tc_way(const struct loader *l, const struct attachment *a,
			 bool ingress, int prog_fd)
{
	int err;

	if (prog_fd < 0)
		return 0;
	err = l->has[FEATURE_TCX] ? attach_tcx(l, a, ingress, prog_fd)
				  : clsact_attach(a->ifindex, ingress, prog_fd);
	if (err < 0)
		log_err("%s: cannot attach to tc %s: %s: synkeeper check %s "
			"tells why",
			a->name, ingress ? "ingress" : "egress", strerror(-err),
			a->name);
	return err < 0 ? err : 0;
}

static int attach_tc(const struct loader *l, const struct attachment *a)
{
	int err = attach_tc_way(l, a, true, loader_tc_fd(l));

	return err ? err : attach_tc_way(l, a, false, loader_egress_fd(l));
}

static void detach_link(const struct loader *l, int ifindex, const char *what)
{
	char path[PATH_MAX];

	link_path(l, ifindex, what, path, sizeof(path));
	unlink(path);
}

static void detach_tc(const struct loader *l, const struct attachment *a)
{
	if (!l->has[FEATURE_TCX])
		clsact_detach(a->ifindex);
	detach_link(l, a->ifindex, "tc");
	detach_link(l, a->ifindex, "egress");
}

static void detach_xdp(const struct loader *l, const struct attachment *a)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);

	if (!a->by_hand) {
		detach_link(l, a->ifindex, "xdp");
		return;
	}
	opts.old_prog_fd = xdp_fd(l, a->native); /* if it still is ours */
	bpf_xdp_detach(a->ifindex,
		       XDP_FLAGS_REPLACE | (a->native ? XDP_FLAGS_DRV_MODE
						      : XDP_FLAGS_SKB_MODE),
		       &opts);
}

int attach(const struct loader *l, const struct config *c, const char *name,
	   struct attachment *ret)
{
	struct attachment a = *ret;
	int err;

	a.native = a.by_hand = a.found = a.on = false;
	a.why[0] = '\0';
	snprintf(a.name, sizeof(a.name), "%s", name);
	a.ifindex = (int)if_nametoindex(name);
	if (!a.ifindex) {
		log_err("%s: no such interface: ip link lists them", name);
		return -ENODEV;
	}
	/* tc first: XDP must not admit what nobody would assign */
	err = attach_tc(l, &a);
	if (!err)
		err = attach_xdp(l, c, &a);
	if (err) {
		if (!a.found)
			detach_tc(l, &a);
		return err;
	}
	a.on = true;
	*ret = a;
	return 0;
}

void detach(const struct loader *l, struct attachment *a)
{
	if (!a->on)
		return;
	detach_xdp(l, a);
	detach_tc(l, a);
	a->on = false;
}

void attach_prune(const struct loader *l, const struct attachment *keep,
		  size_t n)
{
	char path[PATH_MAX], what[8];
	struct dirent *e;
	int ifindex;
	size_t i;
	DIR *dir;

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
		detach_link(l, ifindex, what);
		if (!l->has[FEATURE_TCX])
			clsact_detach(ifindex);
		log_info("interface %d: detached %s, which the earlier "
			 "instance had attached",
			 ifindex, what);
	}
	closedir(dir);
}
