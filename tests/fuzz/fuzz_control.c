// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: an input is what a client sends to the control socket,
 * in pieces whose length is in the first byte. The daemon's real server and
 * requests answer through a unix socket; maps, kernel and loop are stubs in
 * this file. Each line, and the rest after the last newline, must get one line
 * of JSON that is ok or says what happened and what to do; a refused request
 * changes nothing; and when the client leaves, the server must drop it.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon_requests.h"
#include "service/bypass.h"
#include "kernel/clock.h"
#include "main_loop.h"
#include "memfile.h"
#include "reload.h"
#include "state.h"

enum { SETS = 64, ROUNDS_MAX = 10000, MAP_FD = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct daemon d;
static bool changed, watching;
static char path[64];

/* ---- stubs ---- */

/* Maps that requests read; all others are not found. */
static const size_t sizes[MAP_COUNT] = {
	[MAP_KEYS] = sizeof(struct cookie_key),
	[MAP_COUNTERS] = sizeof(struct counters), /* the first CPU's */
	[MAP_MONITORED] = sizeof(struct counters),
};

__u32 loader_rows(const struct loader *l, enum loader_map map)
{
	(void)l;
	(void)map;
	return 1;
}

int loader_map_fd(const struct loader *l, enum loader_map map)
{
	(void)l;
	return MAP_FD + (int)map;
}

#define NO_PROGRAM(name)                 \
	int name(const struct loader *l) \
	{                                \
		(void)l;                 \
		return -1;               \
	}
NO_PROGRAM(loader_xdp_fd)
NO_PROGRAM(loader_xdp_frags_fd)
NO_PROGRAM(loader_tc_fd)
NO_PROGRAM(loader_egress_fd)

const char *attachment_why(const struct attachment *a)
{
	return a->why;
}

bool attachment_protects(const struct attachment *a)
{
	(void)a;
	return true;
}

bool ifaces_protect(const struct ifaces *f)
{
	(void)f;
	return true;
}

const char *attachment_mode(const struct attachment *a)
{
	(void)a;
	return "native";
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	size_t size = sizes[fd - MAP_FD];

	(void)key;
	if (size) {
		memset(value, 0, size);
		return 0;
	}
	errno = ENOENT;
	return -ENOENT;
}

int bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	(void)fd;
	(void)key;
	(void)value;
	(void)flags;
	return 0;
}

int bpf_map_delete_elem(int fd, const void *key)
{
	(void)fd;
	(void)key;
	return 0;
}

int bpf_map_get_next_key(int fd, const void *key, void *next)
{
	(void)fd;
	(void)key;
	(void)next;
	errno = ENOENT;
	return -ENOENT;
}

int owner_state(struct owner *o, const struct tuple *t)
{
	(void)o;
	return t->client_port & 1 ? TCP_ESTABLISHED : -ENOENT;
}

int owner_end(struct owner *o, const struct tuple *t)
{
	(void)o;
	(void)t;
	return 0;
}

int keys_rotate(struct keys *k)
{
	k->settings->epoch++;
	return 0;
}

int reload_config(struct daemon *daemon, json_t **ret_report, char *err)
{
	(void)daemon;
	(void)ret_report;
	return config_refuse(err, -EINVAL, "/etc/synkeeper.conf:7: no");
}

void main_loop_end(struct daemon *daemon, enum config_exit how)
{
	(void)daemon;
	(void)how;
}

static int apply(void *data)
{
	(void)data;
	changed = true;
	return 0;
}

/* ---- the daemon ---- */

static void enter_session(unsigned int n)
{
	struct tuple t = { .client = { 0, 0, htonl(0xffff), htonl(n) },
			   .server = { 0, 0, htonl(0xffff), htonl(1) },
			   .client_port = htons(n),
			   .server_port = htons(443) };

	sessions_enter(&d.sessions, &t, 1, TCP_ESTABLISHED);
}

