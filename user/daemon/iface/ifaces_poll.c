/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: tracks the interfaces while the daemon runs.
 *
 * On every tick, and after link events, the device list is read and compared
 * with the recorded state: does the interface exist, is its XDP program ours,
 * are our tc programs attached and first? What others detached is attached
 * again; a foreign program stays, and the interface is reported as unprotected.
 * An error is no answer: if the kernel does not tell, nothing is concluded.
 *
 * An obstacle to protection (see device.h) that appears at runtime makes all
 * traffic pass: the interface's map entry is removed until it is gone.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "kernel/clock.h"
#include "iface.h"
#include "log.h"
#include "process/reserve.h"

/* Copies the result to the entries that share it. */
static void share(struct ifaces *f, const struct attachment *a)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		struct attachment *other = &f->list[i], was = *other;

		if (other == a || other->ifindex != a->ifindex)
			continue;
		*other = *a;
		memcpy(other->wanted, was.wanted, sizeof(was.wanted));
		other->leaves_ns = was.leaves_ns;
	}
}

static void gone(struct ifaces *f, struct attachment *a)
{
	log_warn("%s: the interface is gone: protected again once it is back",
		 a->name);
	iface_detach(f, a); /* pins of links without an interface */
	iface_wait_for(
		a, "the interface is gone; protected again once it is back");
}

/* An error is no answer: only these two mean that there is none. */
static bool is_gone(int ifindex)
{
	char name[IF_NAMESIZE];

	return !if_indextoname(ifindex, name) &&
	       (errno == ENODEV || errno == ENXIO);
}

/* Returns whether it is back and attached. */
static bool back(struct ifaces *f, struct attachment *a)
{
	int err;

	if (!iface_index_of(f, a->wanted) || !backoff_due(&a->retry))
		return false;
	err = iface_attach(f, f->deps.config, a);
	if (err && err != -ENODEV)
		snprintf(a->trouble, sizeof(a->trouble),
			 "the interface is back, but: %s: see the log",
			 strerror(-err));
	return !err;
}

static void poll_name(struct attachment *a, const char *name)
{
	if (!strcmp(a->name, name))
		return;
	log_info("%s: renamed to %s, stays protected", a->name, name);
	snprintf(a->name, sizeof(a->name), "%s", name);
}

/* An obstacle to protection has appeared or gone. */
static void poll_trouble(struct ifaces *f, struct attachment *a)
{
	struct device_trouble t;
	bool works = devices_works(&f->devices, a->ifindex, &t);

	if (works && a->in_trouble) {
		log_info("%s: protected again", a->name);
	} else if (!works && !a->in_trouble) {
		log_err("%s: all traffic passes from now on: %s: %s", a->name,
			t.what, t.fix);
		snprintf(a->trouble, sizeof(a->trouble),
			 "all traffic passes: %s: %s", t.what, t.fix);
		iface_forget(f, a->ifindex);
	}
	a->in_trouble = !works;
}

/* Another program runs before ours at tc. */
static void poll_order(struct ifaces *f, struct attachment *a)
{
	bool due = (a->ahead[WAY_INGRESS] || a->ahead[WAY_EGRESS]) &&
		   backoff_due(&a->to_front);
	enum tc_way way;

	if (!due)
		return;
	reserve_give();
	for (way = 0; way < WAYS; way++) {
		__u32 id = a->ahead[way];
		int err;

		if (!id)
			continue;
		err = attach_tc_first(f->deps.loader, a, way);
		if (!err)
			err = attach_tc_place(f->deps.loader, a, way);
		if (err)
			log_warn("%s: program id %u runs before Synkeeper's "
				 "program at tc %s, which cannot move to the "
				 "front: %s",
				 a->name, id, attach_tc_names[way],
				 strerror(-err));
		else
			log_warn("%s: program id %u was attached before "
				 "Synkeeper's program at tc %s, which moves to "
				 "the front again",
				 a->name, id, attach_tc_names[way]);
	}
	reserve_take();
}

/* Does the kernel still have what was attached? */
static void poll_kernel(struct ifaces *f, struct attachment *a,
			const struct device *device)
{
	char why[ATTACH_WHY_MAX];
	bool was_lost = a->lost;

	a->lost = !attachment_holds(f->deps.loader, a, device, why);
	if (!a->lost)
		return poll_order(f, a);
	if (!was_lost)
		log_err("%s: not protected: %s", a->name, why);
	snprintf(a->trouble, sizeof(a->trouble), "not protected: %.*s",
		 ATTACH_WHY_MAX - 32, why);
	if (!f->ending && backoff_due(&a->retry) &&
	    !attachment_on(f->deps.loader, f->deps.config, a)) {
		a->lost = false;
		log_warn("%s: attached again, XDP %s", a->name,
			 attachment_mode(a));
		return;
	}
	iface_forget(f, a->ifindex);
}

/* Polls one that existed last time. */
static void poll_one(struct ifaces *f, struct attachment *a)
{
	const struct device *device = devices_find(&f->devices, a->ifindex);

	if (!device && is_gone(a->ifindex))
		return gone(f, a);
	if (!device)
		return;
	poll_name(a, device->name);
	if (!iface_owns(f, a))
		return;
	poll_trouble(f, a);
	if (!a->in_trouble)
		poll_kernel(f, a, device);
	if (attachment_protects(a))
		iface_write(f, a);
	share(f, a);
}

void ifaces_poll(struct ifaces *f)
{
	bool fresh = !devices_read(&f->devices), came = false;
	size_t i;

	for (i = f->n; i--;) {
		struct attachment *a = &f->list[i];

		if (a->leaves_ns && clock_ns() >= a->leaves_ns) {
			iface_drop(f, a);
			continue;
		}
		if (a->ifindex && fresh)
			poll_one(f, a);
		if (!a->ifindex && fresh && !f->ending && back(f, a))
			came = true;
	}
	if (came)
		f->deps.came(f->deps.data);
}
