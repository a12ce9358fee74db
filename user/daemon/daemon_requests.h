/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: requests that concern the whole daemon. */
#ifndef DAEMON_REQUESTS_H
#define DAEMON_REQUESTS_H

#include "control/request.h"

/* "status", "reload", "down", of a struct daemon */
extern const struct request_handler daemon_requests[];

#endif
