/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what Synkeeper uses of the kernel and not every kernel
 * has, in one table: what it is for, since when it is there, and what is done
 * without it. The kernel tells by its own types (BTF): nothing is tried and no
 * version number is believed, since distributions port back. What depends on
 * the driver (native XDP, XDP metadata) is found out where it is used.
 */
#ifndef FEATURE_H
#define FEATURE_H

#include <stdbool.h>

enum feature {
	FEATURE_XDP_LINK,
	FEATURE_RINGBUF,
	FEATURE_LOOP,
	FEATURE_FRAGS,
	FEATURE_TCX,
	FEATURE_ASSIGN,
	FEATURE_LISTENERS,
	FEATURES
};

struct feature_info {
	const char *name;    /* as the kernel calls it */
	const char *since;   /* Linux */
	const char *purpose; /* what it is used for */
	const char *without; /* what is done without; NULL: it is needed */
	/* a function of that name, or an enumerator of the enum */
	const char *in_enum, *symbol;
};

extern const struct feature_info feature_infos[FEATURES];

/*
 * Asks the kernel for all of them. Returns 0, or -ENOTSUP: it has no BTF that
 * can be read (/sys/kernel/btf/vmlinux).
 */
int feature_probe(bool ret_has[FEATURES]);

/* What to do where feature_probe() found no BTF. */
const char *feature_btf_cure(void);

#endif
