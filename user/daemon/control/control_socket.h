/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the control socket in the file system, and who is
 * allowed: root, the daemon's own user, and members of the socket's group,
 * primary or supplementary.
 */
#ifndef CONTROL_SOCKET_H
#define CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

struct control_peer {
	uid_t uid;
	bool allowed;
	bool privileged; /* root or the daemon's user */
};

/*
 * Listens at @path, mode 0660, owned by @group (NULL: the daemon's own); a
 * stale socket is replaced. Returns a non-blocking descriptor; -EADDRINUSE:
 * another daemon answers there; -EEXIST: @path is something else; -ESRCH: no
 * such group; or another -errno.
 */
int control_socket_open(const char *path, const char *group, int backlog);

/* Identifies the peer; an unidentified one is not allowed. */
struct control_peer control_socket_peer(const char *path, int fd);

#endif
