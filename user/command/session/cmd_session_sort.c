/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "cmd_session_sort.h"

static int compare_end(const __be32 a[4], __be16 a_port, const __be32 b[4],
		       __be16 b_port)
{
	int order = memcmp(a, b, 16); /* network byte order */

	return order ? order : ntohs(a_port) - ntohs(b_port);
}

static int by_client(const struct session *a, const struct session *b)
{
	const struct tuple *x = &a->tuple, *y = &b->tuple;
	int order = compare_end(x->client, x->client_port, y->client,
				y->client_port);

	return order ? order
		     : compare_end(x->server, x->server_port, y->server,
				   y->server_port);
}

static int by_server(const struct session *a, const struct session *b)
{
	const struct tuple *x = &a->tuple, *y = &b->tuple;
	int order = compare_end(x->server, x->server_port, y->server,
				y->server_port);

	return order ? order : by_client(a, b);
}

/* The earlier of two clock readings, that is the longer time, comes first. */
static int compare_ticks(__u32 a, __u32 b)
{
	return a == b ? 0 : (__s32)(a - b) < 0 ? -1 : 1;
}

static int by_age(const struct session *a, const struct session *b)
{
	int order = compare_ticks(a->born, b->born);

	return order ? order : by_client(a, b);
}

static int by_idle(const struct session *a, const struct session *b)
{
	int order = compare_ticks(a->live.seen, b->live.seen);

	return order ? order : by_client(a, b);
}

static int by_state(const struct session *a, const struct session *b)
{
	int order = a->live.state - b->live.state;

	return order ? order : by_client(a, b);
}

static int by_service(const struct session *a, const struct session *b)
{
	int order = a->live.service - b->live.service;

	return order ? order : by_client(a, b);
}

static const struct {
	const char *name;
	int (*compare)(const struct session *a, const struct session *b);
} keys[] = {
	{ "age", by_age },	 { "idle", by_idle },
	{ "client", by_client }, { "server", by_server },
	{ "state", by_state },	 { "service", by_service },
};

int session_sort_init(struct session_sort *s, const char *key, size_t room)
{
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, key))
			continue;
		*s = (struct session_sort){
			.compare = keys[i].compare,
			.room = room,
			.kept = malloc(room * sizeof(*s->kept)),
		};
		return s->kept ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

void session_sort_free(struct session_sort *s)
{
	free(s->kept);
	s->kept = NULL;
}

/* ---- heap: no child sorts after its parent ---- */

static void swap(struct session *a, struct session *b)
{
	struct session c = *a;

	*a = *b;
	*b = c;
}

static bool is_after(const struct session_sort *s, size_t i, size_t j)
{
	return s->compare(&s->kept[i], &s->kept[j]) > 0;
}

static void sift_up(struct session_sort *s, size_t i)
{
	for (; i && is_after(s, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(&s->kept[i], &s->kept[(i - 1) / 2]);
}

static void sift_down(struct session_sort *s)
{
	size_t i = 0, child;

	while ((child = 2 * i + 1) < s->n) {
		if (child + 1 < s->n && is_after(s, child + 1, child))
			child++;
		if (!is_after(s, child, i))
			return;
		swap(&s->kept[i], &s->kept[child]);
		i = child;
	}
}

void session_sort_offer(struct session_sort *s, const struct session *one)
{
	s->offered++;
	if (s->n < s->room) {
		s->kept[s->n] = *one;
		sift_up(s, s->n++);
	} else if (s->compare(one, &s->kept[0]) < 0) {
		s->kept[0] = *one;
		sift_down(s);
	}
}

void session_sort_finish(struct session_sort *s)
{
	size_t n = s->n;

	while (s->n > 1) { /* heapsort: the root goes to the end */
		swap(&s->kept[0], &s->kept[--s->n]);
		sift_down(s);
	}
	s->n = n;
}
