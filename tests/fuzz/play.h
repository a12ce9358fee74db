/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: plays a scenario with the native programs, and ends the
 * process with a message if a property is violated (see fuzz_packet.c). The
 * replay through the kernel plays the same scenario, for comparison.
 */
#ifndef FUZZ_PLAY_H
#define FUZZ_PLAY_H

#include "native/native.h"
#include "scenario.h"

struct verdict {
	int action;
	enum reason reason;
	bool monitored;
	__u16 service;
	uint32_t len;
	unsigned int meta_len;
	uint8_t data[NATIVE_FRAME_MAX];
	uint8_t meta[NATIVE_META_MAX];
};

struct play {
	struct scenario *s;
	struct client client;
	bool silent; /* behave like the kernel, check nothing */
	uint8_t in[SCENARIO_FRAME_MAX]; /* the last frame, as it went in */
	size_t in_len;
	struct verdict out; /* ... and the result */
};

void play_begin(struct play *p, struct scenario *s);
void play_step(struct play *p, const struct step *step);
/* Checks the session stats. */
void play_end(const struct play *p);

/*
 * Fills in reason, monitored and service; returns how many were counted since
 * the last call.
 */
int play_counted(struct verdict *v);
/* Bytes of the last frame in front of its fragments. */
unsigned int play_linear(const struct play *p, uint8_t arg);
__u32 play_ticks(void);
const struct endpoint *play_endpoint(const struct scenario *s, __u16 service);
const char *play_reason(enum reason reason);

#endif
