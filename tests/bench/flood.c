// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: sends a flood from a veth of the caller's network
 * namespace, from one CPU, for some seconds and never more than a minute. The
 * kernel runs the program of flood.bpf.c in batches of live frames
 * (BPF_F_TEST_XDP_LIVE_FRAMES); the receiver's softirq runs between batches on
 * the same CPU, so a slower receiver slows the flood down without loss, unless
 * the kernel leaves softirqs to ksoftirqd: --run yields to that. Prints one
 * line of JSON at the end, even if interrupted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/types.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "flood.h"
#include "flood.skel.h"

enum {
	SECONDS_MAX = 60,
	COUNT_MAX = 1 << 30,
	CHUNK_MAX = 8192, /* packets between two looks at the clock */
	CHUNK_NS = 5000000,
	LO = 1, /* its index, in every namespace */
	HDR_MAX = 14 + 40 + FRAGMENT_HDR_LEN,
};

static const char *const kinds[FLOOD_KINDS] = {
	"syn",	     "ack",	  "rst",      "fin",	 "synack",
	"xmas",	     "none",	  "mixed",    "options", "flags",
	"fragments", "ack-plain", "syn-bare",
};

struct options {
	struct flood_config cfg;
	const char *src;
	unsigned int ifindex;
	unsigned int seconds;
	unsigned int count; /* packets; 0: no end but that of the time */
	unsigned int rate;  /* packets per second; 0: as fast as it goes */
	unsigned int run;   /* packets at most, before it gives way */
	int cpu;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static __u64 clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int bad(const char *option, const char *value)
{
	fprintf(stderr, "flood: --%s %s: not understood; see --help\n", option,
		value ? value : "(missing)");
	return -EINVAL;
}

static int usage(FILE *to)
{
	fputs("usage: flood --iface VETH --dst ADDRESS:PORT --dst-mac MAC "
	      "--src-mac MAC\n"
	      "             [--kind KIND] [--src ADDRESS] [--seconds N] "
	      "[--count N]\n"
	      "             [--rate PPS] [--run N] [--cpu N]\n"
	      "Random sources without --src. IPv6 if the address is one: "
	      "[2001:db8::2]:80.\n"
	      "It ends after so many seconds or packets. The kinds:",
	      to);
	for (int i = 0; i < FLOOD_KINDS; i++)
		fprintf(to, " %s", kinds[i]);
	fputs("\n", to);
	return 2;
}

static int parse_number(const char *text, unsigned int max, unsigned int *ret)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value > max)
		return -EINVAL;
	*ret = value;
	return 0;
}

