/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: start, change and end of attachments, see ifaces.h.
 * Events at runtime are handled in ifaces_poll.c.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/netconf.h"
#include "kernel/clock.h"
#include "iface.h"
#include "log.h"
#include "kernel/pins.h"

void ifaces_init(struct ifaces *f, const struct ifaces_deps *deps)
{
	*f = (struct ifaces){ .deps = *deps };
}

static struct attachment *by_name(struct ifaces *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (!strcmp(f->list[i].wanted, name))
			return &f->list[i];
	return NULL;
}

struct attachment *iface_by_index(struct ifaces *f, int ifindex,
				  const struct attachment *but)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (&f->list[i] != but && f->list[i].ifindex == ifindex)
			return &f->list[i];
	return NULL;
}

/* Frees the slot. */
void iface_forget(const struct ifaces *f, __u32 ifindex)
{
	int fd = loader_map_fd(f->deps.loader, MAP_IFACES);
	const struct iface none = {};
	struct iface there;
	__u32 i, slot;

	for (i = 0; i < IFACE_TRIES; i++) {
		slot = (ifindex + i) % IFACES_MAX;
		if (!bpf_map_lookup_elem(fd, &slot, &there) &&
		    there.ifindex == ifindex)
			bpf_map_update_elem(fd, &slot, &none, BPF_ANY);
	}
}

/* Does an interface, or a bond's port, still need the map entry? */
static bool is_needed(struct ifaces *f, int ifindex)
{
	return iface_by_index(f, ifindex, NULL) ||
	       iface_by_index(f, devices_bond(&f->devices, ifindex), NULL);
}

static int write_entry(struct ifaces *f, const struct iface *iface)
{
	int fd = loader_map_fd(f->deps.loader, MAP_IFACES);
	struct iface there;
	__u32 i, slot;

	for (i = 0; i < IFACE_TRIES; i++) {
		slot = (iface->ifindex + i) % IFACES_MAX;
		if (bpf_map_lookup_elem(fd, &slot, &there))
			return -errno;
		if (there.ifindex && there.ifindex != iface->ifindex &&
		    is_needed(f, (int)there.ifindex))
			continue;
		return bpf_map_update_elem(fd, &slot, iface, BPF_ANY) ? -errno
								      : 0;
	}
	return -ENOSPC;
}

static void read_hops(const struct ifaces *f, const struct device *device,
		      struct iface *iface)
{
	iface->device = devices_routed(&f->devices, device->ifindex);
	if (iface->device)
		next_hops_of(f->deps.hops, &f->devices, (int)iface->device,
			     device->name, &iface->hop4, &iface->hop6);
	if (device->vlan) {
		iface->lower = device->lower;
		iface->vlan = device->vlan;
	}
	device = devices_find(&f->devices, (int)iface->device);
	if (device)
		iface->hop_limit6 = netconf_hop_limit6(device->name);
}

/* Does it send through its lower device as that one does, or with a tag? */
static bool is_on_lower(const struct device *d)
{
	return d->vlan || !strcmp(d->kind, "macvlan") ||
	       !strcmp(d->kind, "ipvlan");
}

/*
 * What stands on @lower: routes name these devices. Those without room in the
 * map are not recognised.
 */
static void write_uppers(struct ifaces *f, __u32 lower)
{
	size_t i;

	for (i = 0; i < f->devices.n; i++) {
		const struct device *d = &f->devices.all[i];
		const struct iface upper = { .ifindex = d->ifindex,
					     .lower = lower,
					     .vlan = d->vlan };

		if (is_on_lower(d) && (__u32)d->lower == lower &&
		    !d->lower_elsewhere && !iface_by_index(f, d->ifindex, NULL))
			write_entry(f, &upper);
	}
}

/*
 * Writes what answers need: MAC, current MTU and next hops. The entry of an
 * interface that is no longer known stays.
 */
