/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what RCU does in the kernel, for threads of a race test.
 * Each counts its steps; whoever takes something away waits until each has
 * finished the step in which it may have found it.
 */
#ifndef STEPS_H
#define STEPS_H

#include <sched.h>
#include <stdint.h>

/* Of one thread; odd: within a step. */
static inline void steps_turn(uint64_t *steps)
{
	__atomic_add_fetch(steps, 1, __ATOMIC_SEQ_CST);
}

/* Waits until the thread has finished the step that it is in. */
static inline void steps_wait(const uint64_t *steps)
{
	uint64_t was = __atomic_load_n(steps, __ATOMIC_SEQ_CST);

	while (was & 1 && __atomic_load_n(steps, __ATOMIC_SEQ_CST) == was)
		sched_yield();
}

#endif
