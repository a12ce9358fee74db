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

struct bed {
	struct packet_bpf *wrap;
	struct tables tables; /* of the scene */
	int client;	      /* its end of a connection, from CONNECTED */
};
extern struct bed bed;

/* A row made ready (trial.c). */
struct trial {
	const struct row *row;
	struct frame frame;
	struct wrap_config cfg;
	int program_fd, floor_fd;
	__u32 verdict;
	const char *floor; /* its name */
};

/* On failure all of these end the program with a message. */
_Noreturn void bed_die(const char *what); /* by errno */
void bed_open(void);
void bed_scene(const struct scene *scene);

void bed_trial(const struct row *row, struct trial *ret);

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

#endif
