/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: parts of `synkeeper status` that others show, too. */
#ifndef CMD_STATUS_H
#define CMD_STATUS_H

#include <jansson.h>
#include <stdio.h>

/* "1,234 of 1,048,576: 1,200 established, 34 pending"; no newline. */
void status_put_sessions(FILE *out, const json_t *status);

#endif
