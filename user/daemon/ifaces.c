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

/* Writes what answers on @a must know of it: MAC and MTU as they are now. */
static int write_iface(const struct daemon *d, const struct attachment *a)
{
	int fd = loader_map_fd(&d->loader, MAP_IFACES), err;
	struct iface iface, there;
	__u32 i, slot;

	err = netconf_iface(a->name, a->ifindex, &iface);
	if (err)
		return err;
	for (i = 0; i < IFACE_TRIES; i++) {
		slot = (a->ifindex + i) % IFACES_MAX;
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
		write_iface(d, &d->ifaces[i]); /* gone: nothing to answer */
}

int ifaces_attach(struct daemon *d)
{
	size_t i;
	int err;

	for (i = 0; i < d->config.n_ifaces; i++) {
		struct attachment *a = &d->ifaces[i];

		err = attach(&d->loader, &d->config, d->config.ifaces[i], a);
		if (err)
			return err;
		d->n_ifaces++;
		err = write_iface(d, a);
		if (err) {
			log_err("%s: cannot protect it: %s%s", a->name,
				strerror(-err),
				err == -EOPNOTSUPP ? ": it is no Ethernet"
						   : "");
			return err;
		}
		log_info("%s: XDP %s (%s)", a->name,
			 a->native ? "native" : "skb", a->why);
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
