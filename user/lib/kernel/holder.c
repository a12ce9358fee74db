/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: finds who holds a program, for messages: a process with
 * an open descriptor of it or of its link (/proc), else a pinned link in the
 * usual places.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "links.h"

static bool shows_program(int pid, const char *fd, __u32 id)
{
	char path[PATH_MAX], to[32] = "", line[128];
	unsigned int shown;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, fd);
	if (readlink(path, to, sizeof(to) - 1) < 0 ||
	    strncmp(to, "anon_inode:bpf", strlen("anon_inode:bpf")) != 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", pid, fd);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "prog_id: %u", &shown) == 1 && shown == id;
	if (f)
		fclose(f);
	return found;
}

static bool process_holds(int pid, __u32 id)
{
	char path[64];
	bool found = false;
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && !found && (e = readdir(dir)))
		found = shows_program(pid, e->d_name, id);
	if (dir)
		closedir(dir);
	return found;
}

static int find_process(__u32 id)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	int found = 0;

	while (dir && !found && (e = readdir(dir))) {
		int pid = (int)strtol(e->d_name, NULL, 10);

		if (pid > 0 && pid != getpid() && process_holds(pid, id))
			found = pid;
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool is_link_of(const char *path, __u32 id)
{
	int fd = bpf_obj_get(path);
	__u32 prog = 0;
	bool is;

	if (fd < 0)
		return false;
	is = link_ifindex(fd, &prog) >= 0 && prog == id;
	close(fd);
	return is;
}

/* In another synkeeperd's pin directory; attach.h has the names. */
static bool find_pin(__u32 id, int ifindex, char *ret, size_t size)
{
	static const char place[] = "/sys/fs/bpf";
	static const char *const kinds[] = { "xdp", "tc", "egress" };
	DIR *dir = opendir(place);
	bool found = false;
	struct dirent *e;
	size_t i;

	while (dir && !found && (e = readdir(dir))) {
		for (i = 0; i < 3 && !found; i++) {
			snprintf(ret, size, "%s/%s/links/%s_%d", place,
				 e->d_name, kinds[i], ifindex);
			found = is_link_of(ret, id);
		}
	}
	if (dir)
		closedir(dir);
	return found;
}

const char *program_holder(__u32 id, int ifindex, char buf[LINKS_HOLDER_LEN])
{
	char path[64], name[32] = "?";
	int pid = find_process(id);
	FILE *f;

	if (pid) {
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		f = fopen(path, "re");
		if (f && fgets(name, sizeof(name), f))
			name[strcspn(name, "\n")] = '\0';
		if (f)
			fclose(f);
		snprintf(buf, LINKS_HOLDER_LEN, "pid %d (%s)", pid, name);
	} else if (!find_pin(id, ifindex, buf, LINKS_HOLDER_LEN)) {
		snprintf(buf, LINKS_HOLDER_LEN, "holder not found");
	}
	return buf;
}
