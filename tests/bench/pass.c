// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: runs a trial, on one core or on two at once. Measures
 * the CPU time of each thread: on a shared machine the kernel may schedule
 * others in the middle of a test run.
 *
 * Two cores have a wrapper each, so that the benchmark itself shares nothing
 * that is written; maps and programs under test are shared, as in the field. A
 * figure of both counts only if they really ran at the same time, else the
 * pass is repeated, a few times.
 */
#include <bpf/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bed.h"

/* Where packets meet sessions in random order, a few sessions are not there. */
enum { MISSES_PER_MILLE = 2 };

enum { MIX_MIN = 10000 }; /* packets, for shares to be as expected */

enum { TRIES = 3 };
static const double overlap_least = 0.9;

struct pass {
	const struct trial *t;
	__u32 program;
	unsigned repeat;
	unsigned *ready; /* so many wait for each other; NULL: alone */
	__u64 begun, ended;
	double cpu_ns;
	__u32 retval;
	int err;
};

static void read_counters(__u16 service, struct counters *ret)
{
	struct counters *all = calloc(libbpf_num_possible_cpus(), sizeof(*all));
	__u32 key = service, reason;
	int cpu;

	*ret = (struct counters){};
	bpf_map_lookup_elem(bpf_map__fd(harness.skel->maps.counters), &key,
			    all);
	for (cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		for (reason = 0; reason < REASON_COUNT; reason++)
			ret->packets[reason] += all[cpu].packets[reason];
	bpf_map_lookup_elem(bpf_map__fd(harness.skel->maps.monitored), &key,
			    all);
	for (reason = 0; reason < REASON_COUNT; reason++)
		ret->packets[reason] += all[0].packets[reason];
	free(all);
}

/* Did the @n packets since @before count the row's reason? */
static void check_reason(const struct trial *t, const struct counters *before,
			 unsigned n)
{
	const struct row *row = t->row;
	struct counters now;
	__u64 got, other, all = n, missing = n / 1000 * MISSES_PER_MILLE;
	__u32 reason;

	if (row->mix) { /* random */
		all -= (__u64)n * row->mix / WRAP_MIX_OF * 9 / 10;
		missing = n < MIX_MIN ? all : all / 20;
	}
	read_counters(row->service, &now);
	got = now.packets[row->reason] - before->packets[row->reason];
	if (got <= all && got >= all - missing)
		return;
	fprintf(stderr, "packet: %s: %s expected of %u packets, got %llu\n",
		row->name, reason_name(row->reason), n, got);
	for (reason = 1; reason < REASON_COUNT; reason++) {
		other = now.packets[reason] - before->packets[reason];
		if (reason != (__u32)row->reason && other)
			fprintf(stderr, "packet: and %llu %s\n", other,
				reason_name(reason));
	}
	exit(1);
}

static __u64 cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static __u64 wall_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void *pass_run(void *arg)
{
	struct pass *p = arg;
	const struct trial *t = p->t;
	struct xdp_md ctx = { .data_end = t->frame.len, .ingress_ifindex = LO };
	struct bpf_test_run_opts opts = { .sz = sizeof(opts),
					  .data_in = t->frame.data,
					  .data_size_in = t->frame.len,
					  .ctx_in = &ctx,
					  .ctx_size_in = sizeof(ctx),
					  .repeat = p->repeat };
	struct packet_bpf *wrap = bed.wrap[t->lane];
	__u64 cpu;

	wrap->bss->cfg.program = p->program;
	if (p->ready) {
		__atomic_add_fetch(p->ready, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(p->ready, __ATOMIC_SEQ_CST) < BED_LANES)
			;
	}
	p->begun = wall_ns();
	cpu = cpu_ns();
	p->err = bpf_prog_test_run_opts(bpf_program__fd(wrap->progs.wrap),
					&opts);
	p->cpu_ns = cpu_ns() - cpu;
	p->ended = wall_ns();
	p->retval = opts.retval;
	return NULL;
}

static void check_pass(const struct pass *p)
{
	const struct trial *t = p->t;
	__u64 failures = bed.wrap[t->lane]->bss->failures;

	if (p->err)
		bed_die(t->row->name);
	if (!failures &&
	    (p->retval == t->verdict || (t->row->mix && p->retval == XDP_TX)))
		return;
	fprintf(stderr,
		"packet: %s: XDP verdict %u expected, got %u (slot %u, "
		"%llu failures)\n",
		t->row->name, t->verdict, p->retval, p->program, failures);
	exit(1);
}

double bed_run(const struct trial *t, __u32 program, unsigned repeat)
{
	bool product = program == WRAP_UNDER_TEST && t->row->reason;
	struct pass p = { .t = t, .program = program, .repeat = repeat };
	struct counters before;

	if (t->row->few)
		bed_clear_budgets();
	if (product)
		read_counters(t->row->service, &before);
	pass_run(&p);
	check_pass(&p);
	if (product)
		check_reason(t, &before, repeat);
	return p.cpu_ns / repeat;
}

static void run_both(struct pass passes[BED_LANES])
{
	pthread_attr_t attr;
	pthread_t other;
	cpu_set_t cpu;
	int err;

	CPU_ZERO(&cpu);
	CPU_SET(bed.cpus[1], &cpu);
	pthread_attr_init(&attr);
	err = pthread_attr_setaffinity_np(&attr, sizeof(cpu), &cpu);
	if (!err)
		err = pthread_create(&other, &attr, pass_run, &passes[1]);
	pthread_attr_destroy(&attr);
	if (err) {
		errno = err;
		bed_die("a thread on another core");
	}
	pass_run(&passes[0]);
	pthread_join(other, NULL);
}

/* The share of their time in which both ran; 1 is best. */
static double overlap(const struct pass p[BED_LANES])
{
	__u64 begun = p[0].begun > p[1].begun ? p[0].begun : p[1].begun;
	__u64 ended = p[0].ended < p[1].ended ? p[0].ended : p[1].ended;
	double walls = 0, cpus = 0;
	unsigned i;

	for (i = 0; i < BED_LANES; i++) {
		walls += p[i].ended - p[i].begun;
		cpus += p[i].cpu_ns;
	}
	if (ended <= begun)
		return 0;
	return 2.0 * (ended - begun) / walls * cpus / walls;
}

static double run_both_checked(const struct trial *t[BED_LANES], __u32 program,
			       unsigned repeat, double *ret_overlap)
{
	bool product = program == WRAP_UNDER_TEST && t[0]->row->reason;
	struct pass passes[BED_LANES];
	struct counters before;
	unsigned ready = 0, i;

	for (i = 0; i < BED_LANES; i++)
		passes[i] = (struct pass){ .t = t[i],
					   .program = program,
					   .repeat = repeat,
					   .ready = &ready };
	if (t[0]->row->few)
		bed_clear_budgets();
	if (product)
		read_counters(t[0]->row->service, &before);
	run_both(passes);
	for (i = 0; i < BED_LANES; i++)
		check_pass(&passes[i]);
	if (product)
		check_reason(t[0], &before, BED_LANES * repeat);
	*ret_overlap = overlap(passes);
	return (passes[0].cpu_ns + passes[1].cpu_ns) / (BED_LANES * repeat);
}

double bed_run_both(const struct trial *t[BED_LANES], __u32 program,
		    unsigned repeat)
{
	double best = 0, ns = 0;
	unsigned i;

	for (i = 0; i < TRIES && best < overlap_least; i++) {
		double share,
			got = run_both_checked(t, program, repeat, &share);

		if (share >= best) {
			best = share;
			ns = got;
		}
	}
	return ns;
}
