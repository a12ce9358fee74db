/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the settings of listeners (see synkeeper/listener.h) as
 * last read, by socket cookie. Reading costs half a microsecond a listener, so
 * it is done at each look: setsockopt() on a listener gives no other sign. If a
 * reading fails, for instance for want of a descriptor, the last one stays.
 */
#ifndef LEARN_H
#define LEARN_H

#include "synkeeper/listener.h"

struct learn; /* opaque */

/*
 * Loads a BPF program: call before dropping privileges. Returns 0 or -errno,
 * logged; then nothing can be learned. Release *@ret with learn_close(), which
 * accepts NULL.
 */
int learn_open(struct learn **ret);
void learn_close(struct learn *l);

/* Rereads them; @n: how many listeners there are. */
void learn_look(struct learn *l, size_t n);

/* The settings of the listener with this cookie; NULL: not known. */
const struct listener_settings *learn_find(const struct learn *l, __u64 cookie);

#endif