static void on_told(void *data, const struct event *e)
{
	(void)data;
	(void)e;
}

/*
 * The state before each input. Initialising 8192 slots takes longer than most
 * requests, so it is kept as bytes: it contains no pointers that change.
 */
static void fresh_services(void)
{
	struct config_service web = { .name = "web",
				      .listen = { .port = htons(443),
						  .wildcard = true } };
	static size_t size;
	static void *kept;

	changed = false;
	if (kept) {
		memcpy(d.services, kept, size);
		return;
	}
	if (nat_init(&d.totals, &d.nat) ||
	    services_init(&d.loader, &d.totals, d.nat, &d.services) ||
	    bypasses_init(&d.bypasses) || services_add(d.services, &web, NULL))
		finding("no services");
	size = malloc_usable_size(d.services);
	kept = malloc(size);
	memcpy(kept, d.services, size);
}

static __u64 print_services(void)
{
	const struct service *svc = NULL;
	__u64 print = d.settings->epoch;

	while ((svc = services_next(d.services, svc)))
		print = print * 0x100000001b3ULL + svc->id + svc->policy +
			svc->listen.port + !!svc->drain_until_ns * 7;
	return print;
}

static json_t *answer(struct control_client *c, const char *line, size_t len,
		      void *data)
{
	__u64 before = print_services();
	json_t *reply = request_answer(c, line, len, data);

	if (!json_is_true(json_object_get(reply, "ok")) &&
	    before != print_services())
		finding("refused, and something changed: %s", line);
	watching |= json_is_true(
		json_object_get(json_object_get(reply, "result"), "watching"));
	return reply;
}

/* As in wire_loop.c, but with an answer() of its own. */
static void serve(void)
{
	const struct request_table tables[] = {
		{ daemon_requests, &d },
		{ service_requests, &d.service_requests },
		{ stats_requests, &d.service_requests },
		{ keys_requests, &d.keys },
		{ session_requests, &d.session_requests },
		{ sample_requests, &d.session_requests },
		{ metrics_requests, &d.metrics_sources },
		{},
	};
	struct watch_deps watch = { .settings = d.settings,
				    .services = d.services,
				    .ifaces = &d.ifaces };

	memcpy(d.requests, tables, sizeof(tables));
	d.service_requests = (struct service_request_deps){
		.services = d.services,
		.bypasses = d.bypasses,
		.loader = &d.loader,
		.keys = &d.keys,
		.apply = apply,
	};
	d.session_requests =
		(struct session_request_deps){ .sessions = &d.sessions,
					       .services = d.services,
					       .watch = &d.watch };
	d.metrics_sources = (struct metrics_sources){
		.loader = &d.loader,
		.keys = &d.keys,
		.ifaces = &d.ifaces,
		.services = d.services,
		.sessions = &d.sessions,
	};
	d.ifaces.deps.loader = &d.loader;
	d.splices.fd = MAP_FD + MAP_SPLICES;
	d.lingering = (struct lingering){ .splices = &d.splices,
					  .sessions = &d.sessions };
	if (control_start(d.loop, path, NULL, answer, d.requests, &d.control))
		exit(1);
	watch.server = d.control;
	watch_start(&d.watch, &watch);
}

