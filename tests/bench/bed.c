// SPDX-License-Identifier: GPL-2.0-only
/* The process stays on one CPU, and uses a second one for some rows. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bed.h"
#include "../bpf/kernelside.h"
#include "../bpf/netns.h"
#include "../bpf/sessions.h"

struct bed bed;

void bed_die(const char *what)
{
	fprintf(stderr, "packet: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void check(const char *what, int err)
{
	if (err < 0) {
		errno = -err;
		bed_die(what);
	}
}

static void choose_cpus(void)
{
	cpu_set_t all, cpu;
	unsigned i;

	bed.cpus[0] = sched_getcpu();
	bed.lanes = 1;
	CPU_ZERO(&all);
	sched_getaffinity(0, sizeof(all), &all);
	for (i = 0; i < CPU_SETSIZE && bed.lanes < BED_LANES; i++)
		if (CPU_ISSET(i, &all) && i != bed.cpus[0])
			bed.cpus[bed.lanes++] = i;
	CPU_ZERO(&cpu);
	CPU_SET(bed.cpus[0], &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
}

static void load_product(void)
{
	__u32 sets = tables_sets(SESSIONS_MOST);
	struct synkeeper_bpf *skel = synkeeper_bpf__open();

	if (!skel)
		bed_die("synkeeper.bpf.o");
	bpf_map__set_max_entries(skel->maps.session_tags, sets);
	bpf_map__set_max_entries(skel->maps.session_summary, sets * 2);
	bpf_map__set_max_entries(skel->maps.incomplete_sets, sets / 64);
	bpf_map__set_max_entries(skel->maps.sessions, sets * SET_WAYS);
	check("loading synkeeper.bpf.o (as root?)", synkeeper_bpf__load(skel));
	harness.skel = skel;
}

/*
 * A test run first patches the kernel's XDP dispatcher, half a millisecond that
 * would be attributed to the program, unless the program is in it already
 * because it is attached somewhere.
 */
static void attach_idly(const struct bpf_program *prog, unsigned lane)
{
	const char *name = lane ? "idle1" : "idle0";
	int ifindex = if_nametoindex(name);

	if (!ifindex &&
	    system("ip link add idle0 type veth peer name idle1") == 0)
		ifindex = if_nametoindex(name);
	if (!ifindex)
		bed_die("a veth of the benchmark's own");
	check("attaching to it", bpf_xdp_attach(ifindex, bpf_program__fd(prog),
						XDP_FLAGS_SKB_MODE, NULL));
}

/* The hash map has room for @sessions and is filled with them. */
static void load_wrapper(unsigned lane, __u32 sessions)
{
	struct packet_bpf *skel = packet_bpf__open();
	struct bpf_test_run_opts opts = { .sz = sizeof(opts) };
	const struct spec any = { .flags = SYN };
	static struct frame f;

	packet_bpf__destroy(bed.wrap[lane]);
	bed.wrap[lane] = skel;
	if (!skel)
		bed_die("packet.bpf.o");
	bpf_map__set_max_entries(skel->maps.hash, sessions ? sessions : 1);
	check("session_tags",
	      bpf_map__reuse_fd(skel->maps.session_tags,
				bpf_map__fd(harness.skel->maps.session_tags)));
	check("session_summary",
	      bpf_map__reuse_fd(
		      skel->maps.session_summary,
		      bpf_map__fd(harness.skel->maps.session_summary)));
	check("sessions",
	      bpf_map__reuse_fd(skel->maps.sessions,
				bpf_map__fd(harness.skel->maps.sessions)));
	check("loading packet.bpf.o", packet_bpf__load(skel));
	skel->data->seed += lane;

	packet_build(&any, &f);
	opts.data_in = f.data;
	opts.data_size_in = f.len;
	opts.repeat = sessions;
	if (sessions)
		check("filling the hash map",
		      bpf_prog_test_run_opts(
			      bpf_program__fd(skel->progs.hash_fill), &opts));
	if (skel->bss->failures)
		bed_die("filling the hash map");
	attach_idly(skel->progs.wrap, lane);
}

