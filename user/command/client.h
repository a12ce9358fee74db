/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the other end of control.h. One request out, one line
 * back, both bounded: a reply takes CLIENT_TIMEOUT_MS and CLIENT_REPLY_MAX
 * bytes at most, whatever is listening there.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <jansson.h>

enum {
	CLIENT_TIMEOUT_MS = 5000,
	CLIENT_REPLY_MAX = 64 << 20, /* the counters of SERVICES_MAX services */
};

/*
 * Sends @request to the daemon at @path and reads the reply into *@ret_reply,
 * a JSON object that the caller owns. -ENOENT, -ECONNREFUSED: no daemon;
 * -EACCES: not for this user; -ENAMETOOLONG: no socket has such a path;
 * -ETIMEDOUT; -EPIPE: the daemon closed the connection; -EMSGSIZE: too long,
 * either way; -EPROTO: the reply is no JSON object.
 */
int client_call(const char *path, const json_t *request, json_t **ret_reply);

#endif
