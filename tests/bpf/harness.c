// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the process stays on one CPU, so that per-CPU budgets
 * are its own.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "counters.h"
#include "harness.h"
#include "netns.h"
#include "sessions.h"
#include "check.h"
#include "synkeeper/stats_rows.h"

struct harness harness;

static struct ring_buffer *ring, *samples;
static struct event last_event;
static struct sample last_sample;
static bool have_event, have_sample;
static int sources; /* the trie in force, or 0 */

static const char *const reason_names[REASON_COUNT] = {
	"none",
#define REASON(name, ...) #name,
#include "synkeeper/reason_table.h"
};

const char *reason_name(enum reason reason)
{
	return reason < REASON_COUNT ? reason_names[reason] : "?";
}

static int fd(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

static void put(const struct bpf_map *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(fd(map), key, value, BPF_ANY))
		fail_msg("map %s: %s", bpf_map__name(map), strerror(errno));
}

void harness_settings(void)
{
	__u32 zero = 0;

	put(harness.skel->maps.settings, &zero, &harness.cfg);
}

void harness_key(unsigned slot, const struct cookie_key *key)
{
	__u32 index = slot;

	put(harness.skel->maps.keys, &index, key);
}

/* Keys that tests can know: the words of key @n are derived from @n. */
static struct cookie_key make_key(unsigned n)
{
	return (struct cookie_key){
		.key = { .k0 = 0x9e3779b97f4a7c15ULL * (2 * n + 3),
			 .k1 = 0xc2b2ae3d27d4eb4fULL * (2 * n + 5) },
		.born_ns = n + 1,
	};
}

const struct cookie_key *harness_key_of(unsigned epoch)
{
	static struct cookie_key key;

	key = make_key(epoch);
	return &key;
}

void harness_rotate(void)
{
	unsigned next = harness.cfg.epoch + 1, slot = next & 1;

	harness_key(KEY_OLD + slot, harness_key_of(next - 2));
	harness_key(slot, harness_key_of(next));
	harness.cfg.epoch = next;
	harness_settings();
}

void harness_port(uint16_t port, const struct port_services *ps)
{
	__u32 index = port;

	put(harness.skel->maps.ports, &index, ps);
}

static void mapped(const char *text, __u8 ret[16])
{
	memset(ret, 0, 10);
	memset(ret + 10, 0xff, 2);
	if (inet_pton(AF_INET, text, ret + 12) != 1 &&
	    inet_pton(AF_INET6, text, ret) != 1)
		fail_msg("no address: %s", text);
}

void harness_endpoint(const char *addr, uint16_t port,
		      const struct endpoint *ep)
{
	struct endpoint_key key = { .port = htons(port) };

	mapped(addr, key.addr);
	put(harness.skel->maps.endpoints, &key, ep);
}

void harness_local(const char *addr, unsigned prefixlen)
{
	struct local_key key = { .prefixlen = prefixlen };
	__u32 value = 1;

	mapped(addr, key.addr);
	put(harness.skel->maps.local_addrs, &key, &value);
}

void harness_iface(const struct iface *iface)
{
	__u32 slot = iface->ifindex % IFACES_MAX;

	put(harness.skel->maps.ifaces, &slot, iface);
}

void harness_source(const char *addr, unsigned prefixlen, enum source_kind kind)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	struct local_key key = { .prefixlen = prefixlen };
	__u32 zero = 0, value = kind;

	if (!sources)
		sources = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "sources",
					 sizeof(key), sizeof(value), 16, &opts);
	mapped(addr, key.addr);
	if (bpf_map_update_elem(sources, &key, &value, BPF_ANY))
		fail_msg("%s/%u: %s", addr, prefixlen, strerror(errno));
	put(harness.skel->maps.prefixes, &zero, &sources);
	harness.cfg.flags |= SETTING_PREFIXES;
	harness_settings();
}

struct endpoint harness_service(uint16_t id, enum endpoint_mode mode)
{
	return (struct endpoint){ .service = id,
				  .mode = mode,
				  .wscale = SERVER_WSCALE,
				  .window = SERVER_WINDOW };
}

