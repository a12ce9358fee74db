/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the reason of a run, from the programs' counters. They
 * are read after each run and kept as the "before" of the next one, since
 * nobody else runs these programs.
 */
#ifndef TESTS_BPF_COUNTERS_H
#define TESTS_BPF_COUNTERS_H

#include "harness.h"

/*
 * Fills in reason, service and monitored of @r (REASON_NONE: nothing was
 * counted); more than one fails the test.
 */
void counters_take(struct run *r);

#endif