int iface_write(struct ifaces *f, const struct attachment *a)
{
	const struct device *device = devices_find(&f->devices, a->ifindex);
	struct iface iface = { .ifindex = a->ifindex };
	int err;
	size_t i;

	if (!device)
		return -ENODEV;
	iface.mtu = a->leaves_ns	   ? 0
		    : device->mtu > 0xffff ? 0xffff
					   : device->mtu;
	devices_mac(&f->devices, a->ifindex, iface.mac);
	read_hops(f, device, &iface);
	err = write_entry(f, &iface);
	write_uppers(f, iface.device);
	for (i = 0; i < f->devices.n && !err; i++) {
		iface.ifindex = f->devices.all[i].ifindex;
		if (devices_bond(&f->devices, iface.ifindex) == a->ifindex)
			err = write_entry(f, &iface);
	}
	return err;
}

/* The index of @name; or 0, and errno: ENODEV if there is none. */
int iface_index_of(const struct ifaces *f, const char *name)
{
	size_t i;

	for (i = 0; i < f->devices.n; i++)
		if (!strcmp(f->devices.all[i].name, name))
			return f->devices.all[i].ifindex;
	return (int)if_nametoindex(name); /* it may be an alias */
}

/*
 * Attaches to the interface with the configured name. -ENODEV: there is none;
 * any other failure is logged.
 */
int iface_attach(struct ifaces *f, const struct config *c, struct attachment *a)
{
	struct attachment got = *a;
	const struct device *device;
	struct device_trouble t;
	int err = devices_read(&f->devices);

	got.ifindex = iface_index_of(f, a->wanted);
	if (!got.ifindex && errno == ENODEV)
		return -ENODEV;
	if (!got.ifindex)
		err = -errno;
	device = devices_find(&f->devices, got.ifindex);
	if (!err && !device)
		return -ENODEV;
	if (!err && !devices_works(&f->devices, got.ifindex, &t)) {
		log_err("%s: cannot protect it: %s: %s", a->wanted, t.what,
			t.fix);
		return -EOPNOTSUPP;
	}
	got.in_trouble = got.lost = false;
	/* first, so that the program finds it with its first packet */
	if (!err) {
		snprintf(got.name, sizeof(got.name), "%s", device->name);
		err = iface_write(f, &got);
	}
	if (err)
		log_err("%s: cannot protect it: %s", a->wanted, strerror(-err));
	else
		err = attachment_on(f->deps.loader, c, &got);
	if (err) {
		if (got.ifindex)
			iface_forget(f, got.ifindex);
		return err;
	}
	*a = got;
	log_info("%s: XDP %s (%s)", a->name, a->native ? "native" : "skb",
		 a->why);
	return 0;
}

/* Of two entries with the same attachment, the first maintains it. */
bool iface_owns(struct ifaces *f, const struct attachment *a)
{
	return iface_by_index(f, a->ifindex, NULL) == a;
}

/* Detaches, unless another entry has the same attachment. */
void iface_detach(struct ifaces *f, struct attachment *a)
{
	if (!a->ifindex || iface_by_index(f, a->ifindex, a))
		return;
	attachment_off(f->deps.loader, a);
	iface_forget(f, a->ifindex);
}

void iface_drop(struct ifaces *f, struct attachment *a)
{
	struct attachment *end = f->list + f->n;

	iface_detach(f, a);
	log_info("%s: detached", a->name);
	memmove(a, a + 1, (size_t)(end - (a + 1)) * sizeof(*a));
	f->n--;
}

/* Nothing of it is attached any more. */
void iface_wait_for(struct attachment *a, const char *trouble)
{
	struct attachment fresh;

	attachment_init(&fresh, a->wanted);
	fresh.leaves_ns = a->leaves_ns;
	snprintf(fresh.trouble, sizeof(fresh.trouble), "%s", trouble);
	*a = fresh;
}

bool ifaces_protect(const struct ifaces *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (!attachment_protects(&f->list[i]))
			return false;
	return true;
}

