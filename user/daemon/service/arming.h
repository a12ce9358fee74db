/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: when to arm a service of `policy = auto`. It is armed at
 * once when too many SYNs came in the last second, when its listener's queues
 * fill up, or when the kernel overflowed a queue while SYNs came; it is
 * disarmed when neither came close for a while. Arming early costs good clients
 * nothing, so the thresholds are low; nor does disarming late. Pure: takes
 * timed observations, returns the decision.
 */
#ifndef ARMING_H
#define ARMING_H

#include <stdbool.h>

#include "config/config.h"
#include "synkeeper/types.h"

/* Polling interval: ARMING_LOOKS make a second. */
enum { ARMING_LOOK_MS = 100, ARMING_LOOKS = 10 };

struct arming_look {
	__u64 clock_ns;
	__u64 syns;	      /* so far */
	unsigned int queue;   /* half-open, or waiting to be accepted */
	unsigned int backlog; /* 0: no listener */
	__u64 overflows;      /* of any queue on this host, so far */
};

enum arming_cause { ARMING_NONE, ARMING_RATE, ARMING_QUEUE, ARMING_OVERFLOW };

struct arming {
	bool armed;
	enum arming_cause cause;	 /* why it is armed, or nearly so */
	unsigned int syns[ARMING_LOOKS]; /* of ARMING_LOOK_MS each */
	unsigned int now;		 /* the one being counted */
	__u64 since_ns;			 /* when that began */
	unsigned int rate;		 /* their sum */
	bool looked;
	struct arming_look last;
	__u64 uneasy_ns; /* when a threshold was last nearly reached */
};

/* @armed: as left by an earlier instance or another policy. */
void arming_begin(struct arming *a, bool armed);

/*
 * Returns whether the service should be armed now. Called every ARMING_LOOK_MS,
 * and in between if something may have happened.
 */
bool arming_step(struct arming *a, const struct arming_limits *l,
		 const struct arming_look *look);

#endif