static int parse_kind(const char *text, __u8 *ret)
{
	for (int i = 0; i < FLOOD_KINDS; i++) {
		if (!strcmp(text, kinds[i])) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_mac(const char *text, __u8 *ret)
{
	struct ether_addr mac;

	if (!ether_aton_r(text, &mac))
		return -EINVAL;
	memcpy(ret, &mac, ETH_ALEN);
	return 0;
}

static int parse_addr(const char *text, bool v6, __be32 *ret)
{
	return inet_pton(v6 ? AF_INET6 : AF_INET, text, v6 ? ret : ret + 3) == 1
		       ? 0
		       : -EINVAL;
}

/* "192.0.2.2:80" or "[2001:db8::2]:80" */
static int parse_dst(const char *text, struct flood_config *cfg)
{
	char addr[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(text, ':');
	unsigned int port;
	size_t len;

	if (!colon || colon - text >= (long)sizeof(addr) ||
	    parse_number(colon + 1, 65535, &port))
		return -EINVAL;
	len = colon - text;
	cfg->v6 = len > 2 && text[0] == '[' && text[len - 1] == ']';
	if (cfg->v6)
		snprintf(addr, sizeof(addr), "%.*s", (int)len - 2, text + 1);
	else
		snprintf(addr, sizeof(addr), "%.*s", (int)len, text);
	cfg->dst_port = port;
	return parse_addr(addr, cfg->v6, cfg->dst);
}

static int parse_option(struct options *o, const char *name, const char *value)
{
	unsigned int cpu;

	if (!strcmp(name, "iface")) {
		o->ifindex = if_nametoindex(value);
		return o->ifindex ? 0 : -ENODEV;
	}
	if (!strcmp(name, "kind"))
		return parse_kind(value, &o->cfg.kind);
	if (!strcmp(name, "dst"))
		return parse_dst(value, &o->cfg);
	if (!strcmp(name, "src")) {
		o->src = value;
		return 0;
	}
	if (!strcmp(name, "dst-mac"))
		return parse_mac(value, o->cfg.dst_mac);
	if (!strcmp(name, "src-mac"))
		return parse_mac(value, o->cfg.src_mac);
	if (!strcmp(name, "seconds"))
		return parse_number(value, SECONDS_MAX, &o->seconds);
	if (!strcmp(name, "count"))
		return parse_number(value, COUNT_MAX, &o->count);
	if (!strcmp(name, "rate"))
		return parse_number(value, 100000000, &o->rate);
	if (!strcmp(name, "run"))
		return parse_number(value, CHUNK_MAX, &o->run);
	if (parse_number(value, CPU_SETSIZE - 1, &cpu))
		return -EINVAL;
	o->cpu = cpu;
	return 0;
}

/* Only kinds that need more room get it: the rate of the others is measured. */
static __u8 tcp_room(const struct flood_config *cfg)
{
	__u8 room = cfg->kind == FLOOD_OPTIONS ? FLOOD_OPTIONS_ROOM
					       : FLOOD_TCP_ROOM;

	return cfg->v6 && cfg->kind == FLOOD_FRAGMENTS ? room + FRAGMENT_HDR_LEN
						       : room;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "iface", required_argument, NULL, 'o' },
		{ "kind", required_argument, NULL, 'o' },
		{ "dst", required_argument, NULL, 'o' },
		{ "src", required_argument, NULL, 'o' },
		{ "dst-mac", required_argument, NULL, 'o' },
		{ "src-mac", required_argument, NULL, 'o' },
		{ "seconds", required_argument, NULL, 'o' },
		{ "count", required_argument, NULL, 'o' },
		{ "rate", required_argument, NULL, 'o' },
		{ "run", required_argument, NULL, 'o' },
		{ "cpu", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, index;

	while ((c = getopt_long(argc, argv, "", longs, &index)) != -1) {
		if (c != 'o')
			return -EINVAL;
		if (parse_option(o, longs[index].name, optarg))
			return bad(longs[index].name, optarg);
	}
	if (optind < argc || !o->ifindex || !o->cfg.dst_port)
		return -EINVAL;
	o->cfg.room = tcp_room(&o->cfg);
	o->cfg.fixed_src = o->src != NULL;
	if (o->src && parse_addr(o->src, o->cfg.v6, o->cfg.src))
		return bad("src", o->src);
	return 0;
}

static int pin_to_cpu(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

/* Waits until @sent packets are due. Returns how many may be sent now. */
static __u32 pace(const struct options *o, __u64 start, __u64 sent)
{
	__u64 due, late, chunk = (__u64)o->rate * CHUNK_NS / 1000000000;
	__u32 max = o->run ? o->run : CHUNK_MAX;
	struct timespec t;

	if (o->count && o->count - sent < max)
		max = o->count - sent;
	if (!o->rate)
		return max;
	due = start + sent * 1000000000 / o->rate;
	t.tv_sec = due / 1000000000;
	t.tv_nsec = due % 1000000000;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	late = (clock_ns() - due) * o->rate / 1000000000;
	if (chunk < late)
		chunk = late;
	if (!chunk)
		return 1;
	return chunk < max ? chunk : max;
}

/*
 * A test run first patches the kernel's XDP dispatcher, for up to 30 ms, unless
 * the program is in it already because it is attached somewhere: to lo, whose
 * packets it passes. If another flood is attached already, this one is slower.
 * The link goes away with the process.
 */
static int attach_idly(const struct flood_bpf *skel)
{
	int err = bpf_link_create(bpf_program__fd(skel->progs.flood), LO,
				  BPF_XDP, NULL);

	return err == -EBUSY || err > 0 ? 0 : err;
}

static bool is_over(const struct options *o, __u64 end, __u64 sent)
{
	return stop || clock_ns() >= end || (o->count && sent >= o->count);
}

/* Sends until the time is up or a signal arrives. Returns 0 or -errno. */
static int flood_run(const struct options *o, struct flood_bpf *skel,
		     double *ret_seconds)
{
	unsigned char frame[HDR_MAX + FLOOD_OPTIONS_ROOM] = { 0 };
	struct xdp_md ctx = {
		.ingress_ifindex = o->ifindex,
		.data_end = (o->cfg.v6 ? 54 : 34) + o->cfg.room,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = ctx.data_end, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx),
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	int fd = bpf_program__fd(skel->progs.flood), err;
	__u64 start = clock_ns(), end = start + o->seconds * 1000000000ull;

	while (!is_over(o, end, skel->bss->sent)) {
		opts.repeat = pace(o, start, skel->bss->sent);
		err = bpf_prog_test_run_opts(fd, &opts);
		if (err && err != -EINTR)
			return err;
		if (o->run)
			sched_yield(); /* softirqs may wait for ksoftirqd */
	}
	*ret_seconds = (clock_ns() - start) / 1e9;
	return 0;
}

static int run(const struct options *o)
{
	struct flood_bpf *skel;
	double seconds;
	__u64 sent;
	int err;

	err = pin_to_cpu(o->cpu);
	if (err) {
		fprintf(stderr, "flood: CPU %d: %s\n", o->cpu, strerror(-err));
		return err;
	}
	skel = flood_bpf__open();
	if (!skel)
		return -errno;
	memcpy((void *)&skel->rodata->cfg, &o->cfg, sizeof(o->cfg));
	skel->data->seed = clock_ns();
	err = flood_bpf__load(skel);
	if (!err)
		err = attach_idly(skel);
	if (!err)
		err = flood_run(o, skel, &seconds);
	if (err) {
		fprintf(stderr, "flood: %s\n", strerror(-err));
		goto out;
	}
	sent = skel->bss->sent;
	printf("{\"kind\": \"%s\", \"sent\": %llu, \"bytes\": %llu, "
	       "\"seconds\": %.3f, \"pps\": %.0f}\n",
	       kinds[o->cfg.kind], sent, skel->bss->sent_bytes, seconds,
	       sent / seconds);
out:
	flood_bpf__destroy(skel);
	return err;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct options o = { .seconds = 5, .cpu = -1 };

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return 0;
	}
	if (parse_options(argc, argv, &o))
		return usage(stderr);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return run(&o) ? 1 : 0;
}
