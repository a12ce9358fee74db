/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the test bed of the per-packet benchmark: the real
 * programs with a large table, loaded without the daemon in a network namespace
 * of the process's own, the wrapper of packet.bpf.c, and the state that a scene
 * requires. Uses the harness of tests/bpf to set up the maps.
 */
#ifndef TESTS_BENCH_BED_H
#define TESTS_BENCH_BED_H

#include "rows.h"
/* behind the types of its variables */
#include "packet.skel.h"

enum {
	BED_LANES = 2,	 /* cores that are used at once */
	BED_CLIENTS = 8, /* among whom the second core's is found */
};

struct bed {
	struct packet_bpf *wrap[BED_LANES];
	unsigned cpus[BED_LANES]; /* the first is this thread's */
	unsigned lanes;		  /* 1: there is no other core */
	struct tables tables;	  /* of the scene */
	/* their ends of connections, from CONNECTED and the ports after it */
	int clients[BED_CLIENTS];
};
extern struct bed bed;

/* A row made ready (trial.c). */
struct trial {
	const struct row *row;
	unsigned lane;
	struct frame frame, mixed;
	struct wrap_config cfg;
	int program_fd, floor_fd;
	__u32 verdict;
	const char *floor; /* its name */
};

/* On failure all of these end the program with a message. */
_Noreturn void bed_die(const char *what); /* by errno */
void bed_open(void);
void bed_scene(const struct scene *scene);
void bed_gateway(__u16 vlan); /* it is in; 0: none */

/* @lane: the core that it is for; each has a client of its own. */
void bed_trial(const struct row *row, unsigned lane, struct trial *ret);

/* Puts @t's packet and programs into the wrapper. */
void bed_install(const struct trial *t);

/* Refills all rate limits. */
void bed_clear_budgets(void);
enum { BED_FEW = 9000 }; /* below those */

/*
 * Runs @program (of wrap.h's slots) @repeat times. Returns ns a packet. Ends
 * the program unless all got @t's verdict and counted its reason.
 */
double bed_run(const struct trial *t, __u32 program, unsigned repeat);

/* The same on two cores at once: each runs its trial @repeat times. */
double bed_run_both(const struct trial *t[BED_LANES], __u32 program,
		    unsigned repeat);

#endif
