/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the interfaces of the configuration: attached at start,
 * followed while the daemon runs, detached at the end.
 *
 * The kernel knows an interface by its index, the configuration by its name.
 * One that is attached is followed by index, whatever it is called now: an
 * answer needs its MAC and MTU of now. One whose index is gone (a driver was
 * loaded again, a tunnel or a container began anew), or that was not there at
 * the start, is missing: the daemon goes on without, and attaches to what next
 * bears the configured name.
 *
 * What becomes of it while the daemon runs is in ifaces_follow.c.
 *
 * One that a reload removes answers no SYN from then on (its MTU in the map is
 * 0) and is detached when cookies in flight have come back, as in daemon_end().
 *
 * Renamed, and configured by its new name: two entries share one attachment
 * until the old name's goes.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/clock.h"
#include "daemon.h"
#include "ifaces.h"
#include "log.h"
#include "kernel/pins.h"

static struct attachment *by_name(struct daemon *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->n_ifaces; i++)
		if (!strcmp(d->ifaces[i].wanted, name))
			return &d->ifaces[i];
	return NULL;
}

struct attachment *iface_by_index(struct daemon *d, int ifindex,
				  const struct attachment *but)
{
	size_t i;

	for (i = 0; i < d->n_ifaces; i++)
		if (&d->ifaces[i] != but && d->ifaces[i].ifindex == ifindex)
			return &d->ifaces[i];
	return NULL;
}

/* So that the slot is another's to use. */
void iface_forget(const struct daemon *d, __u32 ifindex)
{
	int fd = loader_map_fd(&d->loader, MAP_IFACES);
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

/* Is an entry of the map needed: for an interface, or a port of a bond? */
static bool is_needed(struct daemon *d, int ifindex)
{
	return iface_by_index(d, ifindex, NULL) ||
	       iface_by_index(d, devices_bond(&d->devices, ifindex), NULL);
}

static int write_entry(struct daemon *d, const struct iface *iface)
{
	int fd = loader_map_fd(&d->loader, MAP_IFACES);
	struct iface there;
	__u32 i, slot;

	for (i = 0; i < IFACE_TRIES; i++) {
		slot = (iface->ifindex + i) % IFACES_MAX;
		if (bpf_map_lookup_elem(fd, &slot, &there))
			return -errno;
		if (there.ifindex && there.ifindex != iface->ifindex &&
		    is_needed(d, (int)there.ifindex))
			continue;
		return bpf_map_update_elem(fd, &slot, iface, BPF_ANY) ? -errno
								      : 0;
	}
	return -ENOSPC;
}

/*
 * Writes what answers must know of an interface: MAC and MTU as they are now. Of
 * one that is not known any more, the entry stays.
 */
int iface_write(struct daemon *d, const struct attachment *a)
{
	const struct device *device = devices_find(&d->devices, a->ifindex);
	struct iface iface = { .ifindex = a->ifindex };
	int err;
	size_t i;

	if (!device)
		return -ENODEV;
	iface.mtu = a->leaves_ns	   ? 0
		    : device->mtu > 0xffff ? 0xffff
					   : device->mtu;
	devices_mac(&d->devices, a->ifindex, iface.mac);
	err = write_entry(d, &iface);
	for (i = 0; i < d->devices.n && !err; i++) {
		iface.ifindex = d->devices.all[i].ifindex;
		if (devices_bond(&d->devices, iface.ifindex) == a->ifindex)
			err = write_entry(d, &iface);
	}
	return err;
}

/* The number of what is called @name; 0, and errno: ENODEV if there is none. */
int iface_index_of(const struct daemon *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->devices.n; i++)
		if (!strcmp(d->devices.all[i].name, name))
			return d->devices.all[i].ifindex;
	return (int)if_nametoindex(name); /* it may be an alias */
}

/*
 * Attaches to the interface that bears the configured name now. -ENODEV: there
 * is none; all else that fails is logged.
 */
int iface_put_on(struct daemon *d, const struct config *c, struct attachment *a)
{
	struct attachment got = *a;
	const struct device *device;
	struct device_trouble t;
	int err = devices_read(&d->devices);

	got.ifindex = iface_index_of(d, a->wanted);
	if (!got.ifindex && errno == ENODEV)
		return -ENODEV;
	if (!got.ifindex)
		err = -errno;
	device = devices_find(&d->devices, got.ifindex);
	if (!err && !device)
		return -ENODEV;
	if (!err && !devices_works(&d->devices, got.ifindex, &t)) {
		log_err("%s: cannot protect it: %s: %s", a->wanted, t.what,
			t.mend);
		return -EOPNOTSUPP;
	}
	got.in_trouble = got.lost = false;
	/* first, so that a program finds it from its first packet on */
	if (!err) {
		snprintf(got.name, sizeof(got.name), "%s", device->name);
		err = iface_write(d, &got);
	}
	if (err)
		log_err("%s: cannot protect it: %s", a->wanted, strerror(-err));
	else
		err = attach(&d->loader, c, &got);
	if (err) {
		if (got.ifindex)
			iface_forget(d, got.ifindex);
		return err;
	}
	*a = got;
	log_info("%s: XDP %s (%s)", a->name, a->native ? "native" : "skb",
		 a->why);
	return 0;
}

