/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the interfaces of the configuration: attached at start,
 * followed while the daemon runs, detached at the end.
 *
 * The kernel knows an interface by its index, the configuration by its name.
 * One that is attached is followed by index, whatever it is called now: an
 * answer needs its MAC and MTU of now. One whose index is gone (a driver was
 * loaded again, a tunnel or a container began anew) is missing: the daemon
 * goes on without, and attaches to what next bears the configured name. Both
 * are asked with each tick, which takes two system calls an interface; link
 * events would tell the same earlier, and can be lost.
 *
 * One that a reload removes answers no SYN from then on (its MTU in the map is
 * 0) and is detached when cookies in flight have come back, as in daemon_end().
 *
 * What stands in the way of protection (see device.h) and comes up later makes
 * everything pass: the entry goes from the map until it is over.
 *
 * Renamed, and configured by its new name: two entries share one attachment
 * until the old name's goes.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "daemon.h"
#include "log.h"
#include "pins.h"

enum { RETRY_FIRST_MS = 1000, RETRY_LAST_MS = 60000 };

static struct attachment *by_name(struct daemon *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->n_ifaces; i++)
		if (!strcmp(d->ifaces[i].wanted, name))
			return &d->ifaces[i];
	return NULL;
}

static struct attachment *by_index(struct daemon *d, int ifindex,
				   const struct attachment *but)
{
	size_t i;

	for (i = 0; i < d->n_ifaces; i++)
		if (&d->ifaces[i] != but && d->ifaces[i].ifindex == ifindex)
			return &d->ifaces[i];
	return NULL;
}

/* So that the slot is another's to use. */
static void forget_iface(const struct daemon *d, __u32 ifindex)
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
	return by_index(d, ifindex, NULL) ||
	       by_index(d, devices_bond(&d->devices, ifindex), NULL);
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

/* Writes what answers must know of an interface: MAC and MTU as they are now. */
static int write_iface(struct daemon *d, const struct attachment *a)
{
	struct iface iface;
	int err;
	size_t i;

	err = netconf_iface(a->name, a->ifindex, &iface);
	if (err)
		return err;
	devices_mac(&d->devices, a->ifindex, iface.mac);
	if (a->leaves_ns)
		iface.mtu = 0;
	err = write_entry(d, &iface);
	for (i = 0; i < d->devices.n && !err; i++) {
		iface.ifindex = d->devices.all[i].ifindex;
		if (devices_bond(&d->devices, iface.ifindex) == a->ifindex)
			err = write_entry(d, &iface);
	}
	return err;
}

/* Attaches to the interface that bears the configured name now. */
static int put_on(struct daemon *d, const struct config *c,
		  struct attachment *a)
{
	struct attachment got = *a;
	struct device_trouble t;
	int err = 0;

	got.ifindex = (int)if_nametoindex(a->wanted);
	if (!if_indextoname(got.ifindex, got.name)) /* it may be an alias */
		snprintf(got.name, sizeof(got.name), "%s", a->wanted);
	devices_read(&d->devices);
	if (!devices_works(&d->devices, got.ifindex, &t)) {
		log_err("%s: cannot protect it: %s: %s", a->wanted, t.what,
			t.mend);
		return -EOPNOTSUPP;
	}
	got.in_trouble = false;
	/* first, so that a program finds it from its first packet on */
	if (got.ifindex)
		err = write_iface(d, &got);
	if (err)
		log_err("%s: cannot protect it: %s", a->wanted, strerror(-err));
	else
		err = attach(&d->loader, c, got.name, &got);
	if (err) {
		if (got.ifindex)
			forget_iface(d, got.ifindex);
		return err;
	}
	*a = got;
	log_info("%s: XDP %s (%s)", a->name, a->native ? "native" : "skb",
		 a->why);
	return 0;
}

/* Lets go of it, unless another entry has the same. */
static void take_off(struct daemon *d, struct attachment *a)
{
	if (!a->ifindex || by_index(d, a->ifindex, a))
		return;
	detach(&d->loader, a);
	forget_iface(d, a->ifindex);
}

static void drop(struct daemon *d, struct attachment *a)
{
	struct attachment *end = d->ifaces + d->n_ifaces;

	take_off(d, a);
	log_info("%s: detached", a->name);
	memmove(a, a + 1, (size_t)(end - (a + 1)) * sizeof(*a));
	d->n_ifaces--;
}

/* ---- while the daemon runs ---- */

static void lose(struct daemon *d, struct attachment *a)
{
	log_warn("%s: the interface is gone: protected again when it is back",
		 a->name);
	take_off(d, a); /* pins, of links to nowhere */
	a->ifindex = 0;
	a->retry_ns = a->retry_ms = 0;
	snprintf(a->name, sizeof(a->name), "%s", a->wanted);
	snprintf(a->why, sizeof(a->why),
		 "the interface is gone; protected again when it is back");
}