int ifaces_add(struct ifaces *f, const struct config *c, const char *name)
{
	struct attachment *a = by_name(f, name), *same;
	int index, err;

	if (a) { /* it was draining */
		a->leaves_ns = 0;
		return attachment_protects(a) ? iface_write(f, a) : 0;
	}
	if (f->n == sizeof(f->list) / sizeof(f->list[0]))
		return -E2BIG;
	a = &f->list[f->n];
	index = iface_index_of(f, name);
	same = index ? iface_by_index(f, index, NULL) : NULL;
	attachment_init(a, name);
	if (same) {
		*a = *same;
		snprintf(a->wanted, sizeof(a->wanted), "%s", name);
		a->leaves_ns = 0;
	}
	err = same ? 0 : iface_attach(f, c, a);
	if (err == -ENODEV) {
		log_warn("%s: missing: waiting for it, protected once it "
			 "appears",
			 name);
		iface_wait_for(a, "missing: waiting for it");
		err = 0;
	}
	if (err)
		return err;
	f->n++;
	if (same && same->leaves_ns)
		iface_drop(f, same);
	return 0;
}

void ifaces_remove(struct ifaces *f, const char *name)
{
	struct attachment *a = by_name(f, name);

	if (a)
		iface_drop(f, a);
}

bool ifaces_retire(struct ifaces *f, const char *name)
{
	struct attachment *a = by_name(f, name);

	if (!a)
		return false;
	if (!a->ifindex || iface_by_index(f, a->ifindex, a)) {
		iface_drop(f, a);
		return false;
	}
	a->leaves_ns = clock_ns() + PINS_DRAIN_MS * 1000000ULL;
	if (attachment_protects(a))
		iface_write(f, a);
	return true;
}

/* ---- start and end ---- */

int ifaces_attach(struct ifaces *f)
{
	size_t i;
	int err;

	for (i = 0; i < f->deps.config->n_ifaces; i++) {
		err = ifaces_add(f, f->deps.config, f->deps.config->ifaces[i]);
		if (err)
			return err;
	}
	attachment_prune(f->deps.loader, f->list, f->n);
	return 0;
}

void ifaces_detach(struct ifaces *f, bool found)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (iface_owns(f, &f->list[i]) && (found || !f->list[i].found))
			attachment_off(f->deps.loader, &f->list[i]);
}

void ifaces_detach_retired(struct ifaces *f)
{
	size_t i;

	for (i = f->n; i--;)
		if (f->list[i].leaves_ns)
			iface_drop(f, &f->list[i]);
}

void ifaces_close(struct ifaces *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (iface_owns(f, &f->list[i]))
			attachment_close(&f->list[i]);
	devices_free(&f->devices);
}

void ifaces_end(struct ifaces *f)
{
	f->ending = true;
}

int ifaces_repin(const struct ifaces *f)
{
	int n = 0, more;
	size_t i;

	for (i = 0; n >= 0 && i < f->n; i++) {
		if (!f->list[i].on)
			continue;
		more = attachment_repin(f->deps.loader, &f->list[i]);
		n = more < 0 ? more : n + more;
	}
	return n;
}

int ifaces_only(const struct ifaces *f)
{
	int only = 0;
	size_t i;

	for (i = 0; i < f->n; i++) {
		int ifindex = f->list[i].ifindex;

		if (only && ifindex && ifindex != only)
			return 0;
		if (ifindex)
			only = ifindex;
	}
	for (i = 0; i < f->devices.n; i++) {
		const struct device *d = &f->devices.all[i];

		if (d->lower == only && !d->lower_elsewhere &&
		    strcmp(d->kind, "veth")) /* a peer does not stand on it */
			return 0;
	}
	return only;
}

const char *ifaces_name(const struct ifaces *f, int ifindex)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->list[i].ifindex == ifindex)
			return f->list[i].name;
	return "";
}