void harness_mode(enum endpoint_mode mode)
{
	struct port_services ps = { .any4 = harness_service(SERVICE_4, mode),
				    .any6 = harness_service(SERVICE_6, mode) };

	harness_port(443, &ps);
}

/* Every test starts with full budgets. */
static void clear_budgets(void)
{
	void *zeros = calloc(libbpf_num_possible_cpus(), 8);
	__u32 i, n = bpf_map__max_entries(harness.skel->maps.budgets);

	for (i = 0; i < n; i++)
		put(harness.skel->maps.budgets, &i, zeros);
	free(zeros);
}

void harness_spend(__u32 kind)
{
	struct budget {
		__u32 second;
		__u32 used;
	} * each;
	int cpus = libbpf_num_possible_cpus(), cpu;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	if (ts.tv_nsec > 900000000) {
		usleep(1000000 - ts.tv_nsec / 1000 + 20000);
		clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	}
	each = calloc(cpus, sizeof(*each));
	for (cpu = 0; cpu < cpus; cpu++) {
		each[cpu].second = (ts.tv_sec * 1000000000ULL + ts.tv_nsec) >>
				   30;
		each[cpu].used = UINT32_MAX;
	}
	put(harness.skel->maps.budgets, &kind, each);
	free(each);
}

void harness_spend_budget(void)
{
	harness_spend(0);
}

static int on_event(void *unused, void *data, size_t size)
{
	(void)unused;
	if (size < sizeof(last_event))
		return -EINVAL;
	memcpy(&last_event, data, sizeof(last_event));
	have_event = true;
	return 0;
}

bool harness_event(struct event *ret)
{
	have_event = false;
	ring_buffer__consume(ring);
	if (have_event)
		*ret = last_event;
	return have_event;
}

static int on_sample(void *unused, void *data, size_t size)
{
	(void)unused;
	if (size < sizeof(last_sample))
		return -EINVAL;
	memcpy(&last_sample, data, sizeof(last_sample));
	have_sample = true;
	return 0;
}

bool harness_sample(struct sample *ret)
{
	have_sample = false;
	ring_buffer__consume(samples);
	if (have_sample)
		*ret = last_sample;
	return have_sample;
}

static int test_run(struct bpf_program *prog, const struct frame *in, void *ctx,
		    size_t ctx_size, struct run *r)
{
	struct bpf_test_run_opts opts = { .sz = sizeof(opts),
					  .data_in = in->data,
					  .data_size_in = in->len,
					  .data_out = r->data,
					  .data_size_out = sizeof(r->data),
					  .ctx_in = ctx,
					  .ctx_size_in = ctx_size,
					  .ctx_out = ctx,
					  .ctx_size_out = ctx_size,
					  .repeat = 1 };
	int err = bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);

	if (err)
		return err;
	r->verdict = opts.retval;
	r->len = opts.data_size_out;
	counters_take(r);
	return 0;
}

/* tests/lib/nettest.py names the variable. */
static bool skb_mode(void)
{
	const char *mode = getenv("SYNKEEPER_TEST_MODE");

	return mode && !strcmp(mode, "skb");
}

int harness_try(const struct frame *in, struct run *r)
{
	struct xdp_md ctx = {
		.data_end = r->linear ? r->linear : in->len,
		.ingress_ifindex = r->ifindex ? r->ifindex : LO,
	};
	int err;

	if (r->linear && skb_mode()) {
		fprintf(stderr, "skip: skb mode shows XDP no fragments\n");
		skip();
	}
	err = test_run(skb_mode() ? harness.skel->progs.synkeeper_xdp
				  : harness.skel->progs.synkeeper_xdp_f,
		       in, &ctx, sizeof(ctx), r);
	if (err)
		return err;
	r->meta_len = ctx.data - ctx.data_meta;
	memset(&r->meta, 0, sizeof(r->meta));
	memcpy(&r->meta, r->data,
	       r->meta_len < sizeof(r->meta) ? r->meta_len : sizeof(r->meta));
	r->len -= r->meta_len;
	memmove(r->data, r->data + r->meta_len, r->len);
	return 0;
}

