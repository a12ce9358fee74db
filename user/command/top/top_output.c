/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "top_output.h"

enum { LAST_MS = 1000, PART = 4096 };

static struct {
	int memory, tty, standard; /* the real standard output */
	off_t sent;
	struct termios before;
} out = { -1, -1, -1, 0, {} };

static void close_all(void)
{
	int *const fds[] = { &out.memory, &out.tty, &out.standard };
	int i;

	for (i = 0; i < 3; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

int top_output_open(void)
{
	int err = 0;

	out.sent = 0;
	out.memory = memfd_create("top", MFD_CLOEXEC);
	out.standard = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	out.tty = open("/proc/self/fd/1",
		       O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (out.tty < 0 && out.standard >= 0)
		out.tty = fcntl(out.standard, F_DUPFD_CLOEXEC, 3);
	if (out.memory < 0 || out.tty < 0 || out.standard < 0 ||
	    tcgetattr(out.tty, &out.before)) {
		err = -errno;
		close_all();
	}
	return err;
}

void top_output_begin(void)
{
	dup2(out.memory, STDOUT_FILENO);
}

void top_output_end(void)
{
	dup2(out.standard, STDOUT_FILENO);
}

bool top_output_step(void)
{
	off_t end = lseek(out.memory, 0, SEEK_CUR);
	char part[PART];
	ssize_t n;

	while (out.sent < end) {
		n = pread(out.memory, part, sizeof(part), out.sent);
		if (n > 0)
			n = write(out.tty, part, n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0)
			break; /* hangup: the loop notices it */
		out.sent += n;
	}
	out.sent = 0;
	lseek(out.memory, 0, SEEK_SET);
	return ftruncate(out.memory, 0) == 0;
}

int top_output_fd(void)
{
	return out.tty;
}

void top_output_close(void)
{
	struct termios going = out.before;
	struct pollfd p = { .fd = out.tty, .events = POLLOUT };

	going.c_iflag &= ~(tcflag_t)IXON; /* undoes a Ctrl-S */
	tcsetattr(out.tty, TCSANOW, &going);
	while (!top_output_step() && poll(&p, 1, LAST_MS) > 0 &&
	       !(p.revents & (POLLERR | POLLHUP)))
		;
	tcsetattr(out.tty, TCSANOW, &out.before);
	close_all();
}
