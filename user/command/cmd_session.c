/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper session list` reads the pinned session
 * table itself, mapped read-only, while the data path writes it; no daemon is
 * needed, and a million rows are printed one by one. The tags say which ways
 * are in use, see table.h. A way can change hands while it is copied: its
 * first word and its birth are compared before and after, and a row that
 * changed is read once more. The worst that happens is a session shown that
 * just ended, or one missing that just began.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"
#include "cmd.h"
#include "print.h"
#include "synkeeper/table.h"

static const struct column session_columns[] = {
	{ "CLIENT", "client", CELL_STRING, 21 },
	{ "SERVER", "server", CELL_STRING, 21 },
	{ "SERVICE", "service", CELL_STRING, 7 },
	{ "NAME", "name", CELL_STRING, 12 },
	{ "STATE", "state", CELL_STRING, 11 },
	{ "AGE", "age_s", CELL_DURATION, 6 },
	{ "IDLE", "idle_s", CELL_DURATION, 6 },
};

enum { N_COLUMNS = sizeof(session_columns) / sizeof(session_columns[0]) };

struct session_table {
	const struct session_set *tags;
	const struct session *sessions;
	size_t tags_size; /* of the mappings */
	size_t sessions_size;
	__u32 sets;
	int services_fd;
};

/* Not BPF_F_RDONLY: the kernel refuses to mmap() such a descriptor. */
static int open_map(const struct cmd *c, const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/maps/%s", c->pin_dir, name);
	fd = bpf_obj_get(path);
	if (fd >= 0)
		return fd;
	switch (errno) {
	case ENOENT:
		cmd_failed(
			c,
			"is synkeeperd running, or is another --pin-dir meant?",
			"nothing is pinned at %s", path);
		break;
	case EACCES:
	case EPERM:
		cmd_failed(c, "run as root", "no permission for %s", path);
		break;
	default:
		cmd_failed(c, NULL, "%s: %s", path, strerror(errno));
	}
	return -1;
}

/* Maps a whole array read-only. Returns NULL, and has said why, on failure. */
static const void *map_array(const struct cmd *c, const char *name,
			     size_t value_size, __u32 *ret_entries,
			     size_t *ret_size)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	void *mem = MAP_FAILED;
	int fd = open_map(c, name);

	if (fd < 0)
		return NULL;
	if (bpf_obj_get_info_by_fd(fd, &info, &len)) {
		cmd_failed(c, NULL, "map %s: %s", name, strerror(errno));
	} else if (info.value_size != value_size ||
		   !(info.map_flags & BPF_F_MMAPABLE)) {
		cmd_failed(c, "use the command of the daemon's version",
			   "map %s has another layout", name);
	} else {
		mem = mmap(NULL, value_size * info.max_entries, PROT_READ,
			   MAP_SHARED, fd, 0);
		if (mem == MAP_FAILED)
			cmd_failed(c, NULL, "cannot map %s: %s", name,
				   strerror(errno));
	}
	close(fd); /* the mapping holds the map */
	if (mem == MAP_FAILED)
		return NULL;
	*ret_entries = info.max_entries;
	*ret_size = value_size * info.max_entries;
	return mem;
}

static int check_abi(const struct cmd *c)
{
	struct settings cfg = {};
	int fd = open_map(c, "settings"), err;
	__u32 zero = 0;

	if (fd < 0)
		return -1;
	err = bpf_map_lookup_elem(fd, &zero, &cfg);
	close(fd);
	if (!err && cfg.abi == ABI_VERSION)
		return 0;
	cmd_failed(c, "use the command of the daemon's version",
		   "the maps are of ABI %u, this command reads %d", cfg.abi,
		   ABI_VERSION);
	return -1;
}

static void table_close(struct session_table *t)
{
	if (t->tags)
		munmap((void *)t->tags, t->tags_size);
	if (t->sessions)
		munmap((void *)t->sessions, t->sessions_size);
	if (t->services_fd >= 0)
		close(t->services_fd);
}

/* Returns -1, and has said why, on failure. */
static int table_open(const struct cmd *c, struct session_table *t)
{
	__u32 slots = 0;

	*t = (struct session_table){ .services_fd = -1 };
	if (check_abi(c))
		return -1;
	t->tags = map_array(c, "session_tags", sizeof(*t->tags), &t->sets,
			    &t->tags_size);
	if (t->tags)
		t->sessions = map_array(c, "sessions", sizeof(*t->sessions),
					&slots, &t->sessions_size);
	if (t->sessions)
		t->services_fd = open_map(c, "services");
	if (t->services_fd < 0)
		goto fail;
	if (slots != t->sets * SET_WAYS) {
		cmd_failed(c, "use the command of the daemon's version",
			   "%u sessions do not fit %u sets", slots, t->sets);
		goto fail;
	}
	return 0;
fail:
	table_close(t);
	return -1;
}

static bool copy_session(const struct session *from, struct session *ret)
{
	const volatile __u64 *word = &from->live.word;
	int tries;

	for (tries = 0; tries < 2; tries++) {
		__u64 before = __atomic_load_n(word, __ATOMIC_ACQUIRE);

		memcpy(ret, from, sizeof(*ret));
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (*word == before && from->born == ret->born)
			break;
	}
	return ret->live.state != SESSION_FREE;
}

static const char *endpoint_text(const __be32 addr[4], __be16 port, char *buf)
{
	struct listen l = { .port = port };

	memcpy(l.addr, addr, sizeof(l.addr));
	return listen_format(&l, buf);
}

static const char *state_name(__u8 state)
{
	switch (state) {
	case SESSION_PENDING:
		return "pending";
	case SESSION_ESTABLISHED:
		return "established";
	case SESSION_TIME_WAIT:
		return "time-wait";
	default:
		return "?";
	}
}

/* Seconds since @then; what was touched a moment ago may be ahead of @now. */
static double since(__u32 now, __u32 then)
{
	return (__s32)(now - then) < 0 ? 0 : ticks_to_ms(now - then) / 1000.0;
}

static json_t *row_of(const struct session_table *t, const struct session *s,
		      __u32 now)
{
	char client[LISTEN_STRLEN], server[LISTEN_STRLEN];
	const struct tuple *tuple = &s->tuple;
	struct service_info info = {};
	__u32 id = s->live.service;

	if (bpf_map_lookup_elem(t->services_fd, &id, &info) || !info.used)
		info.name[0] = '\0';
	return json_pack(
		"{s:s, s:s, s:i, s:o*, s:s, s:f, s:f}", "client",
		endpoint_text(tuple->client, tuple->client_port, client),
		"server",
		endpoint_text(tuple->server, tuple->server_port, server),
		"service", (int)id, "name",
		json_stringn(info.name, strnlen(info.name, sizeof(info.name))),
		"state", state_name(s->live.state), "age_s",
		since(now, s->born), "idle_s", since(now, s->live.seen));
}

static __u32 ticks_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ns_to_ticks(ts.tv_sec * 1000000000ULL + ts.tv_nsec);
}

static void put_session(const struct cmd *c, json_t *row, bool first)
{
	if (!row)
		return;
	if (c->json) {
		fputs(first ? "" : ",\n", c->out);
		print_json(c->out, row);
	} else {
		print_row(c->out, row, session_columns, N_COLUMNS);
	}
	json_decref(row);
}

/* Prints at most @limit sessions; stops early if nobody reads any more. */
static void put_sessions(const struct cmd *c, const struct session_table *t,
			 unsigned int limit)
{
	unsigned int shown = 0;
	struct session s;
	__u32 set, way;

	for (set = 0; set < t->sets && !ferror(c->out); set++) {
		for (way = 0; way < SET_WAYS; way++) {
			if (shown == limit)
				return;
			if (!((const __u8 *)t->tags[set].tags)[way] ||
			    !copy_session(&t->sessions[set * SET_WAYS + way],
					  &s))
				continue;
			put_session(c, row_of(t, &s, ticks_now()), !shown++);
		}
	}
}

static int session_list(const struct cmd *c, const struct cmd_args *args)
{
	unsigned long limit = UINT_MAX;
	struct session_table t;
	char *end;

	if (args->option[0]) {
		errno = 0;
		limit = strtoul(args->option[0], &end, 10);
		if (errno || *end || *args->option[0] == '-' || !limit ||
		    limit > UINT_MAX)
			return cmd_usage(c, "a number of sessions, 1 or more",
					 "--limit %s", args->option[0]);
	}
	if (table_open(c, &t))
		return CMD_FAILED;
	if (c->json)
		fputc('[', c->out);
	else
		print_row(c->out, NULL, session_columns, N_COLUMNS);
	put_sessions(c, &t, (unsigned int)limit);
	if (c->json)
		fputs("]\n", c->out);
	table_close(&t);
	return CMD_DONE;
}

const struct cmd_object cmd_session = {
	.name = "session",
	.help = "the connections that are known",
	.verb = {
		{ .name = "list",
		  .option = { { "--limit", "N" } },
		  .help = "all of them, read from the table itself (root)",
		  .run = session_list },
	},
};
