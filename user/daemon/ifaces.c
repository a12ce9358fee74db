/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the interfaces of the configuration: attached at start,
 * followed while the daemon runs (an answer needs the MAC and MTU of now),
 * detached at the end.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "daemon.h"
#include "log.h"

static bool is_protected(const struct daemon *d, __u32 ifindex)
{
	size_t i;

	for (i = 0; i < d->n_ifaces; i++)
		if ((__u32)d->ifaces[i].ifindex == ifindex)
			return true;
	return false;
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

/* Writes what answers must know of an interface: MAC and MTU as they are now. */
static int write_iface(const struct daemon *d, const char *name, int ifindex)
{
	int fd = loader_map_fd(&d->loader, MAP_IFACES), err;
	struct iface iface, there;
	__u32 i, slot;

	err = netconf_iface(name, ifindex, &iface);
	if (err)
		return err;
	for (i = 0; i < IFACE_TRIES; i++) {
		slot = ((__u32)ifindex + i) % IFACES_MAX;
		if (bpf_map_lookup_elem(fd, &slot, &there))
			return -errno;
		if (there.ifindex && there.ifindex != iface.ifindex &&
		    is_protected(d, there.ifindex))
			continue;
		return bpf_map_update_elem(fd, &slot, &iface, BPF_ANY) ? -errno
								       : 0;
	}
	return -ENOSPC;
}

void ifaces_follow(const struct daemon *d)
{
	size_t i;

	for (i = 0; i < d->n_ifaces; i++)
		write_iface(d, d->ifaces[i].name, d->ifaces[i].ifindex);
	/* gone: nothing to answer */
}

int ifaces_add(struct daemon *d, const struct config *c, const char *name)
{
	struct attachment *a = &d->ifaces[d->n_ifaces];
	int ifindex = (int)if_nametoindex(name), err;

	/* first, so that a program finds it from its first packet on */
	err = ifindex ? write_iface(d, name, ifindex) : 0;
	if (err) {
		log_err("%s: cannot protect it: %s%s", name, strerror(-err),
			err == -EOPNOTSUPP ? ": it is no Ethernet" : "");
		return err;
	}
	err = attach(&d->loader, c, name, a);
	if (err)
		return err;
	d->n_ifaces++;
	log_info("%s: XDP %s (%s)", name, a->native ? "native" : "skb", a->why);
	return 0;
}

void ifaces_remove(struct daemon *d, const char *name)
{
	struct attachment *a = d->ifaces, *end = a + d->n_ifaces;

	while (a < end && strcmp(a->name, name) != 0)
		a++;
	if (a == end)
		return;
	detach(&d->loader, a);
	forget_iface(d, (__u32)a->ifindex);
	memmove(a, a + 1, (size_t)(end - (a + 1)) * sizeof(*a));
	d->n_ifaces--;
	log_info("%s: detached", name);
}

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
