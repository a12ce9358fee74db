/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control_socket.h"

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static bool somebody_answers(const struct sockaddr_un *at)
{
	int fd = new_socket();
	bool answers;

	if (fd < 0)
		return false;
	answers = !connect(fd, (const struct sockaddr *)at, sizeof(*at)) ||
		  errno == EAGAIN; /* its backlog is full */
	close(fd);
	return answers;
}

/* Called before listen(): nobody can connect until the group is right. */
static int give_to(const char *path, const char *group)
{
	const struct group *g;

	if (!group)
		return 0;
	errno = 0;
	g = getgrnam(group);
	if (!g)
		return errno ? -errno : -ESRCH;
	return chown(path, (uid_t)-1, g->gr_gid) ? -errno : 0;
}

int control_socket_open(const char *path, const char *group, int backlog)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char copy[PATH_MAX];
	struct stat st;
	mode_t old;
	int fd, err;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (somebody_answers(&at))
		return -EADDRINUSE;
	if (!lstat(path, &st) && !S_ISSOCK(st.st_mode))
		return -EEXIST;
	unlink(path);
	snprintf(copy, sizeof(copy), "%s", path);
	mkdir(dirname(copy), 0755);
	fd = new_socket();
	if (fd < 0)
		return fd;
	old = umask(0117);
	err = bind(fd, (struct sockaddr *)&at, sizeof(at)) ? -errno : 0;
	umask(old);
	if (!err)
		err = give_to(path, group);
	if (!err && listen(fd, backlog))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* Is @group a supplementary group of the peer? */
static bool peer_has_group(int fd, gid_t group)
{
	socklen_t len = 0;
	bool found = false;
	gid_t *groups;
	size_t i;

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) ||
	    errno != ERANGE)
		return false; /* none, or unknown */
	groups = malloc(len);
	if (groups && !getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		for (i = 0; i < len / sizeof(*groups) && !found; i++)
			found = groups[i] == group;
	free(groups);
	return found;
}

struct control_peer control_socket_peer(const char *path, int fd)
{
	struct control_peer peer = { .uid = (uid_t)-1 };
	struct ucred who;
	socklen_t len = sizeof(who);
	struct stat st;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len))
		return peer;
	peer.uid = who.uid;
	peer.privileged = who.uid == 0 || who.uid == geteuid();
	peer.allowed = peer.privileged ||
		       (!stat(path, &st) && (who.gid == st.st_gid ||
					     peer_has_group(fd, st.st_gid)));
	return peer;
}
