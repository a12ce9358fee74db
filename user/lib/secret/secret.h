/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the file of a cluster's secret, which every node has a
 * copy of. It has a line for each secret, one or two:
 *
 *	ROLE ID 64 hexadecimal digits
 *
 * and comments that begin with '#'. `current` makes cookies and checks them;
 * `staged` and `former` only check. Rolling out another secret takes three
 * steps, each on all nodes before the next begins:
 *
 *	stage	 current A, staged B	B is accepted everywhere
 *	promote	 former A, current B	B makes cookies; A's are in flight
 *	retire	 current B		A counts no longer
 *
 * A step that was taken already changes nothing. The file must be a regular one
 * that belongs to root (or to the user that runs this) and that nobody else can
 * access. It is replaced atomically.
 *
 * A struct secrets must be wiped by secrets_wipe(); none is ever printed. What
 * identifies a secret to people is its id and its fingerprint, a hash from
 * which it cannot be guessed.
 */
#ifndef SECRET_H
#define SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "synkeeper/siphash.h"

enum {
	SECRETS_MAX = 2,
	SECRET_BYTES = 32,
	SECRET_ID_MAX = 33, /* bytes with the final NUL */
	SECRET_ERR_MAX = 512,
	SECRET_PRINT_MAX = 20, /* 0123:4567:89ab:cdef */
	SECRET_STATE_MAX = 160,
};

enum secret_role { SECRET_CURRENT, SECRET_STAGED, SECRET_FORMER };

struct secret {
	enum secret_role role;
	char id[SECRET_ID_MAX]; /* printable ASCII, no blanks */
	unsigned char bytes[SECRET_BYTES];
};

/* One is current. @n is 0 only if it was never filled. */
struct secrets {
	size_t n;
	struct secret list[SECRETS_MAX];
};

/*
 * All that return int: 0, or -errno with one line in @err (SECRET_ERR_MAX
 * bytes) that names @path and says what to do; *@ret is then unchanged.
 */

/* Needed before any other function; 0 or -EIO. */
int secret_init(void);
int secrets_read(const char *path, struct secrets *ret, char *err);
/* @fresh: -EEXIST if there is such a file; else it is replaced. */
int secrets_write(const char *path, const struct secrets *s, bool fresh,
		  char *err);
/* Parses @text, which may be changed. @path: for messages. */
int secrets_parse(const char *path, char *text, struct secrets *ret, char *err);
void secrets_wipe(struct secrets *s);

/* One new secret, current, from the kernel's random number generator. */
int secrets_generate(struct secrets *ret, char *err);

/*
 * The steps of a rollout. Return 1 if *@s was changed, 0 if the step was taken
 * before, or -EINVAL with a reason in @err: @s is then unchanged.
 * @from: the file with the secret to stage, which must hold one.
 */
int secrets_stage(struct secrets *s, const struct secrets *from, char *err);
int secrets_promote(struct secrets *s, char *err);
int secrets_retire(struct secrets *s, char *err);

/* The secret of that role, or NULL. */
const struct secret *secrets_find(const struct secrets *s,
				  enum secret_role role);
const char *secret_role_name(enum secret_role role);
/* Of the whole: "single", "staged", "promoted". */
const char *secrets_stage_name(const struct secrets *s);
/* "A is current, B is staged"; returns @buf. */
const char *secrets_describe(const struct secrets *s,
			     char buf[SECRET_STATE_MAX]);
/* Returns @buf. */
const char *secret_print(const struct secret *s, char buf[SECRET_PRINT_MAX]);

/* The key of an @epoch: libsodium's crypto_kdf. The caller wipes *@ret. */
void secret_derive(const struct secret *s, __u64 epoch,
		   struct siphash_key *ret);

#endif
