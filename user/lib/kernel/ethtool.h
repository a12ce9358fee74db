/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: asks drivers, through the ethtool ioctl. Features are
 * looked up by name, as `ethtool -k` does: their numbers differ between
 * kernels.
 */
#ifndef ETHTOOL_H
#define ETHTOOL_H

#include <stdbool.h>
#include <stddef.h>

/* The driver's name, or "unknown", in @buf, which is returned. */
const char *ethtool_driver(const char *iface, char *buf, size_t size);
/* Is a feature on, by the name that `ethtool -k` prints? */
bool ethtool_feature(const char *iface, const char *feature);
/* RX queues in use, and the maximum. 0 or -errno. */
int ethtool_channels(const char *iface, unsigned int *ret_used,
		     unsigned int *ret_max);

#endif
