/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the verbs of `synkeeper key` that change the file of the
 * secret which nodes share (secret/secret.h). They need no daemon, which reads
 * the file at its start and at a reload. Each says what the state is now; one
 * that was run before changes nothing and says so, too.
 */
#ifndef SECRET_VERBS_H
#define SECRET_VERBS_H

#include "cmd.h"

int secret_generate(const struct cmd *c, const struct cmd_args *args);
int secret_stage(const struct cmd *c, const struct cmd_args *args);
int secret_promote(const struct cmd *c, const struct cmd_args *args);
int secret_retire(const struct cmd *c, const struct cmd_args *args);

/* A table of [SECRET]. */
void secrets_print(FILE *out, const json_t *secrets);

#endif
