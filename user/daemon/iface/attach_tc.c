/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "attach.h"
#include "kernel/clsact.h"
#include "kernel/links.h"
#include "log.h"

enum { BEFORE = 1 << 3 }; /* BPF_F_BEFORE, Linux 6.6 */

const char *const attach_tc_pins[WAYS] = { "tc", "egress" };
const char *const attach_tc_names[WAYS] = { "ingress", "egress" };
static const int types[WAYS] = { LINKS_TCX_INGRESS, LINKS_TCX_EGRESS };

/* -1: nothing to do in that direction. */
static int main_fd(const struct loader *l, enum tc_way way)
{
	return way == WAY_INGRESS ? loader_tc_fd(l) : loader_egress_fd(l);
}

static int front_fd(const struct loader *l, enum tc_way way)
{
	return loader_front_fd(l, way == WAY_INGRESS ? TC_PROGRAM_IN
						     : TC_PROGRAM_OUT);
}

static int find(const struct tcx_programs *p, __u32 id)
{
	__u32 i;

	for (i = 0; id && i < p->n; i++)
		if (p->ids[i] == id)
			return (int)i;
	return -1;
}

int attach_tc_place(const struct loader *l, struct attachment *a,
		    enum tc_way way)
{
	struct tcx_programs p;
	int fd = main_fd(l, way), at, err;

	a->ahead[way] = 0;
	if (fd < 0)
		return 0;
	if (!l->has[FEATURE_TCX])
		return clsact_place(a->ifindex, way == WAY_INGRESS,
				    link_program(fd), &a->ahead[way]);
	err = tcx_query(a->ifindex, types[way], &p);
	if (err)
		return err;
	at = find(&p, link_program(fd));
	if (at < 0)
		at = find(&p, link_program(front_fd(l, way)));
	if (at > 0)
		a->ahead[way] = p.ids[0];
	return at < 0 ? -ENOENT : 0;
}

int attach_tc_first(const struct loader *l, struct attachment *a,
		    enum tc_way way)
{
	int fd = main_fd(l, way), old = a->tc_link[way], mine = -1, err;
	__u32 now = 0;

	if (!l->has[FEATURE_TCX])
		return clsact_attach(a->ifindex, way == WAY_INGRESS, fd);
	if (old < 0 || link_ifindex(old, &now) < 0)
		return -ENOENT;
	if (now == link_program(fd))
		fd = front_fd(l, way);
	if (fd < 0)
		return -EOPNOTSUPP;
	err = attach_link_make(l, a->ifindex, attach_tc_pins[way], fd,
			       types[way], BEFORE, &mine);
	if (err)
		return err;
	bpf_link_detach(old);
	close(old);
	a->tc_link[way] = mine;
	return 0;
}

static int attach_tcx(const struct loader *l, struct attachment *a,
		      enum tc_way way)
{
	int *link = &a->tc_link[way], fd = main_fd(l, way), err;
	__u32 now = 0;

	if (!attach_link_take(l, a->ifindex, attach_tc_pins[way], link))
		return attach_link_make(l, a->ifindex, attach_tc_pins[way], fd,
					types[way], BEFORE, link);
	link_ifindex(*link, &now);
	if (now && now == link_program(front_fd(l, way)))
		return 0;
	err = bpf_link_update(*link, fd, NULL) ? -errno : 0;
	if (!err)
		err = attach_tc_place(l, a, way);
	if (!err && a->ahead[way])
		attach_tc_first(l, a, way);
	return err;
}

int attach_tc_on(const struct loader *l, struct attachment *a)
{
	enum tc_way way;
	int err = 0;

	for (way = 0; way < WAYS && !err; way++) {
		if (main_fd(l, way) < 0)
			continue;
		if (l->has[FEATURE_TCX])
			err = attach_tcx(l, a, way);
		else
			err = clsact_attach(a->ifindex, way == WAY_INGRESS,
					    main_fd(l, way));
		if (err)
			log_err("%s: cannot attach to tc %s: %s: run synkeeper "
				"check %s to see why",
				a->name, attach_tc_names[way], strerror(-err),
				a->name);
	}
	return err;
}

void attach_tc_off(const struct loader *l, struct attachment *a)
{
	enum tc_way way;

	if (!l->has[FEATURE_TCX])
		clsact_detach(a->ifindex);
	for (way = 0; way < WAYS; way++)
		attach_link_drop(l, a->ifindex, attach_tc_pins[way],
				 &a->tc_link[way]);
}
