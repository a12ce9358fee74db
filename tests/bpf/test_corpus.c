// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: replays the corpus of the fuzz target "packet" with the
 * same source (tests/fuzz/scenario.h) twice: as native code, which is what was
 * fuzzed, and as BPF programs in the kernel. For each frame verdict, reason,
 * frame and metadata must be the same; so what the sanitizers checked is what
 * runs.
 *
 * The kernel has its own clock and none of the corpus's sockets, except for a
 * listener in one of the tests. Steps that need more are skipped on both sides,
 * as is the cap on SYN-ACKs; sessions are aged before the next frame.
 *
 * The kernel's own cookies cannot be predicted. Therefore each frame goes
 * through the kernel first, and the native listener repeats what the kernel's
 * said: the cookie, the timestamp, and whether it recognises a cookie.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <unistd.h>

#include "answer.h"
#include "harness.h"
#include "netns.h"
#include "play.h"
#include "sessions.h"
#include "testmain.h"

enum { INPUT_MAX = 65536, FRAMES_MIN = 500 };

static struct {
	unsigned int inputs, frames, bad, kernel_cookies, counted[REASON_COUNT];
} seen;

static int fd(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

static void put(const struct bpf_map *map, const void *key, const void *value)
{
	assert_false(bpf_map_update_elem(fd(map), key, value, BPF_ANY));
}

static void set_up_settings(const struct scenario *s)
{
	__u32 i;

	harness.cfg = s->cfg;
	harness.cfg.kernel_cookies_until += sessions_now();
	harness_settings();
	for (i = 0; i < KEY_SLOTS; i++)
		harness_key(i, &s->keys[i]);
}

static void set_up_server(const struct scenario *s, bool v6)
{
	const char *server = v6 ? SERVER6 : SERVER4;
	const char *client = v6 ? CLIENT6 : CLIENT4;
	struct local_key network = scenario_prefix(v6, true);

	if (s->exact.mode)
		harness_endpoint(server, SCENARIO_PORT, &s->exact);
	if (s->local)
		harness_local(server, 128);
	if (s->client_is)
		harness_source(client, 128, s->client_is);
	if (s->network_is)
		harness_source(v6 ? "2001:db8:c::" : "198.51.96.0",
			       network.prefixlen, s->network_is);
}

static void set_up(const struct scenario *s)
{
	__u32 slot = LO, word = 0;
	__u64 marks = 0;

	assert_false(harness_setup(NULL));
	harness_port(SCENARIO_PORT, &s->port);
	put(harness.skel->maps.ifaces, &slot, &s->iface);
	put(harness.skel->maps.incomplete_sets, &word, &marks);
	set_up_server(s, false);
	set_up_server(s, true);
	set_up_settings(s);
}

static void tear_down(void)
{
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		struct tuple t = scenario_tuple(v6, 0);
		struct endpoint_key key = { .port = t.server_port };
		struct local_key local = { .prefixlen = 128 };

		memcpy(key.addr, t.server, 16);
		memcpy(local.addr, t.server, 16);
		bpf_map_delete_elem(fd(harness.skel->maps.endpoints), &key);
		bpf_map_delete_elem(fd(harness.skel->maps.local_addrs), &local);
	}
	harness_teardown(NULL);
}

static void enter_sessions(const struct step *step)
{
	unsigned int i;

	for (i = 0; i < scenario_sessions(step); i++) {
		__u32 now = sessions_now();
		struct session s = scenario_session(step, i, now);
		unsigned int set = sessions_set_of(&s.tuple);

		s.born = now - SCENARIO_SETTLE;
		if (sessions_find(&s.tuple, NULL) == SESSION_FREE &&
		    sessions_in_set(set) < SET_WAYS)
			sessions_put(&s);
	}
}

static void daemon_does(const struct scenario *s, const struct step *step)
{
	__u64 marks = step->arg & DAEMON_MARK ? -1ULL : 0;
	__u32 word = 0;

	set_up_settings(s);
	put(harness.skel->maps.incomplete_sets, &word, &marks);
}

/* Dropped half way to an answer, whose cookie was never seen. */
static bool is_half_way(const struct scenario *s, const struct run *got)
{
	return got->reason == REASON_no_room &&
	       play_endpoint(s, got->service)->cookies == COOKIES_KERNEL;
}

static const char *difference(const struct scenario *s,
			      const struct verdict *want, const struct run *got)
{
	if ((uint32_t)want->action != got->verdict)
		return "the verdict";
	if (want->reason != got->reason || want->monitored != got->monitored)
		return "the reason";
	if (want->service != got->service)
		return "the service";
	if (want->len != got->len)
		return "the length";
	if (!is_half_way(s, got) && memcmp(want->data, got->data, got->len))
		return "the frame";
	if (want->meta_len != got->meta_len ||
	    memcmp(want->meta, &got->meta, got->meta_len) != 0)
		return "the metadata";
	return NULL;
}

static void age_natively(const void *key, void *session, void *data)
{
	(void)key;
	(void)data;
	((struct session *)session)->born -= SCENARIO_SETTLE;
}

