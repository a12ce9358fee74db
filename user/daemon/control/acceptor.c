/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <sys/epoll.h>

#include "acceptor.h"
#include "loop/timer.h"

static int on_pause_over(sd_event_source *source, uint64_t when, void *data)
{
	const struct acceptor *a = data;

	(void)source;
	(void)when;
	sd_event_source_set_enabled(a->io, SD_EVENT_ON);
	return 0;
}

int acceptor_start(struct acceptor *a, sd_event *loop, int fd, int64_t priority,
		   sd_event_io_handler_t handler, void *data)
{
	int err;

	*a = (struct acceptor){ .fd = fd };
	err = sd_event_add_io(loop, &a->io, fd, EPOLLIN, handler, data);
	if (err >= 0)
		err = sd_event_source_set_priority(a->io, priority);
	if (err >= 0)
		err = timer_add(loop, &a->timer, TIMER_LAZY, on_pause_over, a);
	return err < 0 ? err : 0;
}

void acceptor_stop(struct acceptor *a)
{
	a->io = sd_event_source_disable_unref(a->io);
	a->timer = timer_free(a->timer);
}

static void pause_for_a_moment(struct acceptor *a)
{
	if (timer_set(a->timer, ACCEPTOR_PAUSE_MS * 1000ULL))
		return; /* without a timer the pause would never end */
	sd_event_source_set_enabled(a->io, SD_EVENT_OFF);
}

int acceptor_accept(struct acceptor *a, struct sockaddr_storage *from,
		    socklen_t *ret_len)
{
	int fd, err;

	if (from)
		*ret_len = sizeof(*from);
	fd = accept4(a->fd, (struct sockaddr *)from, ret_len,
		     SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		return fd;
	err = -errno;
	/* any other error is about a connection that is gone */
	if (err == -EMFILE || err == -ENFILE || err == -ENOBUFS ||
	    err == -ENOMEM)
		pause_for_a_moment(a);
	return err;
}