/* Returns whether it is there again, and attached. */
static bool regain(struct daemon *d, struct attachment *a)
{
	unsigned int index = if_nametoindex(a->wanted);
	int err;

	if (!index || now_ns() < a->retry_ns)
		return false;
	err = put_on(d, &d->config, a);
	if (!err)
		return true;
	a->retry_ms = a->retry_ms ? a->retry_ms * 2 : RETRY_FIRST_MS;
	if (a->retry_ms > RETRY_LAST_MS)
		a->retry_ms = RETRY_LAST_MS;
	a->retry_ns = now_ns() + a->retry_ms * 1000000ULL;
	snprintf(a->why, sizeof(a->why),
		 "the interface is back, but: %s: the log says more",
		 strerror(-err));
	return false;
}

static void follow_name(struct attachment *a, const char *name)
{
	if (!strcmp(a->name, name))
		return;
	log_info("%s: is called %s now, and stays protected", a->name, name);
	snprintf(a->name, sizeof(a->name), "%s", name);
}

/* Something is in the way now that was not at the start, or is no more. */
static void follow_trouble(struct daemon *d, struct attachment *a)
{
	struct device_trouble t;
	bool works = devices_works(&d->devices, a->ifindex, &t);

	if (works && a->in_trouble) {
		log_info("%s: protected again", a->name);
		snprintf(a->why, sizeof(a->why), "%s", a->well);
	} else if (!works && !a->in_trouble) {
		log_err("%s: everything passes from now on: %s: %s", a->name,
			t.what, t.mend);
		snprintf(a->well, sizeof(a->well), "%s", a->why);
		snprintf(a->why, sizeof(a->why), "everything passes: %s: %s",
			 t.what, t.mend);
		forget_iface(d, a->ifindex);
	}
	a->in_trouble = !works;
}

void ifaces_follow(struct daemon *d)
{
	char name[IF_NAMESIZE];
	bool came = false;
	size_t i;

	devices_read(&d->devices);
	for (i = d->n_ifaces; i--;) {
		struct attachment *a = &d->ifaces[i];

		if (a->leaves_ns && now_ns() >= a->leaves_ns) {
			drop(d, a);
			continue;
		}
		if (a->ifindex && if_indextoname(a->ifindex, name))
			follow_name(a, name);
		else if (a->ifindex)
			lose(d, a);
		if (a->ifindex)
			follow_trouble(d, a);
		if (a->ifindex && !a->in_trouble)
			write_iface(d, a);
		else if (!a->ifindex && !d->ending && regain(d, a))
			came = true;
	}
	if (came)
		census_now(d,
			   false); /* who came in there before is not known */
}

int ifaces_add(struct daemon *d, const struct config *c, const char *name)
{
	struct attachment *a = by_name(d, name), *same;
	int index = (int)if_nametoindex(name), err;

	if (a) { /* it was about to leave */
		a->leaves_ns = 0;
		return a->ifindex ? write_iface(d, a) : 0;
	}
	if (d->n_ifaces == sizeof(d->ifaces) / sizeof(d->ifaces[0]))
		return -E2BIG;
	a = &d->ifaces[d->n_ifaces];
	*a = (struct attachment){};
	same = index ? by_index(d, index, NULL) : NULL;
	if (same)
		*a = *same;
	a->leaves_ns = 0;
	snprintf(a->wanted, sizeof(a->wanted), "%s", name);
	err = same ? 0 : put_on(d, c, a);
	if (err)
		return err;
	d->n_ifaces++;
	if (same && same->leaves_ns)
		drop(d, same);
	return 0;
}

void ifaces_remove(struct daemon *d, const char *name)
{
	struct attachment *a = by_name(d, name);

	if (a)
		drop(d, a);
}

bool ifaces_retire(struct daemon *d, const char *name)
{
	struct attachment *a = by_name(d, name);

	if (!a)
		return false;
	if (!a->ifindex || by_index(d, a->ifindex, a)) {
		drop(d, a);
		return false;
	}
	a->leaves_ns = now_ns() + PINS_DRAIN_MS * 1000000ULL;
	snprintf(a->why, sizeof(a->why),
		 "removed: cookies in flight are honoured");
	write_iface(d, a);
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
		if (found || !d->ifaces[i].found)
			detach(&d->loader, &d->ifaces[i]);
}

void ifaces_detach_retired(struct daemon *d)
{
	size_t i;

	for (i = d->n_ifaces; i--;)
		if (d->ifaces[i].leaves_ns)
			drop(d, &d->ifaces[i]);
}
