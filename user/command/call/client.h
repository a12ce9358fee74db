/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the other end of control.h. Requests go out and lines
 * come back, all bounded: a reply takes the caller's limit and CLIENT_REPLY_MAX
 * bytes at most, whatever is listening there. After a request that the daemon
 * goes on answering, its lines are read as they come.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <jansson.h>

enum {
	CLIENT_TIMEOUT_MS = 5000,
	CLIENT_RELOAD_MS = 60000,    /* a million prefixes on a busy machine */
	CLIENT_REPLY_MAX = 64 << 20, /* the counters of SERVICES_MAX services */
};

struct client; /* opaque: a connection */

/*
 * What all of these return: -ENOENT, -ECONNREFUSED: no daemon; -EACCES: not
 * for this user; -ENAMETOOLONG: no socket has such a path; -ETIMEDOUT; -EPIPE:
 * the daemon closed the connection; -EMSGSIZE: too long, either way; -EPROTO:
 * the reply is no JSON object.
 */
int client_open(const char *path, struct client **ret);
void client_close(struct client *cl);

/* Sends @request; the reply is a JSON object that the caller owns. */
int client_request(struct client *cl, const json_t *request, int limit_ms,
		   json_t **ret);

/* Only sends it; replies come in the order of requests. */
int client_send(struct client *cl, const json_t *request);

/*
 * The next line, without its newline and good until the next call; -EAGAIN if
 * no whole one has come. client_fd() is for poll(2).
 */
int client_read_line(struct client *cl, char **ret_line);
int client_fd(const struct client *cl);

#endif
