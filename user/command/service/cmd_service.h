/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: the table of services, which status shows, too. */
#ifndef CMD_SERVICE_H
#define CMD_SERVICE_H

#include <jansson.h>
#include <stdio.h>

/* Prints @services, an array of SERVICE of control_table.h. */
void cmd_service_table(FILE *out, const json_t *services);

#endif
