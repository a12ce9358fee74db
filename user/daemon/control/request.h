/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the requests of synkeeper/control.h. Each part of the
 * daemon offers a table of handlers, one per request, and the daemon registers
 * the tables together with what their handlers work on. A handler returns its
 * result as JSON, or NULL after request_refuse(), whose error and hint then
 * make the reply. Nothing is applied by halves: a request is validated before
 * it changes anything, and a change that cannot be put into force is reverted.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "control_server.h"
#include "text/addr.h"

enum { REQUEST_ERROR_MAX = 1024, REQUEST_HINT_MAX = 256 };

struct request {
	struct control_client *client;
	json_t *args;
	bool in_parts; /* see request_in_parts(); no result */
	char error[REQUEST_ERROR_MAX];
	char hint[REQUEST_HINT_MAX];
};

struct request_handler {
	const char *cmd; /* "service.add"; NULL: end of the table */
	json_t *(*answer)(void *data, struct request *r);
};

struct request_table {
	const struct request_handler *handlers; /* NULL: end of the list */
	void *data;				/* the handlers' */
};

/* A control_answer; @tables is a list of struct request_table. */
json_t *request_answer(struct control_client *client, const char *line,
		       size_t len, void *tables);

/* ---- what handlers share ---- */

/* Fills error and hint, and returns NULL. */
json_t *request_refuse(struct request *r, const char *hint, const char *fmt,
		       ...) __attribute__((format(printf, 3, 4)));
/* Instead of a result: see control_reply_in_parts(). Returns NULL. */
json_t *request_in_parts(struct request *r, control_part part, void *state,
			 void *data);

/* The string member @name, owned by the request; NULL: there is none. */
const char *request_string(const struct request *r, const char *name);
/* Reads member "listen"; on failure refuses the request and returns false. */
bool request_listen(struct request *r, struct listen *ret);

/* For text that may not be UTF-8: interface names, paths. */
json_t *request_text(const char *text);
/* Nanoseconds to seconds, rounded to tenths. */
double request_seconds(__u64 ns);

#endif
