/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: questions to a driver through the ethtool ioctl.
 * Features are asked for by name, as `ethtool -k` does: their numbers are the
 * kernel's own.
 */
#ifndef ETHTOOL_H
#define ETHTOOL_H

#include <stdbool.h>
#include <stddef.h>

/* Returns @buf of @size bytes, "unknown" if it is. */
const char *ethtool_driver(const char *iface, char *buf, size_t size);
/* Is a feature on, by the name that `ethtool -k` prints? */
bool ethtool_feature(const char *iface, const char *feature);
/* RX queues in use and how many there could be. 0 or -errno. */
int ethtool_channels(const char *iface, unsigned int *ret_used,
		     unsigned int *ret_max);

#endif
