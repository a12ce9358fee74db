/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the client side of the protocol in control.h. Requests
 * and the lines of replies are bounded: a reply takes at most the caller's time
 * limit and CLIENT_REPLY_MAX bytes, whatever is listening there. After a
 * request that subscribes to something, lines are read as they arrive.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <jansson.h>

enum {
	CLIENT_TIMEOUT_MS = 5000,
	CLIENT_RELOAD_MS = 60000,    /* a million prefixes on a loaded host */
	CLIENT_REPLY_MAX = 64 << 20, /* counters of SERVICES_MAX services */
};

struct client; /* opaque: one connection */

/*
 * All of these return 0, or -ENOENT, -ECONNREFUSED: no daemon; -EACCES: not
 * for this user; -ENAMETOOLONG: too long for a socket's path; -ETIMEDOUT;
 * -EPIPE: the daemon closed the connection; -EMSGSIZE: request or reply too
 * long; -EPROTO: the reply is not a JSON object. client_open()'s *@ret is the
 * caller's, until client_close().
 */
int client_open(const char *path, struct client **ret);
void client_close(struct client *cl);

/* Sends @request; *@ret, the reply, is a JSON object that the caller owns. */
int client_request(struct client *cl, const json_t *request, int limit_ms,
		   json_t **ret);

/* Only sends @request; replies come in the order of requests. */
int client_send(struct client *cl, const json_t *request);

/*
 * The next line, without its newline, valid until the next call; -EAGAIN if no
 * complete line has arrived. client_fd() is for poll(2).
 */
int client_read_line(struct client *cl, char **ret_line);
int client_fd(const struct client *cl);

#endif