/* Of two entries with the same attachment, the first looks after it. */
bool iface_owns(struct daemon *d, const struct attachment *a)
{
	return iface_by_index(d, a->ifindex, NULL) == a;
}

/* Lets go of it, unless another entry has the same. */
void iface_take_off(struct daemon *d, struct attachment *a)
{
	if (!a->ifindex || iface_by_index(d, a->ifindex, a))
		return;
	detach(&d->loader, a);
	iface_forget(d, a->ifindex);
}

void iface_drop(struct daemon *d, struct attachment *a)
{
	struct attachment *end = d->ifaces + d->n_ifaces;

	iface_take_off(d, a);
	log_info("%s: detached", a->name);
	memmove(a, a + 1, (size_t)(end - (a + 1)) * sizeof(*a));
	d->n_ifaces--;
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

bool ifaces_protect(const struct daemon *d)
{
	size_t i;

	for (i = 0; i < d->n_ifaces; i++)
		if (!attachment_protects(&d->ifaces[i]))
			return false;
	return true;
}

int ifaces_add(struct daemon *d, const struct config *c, const char *name)
{
	struct attachment *a = by_name(d, name), *same;
	int index, err;

	if (a) { /* it was about to leave */
		a->leaves_ns = 0;
		return attachment_protects(a) ? iface_write(d, a) : 0;
	}
	if (d->n_ifaces == sizeof(d->ifaces) / sizeof(d->ifaces[0]))
		return -E2BIG;
	a = &d->ifaces[d->n_ifaces];
	index = iface_index_of(d, name);
	same = index ? iface_by_index(d, index, NULL) : NULL;
	attachment_init(a, name);
	if (same) {
		*a = *same;
		snprintf(a->wanted, sizeof(a->wanted), "%s", name);
		a->leaves_ns = 0;
	}
	err = same ? 0 : iface_put_on(d, c, a);
	if (err == -ENODEV) {
		log_warn("%s: missing: waited for, and protected when it comes",
			 name);
		iface_wait_for(a, "missing: waited for");
		err = 0;
	}
	if (err)
		return err;
	d->n_ifaces++;
	if (same && same->leaves_ns)
		iface_drop(d, same);
	return 0;
}

void ifaces_remove(struct daemon *d, const char *name)
{
	struct attachment *a = by_name(d, name);

	if (a)
		iface_drop(d, a);
}

bool ifaces_retire(struct daemon *d, const char *name)
{
	struct attachment *a = by_name(d, name);

	if (!a)
		return false;
	if (!a->ifindex || iface_by_index(d, a->ifindex, a)) {
		iface_drop(d, a);
		return false;
	}
	a->leaves_ns = now_ns() + PINS_DRAIN_MS * 1000000ULL;
	if (attachment_protects(a))
		iface_write(d, a);
	return true;
}

/* ---- start and end ---- */

int ifaces_attach(struct daemon *d)
{
	size_t i;
	int err;

	for (i = 0; i < d->config.n_ifaces; i++) {
		err = ifaces_add(d, &d->config, d->config.ifaces[i]);
		if (err)
			return err;
	}
	attach_prune(&d->loader, d->ifaces, d->n_ifaces);
	return 0;
}

void ifaces_detach(struct daemon *d, bool found)
{
	size_t i;

	for (i = 0; i < d->n_ifaces; i++)
		if (iface_owns(d, &d->ifaces[i]) &&
		    (found || !d->ifaces[i].found))
			detach(&d->loader, &d->ifaces[i]);
}

void ifaces_detach_retired(struct daemon *d)
{
	size_t i;

	for (i = d->n_ifaces; i--;)
		if (d->ifaces[i].leaves_ns)
			iface_drop(d, &d->ifaces[i]);
}

void ifaces_close(struct daemon *d)
{
	size_t i;

	for (i = 0; i < d->n_ifaces; i++)
		if (iface_owns(d, &d->ifaces[i]))
			attach_close(&d->ifaces[i]);
}
