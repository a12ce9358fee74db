/* SPDX-License-Identifier: GPL-2.0-only */
/* SYNs left to the kernel within a budget: bpf/path/hand_over.bpf.h. */
#ifndef TESTS_BPF_HANDED_OVER_H
#define TESTS_BPF_HANDED_OVER_H

#include "harness.h"

/*
 * SYN @syn must be handed over, and be in the table, opening. Prints what is
 * different, and returns how much.
 */
unsigned handed_over(const char *what, const struct spec *syn);

/*
 * Fails unless of a flood of SYNs @syn no more than the budget are handed over,
 * and the others counted as @beyond.
 */
void handed_over_flood(const struct spec *syn, enum reason beyond);

#endif