void bed_open(void)
{
	struct spec connected = { CONNECTED };
	unsigned i;

	/* else the harness, outside of a cmocka test, ends without a word */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	choose_cpus();
	check("a network namespace (as root?)", netns_enter());
	load_product();
	/* for bpf_tcp_gen_syncookie(), the product's calls of it, too */
	netns_sysctl("tcp_syncookies", "2");
	netns_listen(true, 443);
	netns_connect(&connected, &bed.clients[0], NULL); /* and listens */
	for (i = 1; i < BED_CLIENTS; i++) {
		connected.sport++;
		bed.clients[i] = netns_dial(&connected);
	}
}

static void exact_services(__u32 n, struct endpoint ep)
{
	struct port_services ps = { .exact = n };
	char addr[INET_ADDRSTRLEN];
	__u32 i;

	harness_endpoint(SERVER4, 443, &ep);
	for (i = 1; i < n; i++) {
		snprintf(addr, sizeof(addr), "10.128.%u.%u", i >> 8 & 255,
			 i & 255);
		ep.service = SERVICES + i;
		harness_endpoint(addr, 443, &ep);
	}
	harness_port(443, &ps);
}

/* The usual host: a gateway, its network, and a second one. */
void bed_gateway(__u16 vlan)
{
	struct next_hop usual = { .kind = HOP_USUAL, .n = 2, .vlan = vlan };
	struct iface lo = { .ifindex = LO, .mtu = MTU, .device = LO };
	unsigned i;

	memcpy(usual.gateway, client_mac, 6);
	for (i = 0; i < usual.n; i++)
		usual.prefixes[i] = (struct hop_prefix){ i + 1, ~0ULL };
	lo.hop4 = lo.hop6 = usual;
	memcpy(lo.mac, server_mac, 6);
	harness_iface(&lo);
}

static void settings(const struct scene *scene)
{
	unsigned i;

	harness.cfg = (struct settings){
		.abi = ABI_VERSION,
		.flags = SETTING_READY | SETTING_TS | SETTING_WSCALE |
			 SETTING_SACK | SETTING_ECN | SETTING_GUARDED |
			 SETTING_FLOW_LABEL |
			 (scene->unsure ? 0 : SETTING_COMPLETE),
		.epoch = 6,
		.set_mask = bed.tables.sets - 1,
		.hash_seed = 0x243f6a8885a308d3ULL,
		.hash_mul = 0x9e3779b97f4a7c15ULL,
		.ttl = 64,
		.hop_limit = 64,
		.kernel_cookies_until = sessions_now() - 1,
	};
	harness_settings();
	for (i = 0; i < KEY_SLOTS; i++)
		harness_key(i, harness_key_of(6 - i % 2 - i / 2 * 2));
	bed_gateway(0);
}

void bed_scene(const struct scene *scene)
{
	enum endpoint_mode mode = scene->mode ? scene->mode : ENDPOINT_ARMED;
	const struct tables_fds fds = {
		.tags = bpf_map__fd(harness.skel->maps.session_tags),
		.sessions = bpf_map__fd(harness.skel->maps.sessions),
		.summary = bpf_map__fd(harness.skel->maps.session_summary),
	};
	__u32 n = scene->sessions;
	unsigned lane;

	for (lane = 0; lane < bed.lanes; lane++)
		load_wrapper(lane, lane ? 0 : n);
	if (bed.tables.tags)
		tables_unmap(&bed.tables);
	check("mapping the session table",
	      tables_map(&bed.tables, &fds,
			 tables_sets(scene->room ? scene->room : n)));
	tables_clear(&bed.tables);
	settings(scene);
	if (scene->exact)
		exact_services(scene->exact, harness_service(SERVICE_4, mode));
	else if (scene->kernel)
		kernelside_mode(mode);
	else
		harness_mode(mode);
	if (n)
		tables_fill(&bed.tables, &harness.cfg, inet_addr(SERVER4),
			    htons(443), SERVICE_4,
			    n < BED_CLIENTS ? BED_CLIENTS : n);
	if (scene->full)
		tables_fill_up(&bed.tables, SERVICE_4);
	harness.cfg.summary = tables_summarize(&bed.tables);
	harness_settings();
}

void bed_clear_budgets(void)
{
	void *zeros = calloc(libbpf_num_possible_cpus(), 8);
	int fd = bpf_map__fd(harness.skel->maps.budgets);
	__u32 i, n = bpf_map__max_entries(harness.skel->maps.budgets);

	for (i = 0; i < n; i++)
		bpf_map_update_elem(fd, &i, zeros, BPF_ANY);
	free(zeros);
}
