/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: reads the settings of the listeners of this network
 * namespace with the BPF iterator of bpf/listeners.bpf.c. The program is loaded
 * once, with CAP_BPF and CAP_PERFMON; each reading then makes an iterator of
 * its own, for which CAP_BPF suffices.
 */
#ifndef LISTENER_ITER_H
#define LISTENER_ITER_H

#include <stddef.h>

#include "synkeeper/listener.h"

struct listener_iter; /* opaque */

/*
 * Returns 0, or -errno: the kernel has no such iterator or refuses the program.
 * Release *@ret with listener_iter_close(), which accepts NULL.
 */
int listener_iter_open(struct listener_iter **ret);
void listener_iter_close(struct listener_iter *it);

/*
 * Calls @fn for each listener. @n: how many there are; the walk ends after so
 * many. 0, or -errno: then some may be missing.
 */
int listener_iter_read(struct listener_iter *it, size_t n,
		       void (*fn)(const struct listener_record *r, void *data),
		       void *data);

#endif
