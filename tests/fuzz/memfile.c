// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memfile.h"

void memfile(unsigned int n, const uint8_t *data, size_t size,
	     char ret[MEMFILE_PATH])
{
	static int fds[2];

	if (!fds[n])
		fds[n] = memfd_create("input", MFD_CLOEXEC);
	/* made with mode 0777, which is refused */
	if (fds[n] < 0 || fchmod(fds[n], 0600) || ftruncate(fds[n], 0) ||
	    pwrite(fds[n], data, size, 0) != (ssize_t)size) {
		perror("memfd");
		exit(1);
	}
	snprintf(ret, MEMFILE_PATH, "/proc/self/fd/%d", fds[n]);
}

void check_error(const char *err, size_t max, const char *path)
{
	size_t len = strnlen(err, max), i;

	if (len == max)
		finding("the error has no end");
	if (!len)
		finding("refused without a word");
	if (strncmp(err, path, strlen(path)) != 0)
		finding("the error does not begin with the file: %s", err);
	for (i = 0; i < len; i++)
		if (iscntrl((unsigned char)err[i]) && err[i] != '\t')
			finding("byte 0x%02x in the error: %s", err[i], err);
}
