/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the functions that answer requests share. Each
 * takes the daemon and the request, and returns its result, or refuse().
 */
#ifndef REQUESTS_H
#define REQUESTS_H

#include "daemon.h"

struct request {
	struct control_client *client;
	json_t *args;
	bool in_parts; /* see control_reply_in_parts(); there is no result */
	char error[CONFIG_ERR_MAX];
	char hint[256];
};

/* Fills error and hint, and returns NULL. */
json_t *refuse(struct request *r, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Reads member "listen"; on failure it has refused, and returns false. */
bool arg_listen(struct request *r, struct listen *ret);
/* The member "listen" is none of the services, which it names. */
json_t *not_a_service(const struct daemon *d, struct request *r);
/* The hint "there are *:80 (web), *:81". */
void hint_services(const struct daemon *d, struct request *r);
/* The reply to who wants to watch; @err is watch_add()'s. */
json_t *watching(struct request *r, int err);

/* Of what need not be UTF-8: names of interfaces, paths. */
json_t *requests_text(const char *text);

/* requests_iface.c */
json_t *requests_ifaces(const struct daemon *d);
void requests_iface_health(const struct daemon *d, json_t *list);
/* The ids of all that the daemon attaches, for who waits for their end. */
json_t *requests_programs(const struct daemon *d);

/* requests_service.c */
json_t *requests_services(const struct daemon *d);
json_t *request_service_list(struct daemon *d, struct request *r);
json_t *request_service_add(struct daemon *d, struct request *r);
json_t *request_service_del(struct daemon *d, struct request *r);
json_t *request_service_policy(struct daemon *d, struct request *r);

/* requests_session.c */
json_t *request_session_totals(struct daemon *d, struct request *r);
json_t *request_session_kill(struct daemon *d, struct request *r);
json_t *request_session_socket(struct daemon *d, struct request *r);
json_t *request_session_watch(struct daemon *d, struct request *r);

/* requests_sample.c */
json_t *request_sample_watch(struct daemon *d, struct request *r);

#endif
