/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: kernel features that Synkeeper uses and that not every
 * kernel has, in one table: what each is for, its first version, and what is
 * used instead. They are looked up in the kernel's type information (BTF):
 * nothing is tried out, and version numbers are ignored, since distributions
 * backport. What depends on the driver (native XDP, XDP metadata) is checked
 * where it is used.
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
	const char *without; /* what is used instead; NULL: required */
	/* a function of that name, or an enumerator of in_enum */
	const char *in_enum, *symbol;
};

extern const struct feature_info feature_infos[FEATURES];

/*
 * Looks them all up. Returns 0, or -ENOTSUP: the kernel has no readable BTF
 * (/sys/kernel/btf/vmlinux).
 */
int feature_probe(bool ret_has[FEATURES]);

/* What to do if feature_probe() found no BTF. */
const char *feature_btf_fix(void);

#endif