static void clean_up(void)
{
	control_stop(d.control); /* removes its socket */
	*strrchr(path, '/') = '\0';
	rmdir(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sessions *s = &d.sessions;
	char dir[] = "/tmp/synkeeper-fuzz-XXXXXX";

	(void)argc;
	(void)argv;
	config_init(&d.config);
	d.settings = calloc(1, sizeof(*d.settings));
	d.settings->hash_mul = 1;
	d.settings->set_mask = SETS - 1;
	d.keys = (struct keys){ .fd = MAP_FD + MAP_KEYS,
				.settings = d.settings,
				.lifetime_ns = 60000000000ULL,
				.cluster = &d.cluster };
	d.totals.rows = 1;
	d.totals.of = calloc(SERVICES_MAX, sizeof(*d.totals.of));
	*s = (struct sessions){
		.settings = d.settings,
		.tags = calloc(SETS, sizeof(*s->tags)),
		.summary = calloc(2 * SETS, sizeof(*s->summary)),
		.incomplete = calloc(SETS / 64, sizeof(*s->incomplete)),
		.entries = calloc(SETS * SET_WAYS, sizeof(*s->entries)),
		.totals = &d.totals,
		.sets = SETS,
		.events = on_told,
	};
	fresh_services();
	if (sd_event_new(&d.loop) < 0 || !mkdtemp(dir))
		exit(1);
	snprintf(path, sizeof(path), "%s/control", dir);
	serve();
	atexit(clean_up);
	return 0;
}

/* ---- the client ---- */

struct talk {
	int fd;
	char *text; /* all that came back */
	size_t len;
	bool over;
};

static void hear(struct talk *t)
{
	char buf[65536];
	ssize_t n;

	while ((n = recv(t->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		t->text = realloc(t->text, t->len + n + 1);
		memcpy(t->text + t->len, buf, n);
		t->len += n;
		t->text[t->len] = '\0';
	}
	t->over = n == 0 || (n < 0 && errno != EAGAIN);
}

/* Lets the daemon work until it has nothing to do. */
static void run(struct talk *t)
{
	int i;

	for (i = 0; sd_event_run(d.loop, 0) > 0; i++) {
		hear(t);
		if (i > ROUNDS_MAX)
			finding("the daemon is never done");
	}
	hear(t);
}

/* The last one counts even without a newline. */
static size_t count(const char *text, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += text[i] == '\n' || i + 1 == len;
	return n;
}

static bool is_sentence(const json_t *reply, const char *member)
{
	return json_is_string(json_object_get(reply, member));
}

static void check_reply(const char *line, size_t len)
{
	json_error_t error;
	json_t *reply = json_loadb(line, len, 0, &error);
	const json_t *ok = json_object_get(reply, "ok");

	if (!json_is_boolean(ok))
		finding("not a reply: %.*s", (int)len, line);
	if (json_is_true(ok) ? !json_object_get(reply, "result")
			     : !is_sentence(reply, "error") ||
				       !is_sentence(reply, "hint"))
		finding("half a reply: %.*s", (int)len, line);
	json_decref(reply);
}

static void check_replies(const struct talk *t, size_t asked)
{
	const char *at = t->text, *end;
	size_t n = 0;

	for (; at && (end = strchr(at, '\n')); at = end + 1, n++)
		check_reply(at, end - at);
	if (at && *at)
		finding("a reply without an end: %s", at);
	if (watching ? n > asked : n != asked)
		finding("%zu lines, %zu replies: %s", asked, n,
			t->text ? t->text : "");
}

static void say(struct talk *t, const uint8_t *data, size_t size, size_t piece)
{
	size_t sent;

	for (sent = 0; sent < size && !t->over; sent += piece) {
		if (piece > size - sent)
			piece = size - sent;
		if (send(t->fd, data + sent, piece, MSG_NOSIGNAL) < 0)
			break;
		run(t);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct talk t = { 0 };
	unsigned int n;

	if (size < 1)
		return -1;
	if (changed)
		fresh_services();
	for (n = 1; n < 8; n++)
		enter_session(n);
	d.settings->epoch = 0;
	watching = false;
	strcpy(to.sun_path, path);
	t.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(t.fd, (struct sockaddr *)&to, sizeof(to)))
		finding("cannot connect: %s", strerror(errno));
	say(&t, data + 1, size - 1, 1 + data[0] * 16UL);
	shutdown(t.fd, SHUT_WR);
	run(&t);
	if (!t.over)
		finding("the client has gone, and the server has not noticed");
	check_replies(&t, count((const char *)data + 1, size - 1));
	close(t.fd);
	free(t.text);
	return 0;
}
