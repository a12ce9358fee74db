/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call/client.h"
#include "call/stream.h"
#include "out/rates.h"
#include "top_feed.h"

enum { QUESTIONS = 3, SAMPLES_PER_SECOND = 100, BURST = 1000 };

static const char *const questions[QUESTIONS] = { "status", "stats",
						  "session.totals" };

struct top_feed {
	const char *control;
	double period, next; /* next: time of the next look */
	struct top_feed_to to;
	struct client *look; /* NULL: none in progress */
	double since;
	json_t *answer[QUESTIONS];
	size_t n_answers;
	struct client *samples; /* NULL: not connected */
	bool agreed;
	char refusal[128]; /* why there are no samples; "": not refused */
};

/* The result in a reply, owned by the caller; NULL if it has none. */
static json_t *result_of(const char *line, char *error, size_t size)
{
	json_t *reply = json_loads(line, 0, NULL);
	json_t *result = json_object_get(reply, "result");
	const char *why = json_string_value(json_object_get(reply, "error"));

	if (!json_is_object(result))
		result = NULL;
	json_incref(result);
	if (error && !result)
		snprintf(error, size, "%s", why ? why : "invalid reply");
	json_decref(reply);
	return result;
}

/* ---- samples ---- */

static void samples_end(struct top_feed *f)
{
	client_close(f->samples);
	f->samples = NULL;
	f->agreed = false;
}

static void samples_begin(struct top_feed *f)
{
	json_t *request;

	if (f->samples || *f->refusal || client_open(f->control, &f->samples))
		return;
	request = json_pack("{s:s, s:i}", "cmd", "sample.watch", "rate",
			    SAMPLES_PER_SECOND);
	if (!request || client_send(f->samples, request))
		samples_end(f);
	json_decref(request);
}

static void samples_line(struct top_feed *f, const char *line)
{
	json_t *o;

	if (f->agreed)
		o = json_loads(line, 0, NULL);
	else
		o = result_of(line, f->refusal, sizeof(f->refusal));
	if (f->agreed && json_object_get(o, "client"))
		f->to.sample(f->to.data, o);
	f->agreed |= o != NULL;
	json_decref(o);
}

static void samples_step(struct top_feed *f)
{
	char *line;
	int i, err = 0;

	for (i = 0; f->samples && i < BURST; i++) {
		err = client_read_line(f->samples, &line);
		if (err)
			break;
		samples_line(f, line);
		if (*f->refusal)
			err = -EPIPE;
	}
	if (f->samples && err && err != -EAGAIN)
		samples_end(f);
}

/* ---- looks ---- */

static void look_end(struct top_feed *f)
{
	client_close(f->look);
	f->look = NULL;
	while (f->n_answers)
		json_decref(f->answer[--f->n_answers]);
}

static void look_failed(struct top_feed *f, int err)
{
	look_end(f);
	samples_end(f);
	f->refusal[0] = '\0'; /* another daemon may have samples */
	f->to.gone(f->to.data, err);
}

static void look_begin(struct top_feed *f, double now)
{
	json_t *request;
	size_t i;
	int err;

	f->since = now;
	f->next = now + f->period;
	err = client_open(f->control, &f->look);
	for (i = 0; i < QUESTIONS && !err; i++) {
		request = json_pack("{s:s, s:b}", "cmd", questions[i], "brief",
				    1);
		err = request ? client_send(f->look, request) : -ENOMEM;
		json_decref(request);
	}
	if (err)
		look_failed(f, err);
}

static void look_done(struct top_feed *f)
{
	json_t **a = f->answer;

	f->n_answers = 0; /* owned by the receiver now */
	f->to.answers(f->to.data, a[0], a[1], a[2], f->since);
	look_end(f);
	samples_begin(f);
}

static int look_read(struct top_feed *f)
{
	char *line;
	int err;

	while (f->n_answers < QUESTIONS) {
		err = client_read_line(f->look, &line);
		if (err)
			return err;
		f->answer[f->n_answers] = result_of(line, NULL, 0);
		if (!f->answer[f->n_answers])
			return -EPROTO;
		f->n_answers++;
	}
	return 0;
}

static void look_step(struct top_feed *f, double now)
{
	int err;

	if (!f->look && now >= f->next)
		look_begin(f, now);
	if (!f->look)
		return;
	err = look_read(f);
	if (err == -EAGAIN && now - f->since > CLIENT_TIMEOUT_MS / 1000.0)
		err = -ETIMEDOUT;
	if (!err)
		look_done(f);
	else if (err != -EAGAIN)
		look_failed(f, err);
}

void top_feed_step(struct top_feed *f)
{
	look_step(f, rates_clock());
	samples_step(f);
}

/* ---- for the loop ---- */

int top_feed_wait(const struct top_feed *f, struct pollfd p[TOP_FEED_FDS])
{
	double until = f->look ? f->since + CLIENT_TIMEOUT_MS / 1000.0
			       : f->next;
	double ms = (until - rates_clock()) * 1000 + 1;

	p[0] = (struct pollfd){ f->look ? client_fd(f->look) : -1, POLLIN, 0 };
	p[1] = (struct pollfd){ f->samples ? client_fd(f->samples) : -1, POLLIN,
				0 };
	return ms > 0 ? (int)ms : 0;
}

const char *top_feed_no_samples(const struct top_feed *f)
{
	return *f->refusal ? f->refusal : NULL;
}

struct top_feed *top_feed_new(const char *control, double period,
			      const struct top_feed_to *to)
{
	struct top_feed *f = calloc(1, sizeof(*f));

	if (f)
		*f = (struct top_feed){ .control = control,
					.period = period,
					.to = *to };
	return f;
}

void top_feed_free(struct top_feed *f)
{
	if (!f)
		return;
	look_end(f);
	samples_end(f);
	free(f);
}
