/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a listening socket on the daemon's event loop. A
 * connection that cannot be accepted for lack of descriptors or memory stays in
 * the backlog, and the socket stays readable; so the acceptor pauses for a
 * moment instead of retrying at once, for as long as the shortage lasts.
 */
#ifndef ACCEPTOR_H
#define ACCEPTOR_H

#include <stdint.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

enum { ACCEPTOR_PAUSE_MS = 100 };

struct acceptor {
	int fd; /* the caller's */
	sd_event_source *io, *timer;
};

/*
 * Calls @handler whenever a connection is pending on @fd; @priority is that of
 * sd_event_source_set_priority(3). Returns 0 or -errno; call acceptor_stop() in
 * either case.
 */
int acceptor_start(struct acceptor *a, sd_event *loop, int fd, int64_t priority,
		   sd_event_io_handler_t handler, void *data);
void acceptor_stop(struct acceptor *a);

/*
 * accept4(2), close-on-exec and non-blocking; *@from may be NULL. Returns the
 * caller's descriptor or -errno, after which @handler returns.
 */
int acceptor_accept(struct acceptor *a, struct sockaddr_storage *from,
		    socklen_t *ret_len);

#endif
