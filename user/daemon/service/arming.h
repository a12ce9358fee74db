/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: when a service of `policy = auto` is armed. It arms at
 * once when too many SYNs came in the last second, when its listener's queues
 * fill up, or when the kernel overflowed one while SYNs came; it disarms when
 * neither was near for a while. Arming early costs good clients nothing, so the
 * thresholds are low; disarming late costs nothing either. Pure: what was seen
 * goes in, with its time, and the decision comes out.
 */
#ifndef ARMING_H
#define ARMING_H

#include <stdbool.h>

#include "config/config.h"
#include "synkeeper/types.h"

/* How often to look: ARMING_LOOKS are a second. */
enum { ARMING_LOOK_MS = 100, ARMING_LOOKS = 10 };

struct arming_look {
	__u64 now_ns;
	__u64 syns;	      /* so far */
	unsigned int queue;   /* half-open, or waiting to be accepted */
	unsigned int backlog; /* 0: nobody listens */
	__u64 overflows;      /* of any queue of this host, so far */
};

enum arming_cause { ARMING_NONE, ARMING_RATE, ARMING_QUEUE, ARMING_OVERFLOW };

struct arming {
	bool armed;
	enum arming_cause cause;	 /* of being armed, or nearly so */
	unsigned int syns[ARMING_LOOKS]; /* that came between two looks */
	unsigned int next;
	unsigned int rate; /* their sum */
	bool looked;
	struct arming_look last;
	__u64 uneasy_ns; /* when something was last near its threshold */
};

/* @armed: as an earlier instance, or another policy, left it. */
void arming_begin(struct arming *a, bool armed);

/* Returns whether the service is to be armed now. */
bool arming_step(struct arming *a, const struct arming_limits *l,
		 const struct arming_look *look);

#endif
