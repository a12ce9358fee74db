/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ethtool.h"

static int ask(const char *iface, void *command)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;
	struct ifreq ifr = {};

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", iface);
	ifr.ifr_data = command;
	if (ioctl(fd, SIOCETHTOOL, &ifr))
		err = -errno;
	close(fd);
	return err;
}

const char *ethtool_driver(const char *iface, char *buf, size_t size)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };

	if (ask(iface, &info))
		snprintf(buf, size, "unknown");
	else
		snprintf(buf, size, "%.*s", (int)sizeof(info.driver),
			 info.driver);
	return buf;
}

static unsigned int n_features(const char *iface)
{
	struct ethtool_sset_info *info =
		calloc(1, sizeof(*info) + sizeof(info->data[0]));
	unsigned int n = 0;

	if (!info)
		return 0;
	info->cmd = ETHTOOL_GSSET_INFO;
	info->sset_mask = 1ULL << ETH_SS_FEATURES;
	if (!ask(iface, info) && info->sset_mask)
		n = info->data[0];
	free(info);
	return n;
}

/* The feature's number, or -1. */
static int find_feature(const char *iface, const char *feature, unsigned int n)
{
	struct ethtool_gstrings *names =
		calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	int found = -1;
	unsigned int i;

	if (!names)
		return -1;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = n;
	if (!ask(iface, names))
		for (i = 0; i < n && found < 0; i++)
			if (!strncmp((char *)names->data + i * ETH_GSTRING_LEN,
				     feature, ETH_GSTRING_LEN))
				found = (int)i;
	free(names);
	return found;
}

bool ethtool_feature(const char *iface, const char *feature)
{
	unsigned int n = n_features(iface), blocks = (n + 31) / 32;
	int i = n ? find_feature(iface, feature, n) : -1;
	struct ethtool_gfeatures *f;
	bool on = false;

	if (i < 0)
		return false;
	f = calloc(1, sizeof(*f) + blocks * sizeof(f->features[0]));
	if (!f)
		return false;
	f->cmd = ETHTOOL_GFEATURES;
	f->size = blocks;
	if (!ask(iface, f))
		on = f->features[i / 32].active >> i % 32 & 1;
	free(f);
	return on;
}

int ethtool_channels(const char *iface, unsigned int *ret_used,
		     unsigned int *ret_max)
{
	struct ethtool_channels ch = { .cmd = ETHTOOL_GCHANNELS };
	int err = ask(iface, &ch);

	if (err)
		return err;
	*ret_used = ch.rx_count + ch.combined_count;
	*ret_max = ch.max_combined ? ch.max_combined : ch.max_rx;
	return 0;
}