static void age(const struct play *p)
{
	struct tuple t;

	if (p->out.reason != REASON_admitted)
		return;
	assert_true(frame_tuple((struct frame_view){ p->in, p->in_len }, &t));
	sessions_age(&t);
	native_each("sessions", age_natively, NULL);
}

/* The native listener is to say what the kernel's did. */
static void repeat_listener(const struct play *p, const struct run *got)
{
	const struct endpoint *ep = play_endpoint(p->s, got->service);
	struct client c = { 0 };

	native.socket.sent_cookie = got->reason == REASON_kernel_cookie;
	native.fine_ns = 0;
	if (got->reason != REASON_answered || got->verdict != XDP_TX ||
	    ep->cookies != COOKIES_KERNEL)
		return;
	client_hears(&c, got->data, got->len);
	native.socket.cookie = 1LL << 32 | (c.ack - 1);
	native.fine_ns = c.tsecr * 1000000ULL;
	seen.kernel_cookies++;
}

static void run_frame(const char *name, struct play *p, const struct step *step)
{
	const struct verdict *want = &p->out;
	static struct frame in;
	static struct run got;
	const char *what;

	memcpy(in.data, step->data, step->len);
	in.len = step->len;
	client_adapts(&p->client, step->arg, in.data, in.len);
	p->in_len = step->len;
	got.linear = play_linear(p, step->arg);
	got.ifindex = got.service = 0;
	harness_run(&in, &got);
	repeat_listener(p, &got);
	play_step(p, step);
	assert_memory_equal(in.data, p->in, in.len);
	seen.frames++;
	seen.counted[got.reason]++;
	what = difference(p->s, want, &got);
	if (!what) {
		age(p);
		return;
	}
	seen.bad++;
	fprintf(stderr,
		"%s, step %u: %s differs: natively %d %s%s, service %u, %u "
		"bytes; in the kernel %u %s%s, service %u, %u bytes\n",
		name, p->s->steps, what, want->action,
		play_reason(want->reason), want->monitored ? " (would)" : "",
		want->service, want->len, got.verdict, play_reason(got.reason),
		got.monitored ? " (would)" : "", got.service, got.len);
	packet_dump("\tpacket in", in.data, in.len);
	packet_dump("\tnatively", want->data, want->len);
	packet_dump("\tin the kernel", got.data, got.len);
}

static void replay(const char *name, const uint8_t *data, size_t size,
		   bool listens)
{
	static struct play play;
	struct scenario s;
	struct step step;

	scenario_begin(&s, data, size);
	s.cfg.synacks_per_second = 0;
	s.no_meta = false;
	set_up(&s);
	netns_sysctl("tcp_syncookies", "2");
	if (listens) {
		netns_listen(false, SCENARIO_PORT);
		netns_listen(true, SCENARIO_PORT);
	}
	play_begin(&play, &s);
	play.silent = true;
	native.socket.state = listens ? KERNEL_LISTEN : 0;
	native.socket.cookie = 1LL << 32;
	native.socket_port = SCENARIO_PORT;
	while (scenario_next(&s, &step)) {
		if (!scenario_replays(&step))
			continue;
		if (step.op == STEP_FRAME) {
			run_frame(name, &play, &step);
			continue;
		}
		play_step(&play, &step);
		if (step.op == STEP_SESSION)
			enter_sessions(&step);
		else
			daemon_does(&s, &step);
	}
	tear_down();
	seen.inputs++;
}

static DIR *open_corpus(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 64);
	DIR *dir;

	assert_true(len > 0);
	path[len] = '\0';
	*strrchr(path, '/') = '\0';
	strcat(path, "/../fuzz/checked-in/packet");
	dir = opendir(path);
	if (!dir)
		fail_msg("no corpus in %s: `make tests` unpacks it", path);
	return dir;
}

static void replay_all(bool listens)
{
	static uint8_t data[INPUT_MAX];
	DIR *dir = open_corpus();
	struct dirent *e;
	unsigned int i;

	while ((e = readdir(dir)) && seen.bad < 5) {
		FILE *f;
		int input;

		if (e->d_name[0] == '.')
			continue;
		input = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC);
		f = fdopen(input, "r");
		assert_non_null(f);
		replay(e->d_name, data, fread(data, 1, sizeof(data), f),
		       listens);
		fclose(f);
	}
	closedir(dir);
	printf("%u inputs, %u frames", seen.inputs, seen.frames);
	for (i = 0; i < REASON_COUNT; i++)
		if (seen.counted[i])
			printf(", %u %s", seen.counted[i], play_reason(i));
	printf("\n");
	assert_int_equal(seen.bad, 0);
	/* else nothing is being compared */
	assert_true(seen.frames > FRAMES_MIN);
	assert_true(seen.counted[REASON_answered] > FRAMES_MIN / 10);
}

static void kernel_does_what_was_fuzzed(void **state)
{
	(void)state;
	replay_all(false);
}

static void kernel_with_a_listener_does_what_was_fuzzed(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	replay_all(true);
	assert_true(seen.counted[REASON_admitted] > 10);
	assert_true(seen.counted[REASON_kernel_cookie] > 10);
	assert_true(seen.kernel_cookies > 50);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(kernel_does_what_was_fuzzed),
	cmocka_unit_test(kernel_with_a_listener_does_what_was_fuzzed),
};

TEST_MAIN(tests)