void harness_run(const struct frame *in, struct run *r)
{
	int err = harness_try(in, r);

	if (err)
		fail_msg("test run of xdp, %u bytes: %s", in->len,
			 strerror(-err));
}

void harness_run_tc(const struct frame *in, struct run *r)
{
	int err = test_run(harness.skel->progs.synkeeper_admit, in, NULL, 0, r);

	if (err)
		fail_msg("test run of tc, %u bytes: %s", in->len,
			 strerror(-err));
}

/* Linux before 6.9 has no bpf_sk_assign_tcp_reqsk(): as the loader does. */
bool harness_assigns(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool found = btf &&
		     btf__find_by_name_kind(btf, "bpf_sk_assign_tcp_reqsk",
					    BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return found;
}

static int load(void)
{
	struct synkeeper_bpf *skel;
	cpu_set_t cpu;

	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	if (netns_enter())
		return -1;
	skel = harness.skel = synkeeper_bpf__open();
	if (!skel)
		return -1;
	/* two of one function: verifying both would take twice as long */
	bpf_program__set_autoload(skel->progs.synkeeper_xdp, skb_mode());
	bpf_program__set_autoload(skel->progs.synkeeper_xdp_f, !skb_mode());
	bpf_program__set_autoload(skel->progs.synkeeper_admit,
				  harness_assigns());
	bpf_map__set_max_entries(skel->maps.session_tags, SETS);
	bpf_map__set_max_entries(skel->maps.session_summary, SETS * 2);
	bpf_map__set_max_entries(skel->maps.incomplete_sets, SETS / 64);
	bpf_map__set_max_entries(skel->maps.sessions, SETS * SET_WAYS);
	bpf_map__set_max_entries(skel->maps.totals, stats_entries(ROWS));
	bpf_map__set_max_entries(skel->maps.monitored, stats_entries(ROWS));
	if (synkeeper_bpf__load(skel))
		return -1;
	ring = ring_buffer__new(fd(skel->maps.events), on_event, NULL, NULL);
	samples =
		ring_buffer__new(fd(skel->maps.samples), on_sample, NULL, NULL);
	return ring && samples ? 0 : -1;
}

int harness_setup(void **state)
{
	struct iface lo = { .ifindex = LO, .mtu = MTU };
	struct event ignored;
	struct sample unread;
	unsigned i;

	(void)state;
	if (!harness.skel && load()) {
		fprintf(stderr, "the BPF programs do not load (root?)\n");
		return -1;
	}
	harness.cfg = (struct settings){
		.abi = ABI_VERSION,
		.flags = SETTING_READY | SETTING_TS | SETTING_WSCALE |
			 SETTING_SACK | SETTING_ECN | SETTING_GUARDED,
		.epoch = 6,
		.set_mask = SETS - 1,
		.hash_seed = 0x243f6a8885a308d3ULL,
		.hash_mul = 0x9e3779b97f4a7c15ULL,
		.ttl = 64,
		.hop_limit = 64,
		/* the past, whatever the clock says */
		.kernel_cookies_until = sessions_now() - 1,
	};
	harness_settings();
	for (i = 0; i < KEY_SLOTS; i++) /* epochs 6, 5; 4, 3 */
		harness_key(i, harness_key_of(6 - i % 2 - i / 2 * 2));
	harness_mode(ENDPOINT_ARMED);
	memcpy(lo.mac, server_mac, 6);
	harness_iface(&lo);
	sessions_clear();
	clear_budgets();
	harness_event(&ignored);
	harness_sample(&unread);
	return 0;
}

int harness_setup_listening(void **state)
{
	if (harness_setup(state))
		return -1;
	netns_listen(false, 443);
	netns_listen(true, 443);
	return 0;
}

int harness_teardown(void **state)
{
	__u32 zero = 0;

	(void)state;
	if (sources) {
		bpf_map_delete_elem(fd(harness.skel->maps.prefixes), &zero);
		close(sources);
		sources = 0;
	}
	netns_close_all();
	return 0;
}
