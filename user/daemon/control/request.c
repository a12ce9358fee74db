/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "request.h"
#include "text/utf8.h"

json_t *request_refuse(struct request *r, const char *hint, const char *fmt,
		       ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->error, sizeof(r->error), fmt, args);
	va_end(args);
	snprintf(r->hint, sizeof(r->hint), "%s", hint);
	utf8_fix(r->error); /* JSON requires UTF-8 */
	utf8_fix(r->hint);
	return NULL;
}

json_t *request_in_parts(struct request *r, control_part part, void *state,
			 void *data)
{
	control_reply_in_parts(r->client, part, state, data);
	r->in_parts = true;
	return NULL;
}

const char *request_string(const struct request *r, const char *name)
{
	return json_string_value(json_object_get(r->args, name));
}

bool request_listen(struct request *r, struct listen *ret)
{
	const char *text = request_string(r, "listen");
	const char *why;

	if (!text) {
		request_refuse(
			r, "give an address and port, such as 192.0.2.1:443",
			"the request has no listen");
		return false;
	}
	if (listen_parse(text, ret, &why)) {
		request_refuse(r, why, "'%s' is not an address:port", text);
		return false;
	}
	return true;
}

json_t *request_text(const char *text)
{
	char buf[1024];

	snprintf(buf, sizeof(buf), "%s", text);
	utf8_fix(buf);
	return json_string(buf);
}

double request_seconds(__u64 ns)
{
	__u64 tenths = ns / 100000000;

	return (double)tenths / 10; /* further digits are noise */
}

/* ---- dispatch ---- */

static json_t *dispatch(const struct request_table *tables, struct request *r)
{
	const char *cmd = request_string(r, "cmd");
	const struct request_table *t;
	const struct request_handler *h;

	if (!cmd)
		return request_refuse(
			r, "send {\"cmd\": \"status\"}, one request a line",
			"the request has no cmd");
	for (t = tables; t->handlers; t++)
		for (h = t->handlers; h->cmd; h++)
			if (!strcmp(cmd, h->cmd))
				return h->answer(t->data, r);
	return request_refuse(r, "the client may be newer than this daemon",
			      "unknown request '%s'", cmd);
}

json_t *request_answer(struct control_client *client, const char *line,
		       size_t len, void *tables)
{
	struct request r = { .client = client };
	json_error_t error;
	json_t *result;

	r.args = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(r.args))
		result = request_refuse(&r, "send one JSON object a line",
					"the request is not a JSON object");
	else
		result = dispatch(tables, &r);
	json_decref(r.args);
	if (r.in_parts)
		return NULL;
	if (!result && !*r.error)
		request_refuse(&r, "try again", "out of memory");
	if (!result)
		return json_pack("{s:b,s:s,s:s}", "ok", 0, "error", r.error,
				 "hint", r.hint);
	return json_pack("{s:b,s:o}", "ok", 1, "result", result);
}
