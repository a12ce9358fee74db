/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: gives a string to config_load() as a file.
 */
#ifndef LOADCONFIG_H
#define LOADCONFIG_H

#include <unistd.h>

#include "config/config.h"

/* Loads @len bytes; @err has lost the name of the file. */
static inline int load(struct config *c, const char *text, size_t len,
		       char *err)
{
	char path[] = "/tmp/synkeeper-config-XXXXXX", full[CONFIG_ERR_MAX];
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	*full = '\0';
	ret = config_load(c, path, full);
	unlink(path);
	if (ret && strncmp(full, path, strlen(path)) != 0)
		fail_msg("error does not begin with the file: %s", full);
	strcpy(err, ret ? full + strlen(path) : "");
	return ret;
}

#endif
