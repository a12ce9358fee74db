/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "secret.h"

_Static_assert(SECRET_BYTES == crypto_kdf_KEYBYTES, "crypto_kdf's");
_Static_assert(sizeof(struct siphash_key) >= crypto_kdf_BYTES_MIN,
	       "crypto_kdf's");

/* Exactly crypto_kdf_CONTEXTBYTES; another format of cookies gets another. */
static const char context_epoch[] = "synepoch", context_print[] = "synprint";
_Static_assert(sizeof(context_epoch) == crypto_kdf_CONTEXTBYTES + 1 &&
		       sizeof(context_print) == crypto_kdf_CONTEXTBYTES + 1,
	       "crypto_kdf's");

static const char *const role_names[] = {
	[SECRET_CURRENT] = "current",
	[SECRET_STAGED] = "staged",
	[SECRET_FORMER] = "former",
};
enum { N_ROLES = sizeof(role_names) / sizeof(role_names[0]) };

int secret_init(void)
{
	return sodium_init() < 0 ? -EIO : 0;
}

void secrets_wipe(struct secrets *s)
{
	explicit_bzero(s, sizeof(*s));
}

const char *secret_role_name(enum secret_role role)
{
	return role_names[role];
}

const struct secret *secrets_find(const struct secrets *s,
				  enum secret_role role)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->list[i].role == role)
			return &s->list[i];
	return NULL;
}

const char *secrets_stage_name(const struct secrets *s)
{
	if (secrets_find(s, SECRET_STAGED))
		return "staged";
	return secrets_find(s, SECRET_FORMER) ? "promoted" : "single";
}

const char *secrets_describe(const struct secrets *s,
			     char buf[SECRET_STATE_MAX])
{
	size_t i, n = 0;

	*buf = 0;
	for (i = 0; i < s->n; i++)
		n += snprintf(buf + n, SECRET_STATE_MAX - n, "%s%s is %s",
			      i ? ", " : "", s->list[i].id,
			      role_names[s->list[i].role]);
	return buf;
}

void secret_derive(const struct secret *s, __u64 epoch, struct siphash_key *ret)
{
	crypto_kdf_derive_from_key((unsigned char *)ret, sizeof(*ret), epoch,
				   context_epoch, s->bytes);
}

const char *secret_print(const struct secret *s, char buf[SECRET_PRINT_MAX])
{
	unsigned char hash[crypto_kdf_BYTES_MIN];

	crypto_kdf_derive_from_key(hash, sizeof(hash), 0, context_print,
				   s->bytes);
	snprintf(buf, SECRET_PRINT_MAX, "%02x%02x:%02x%02x:%02x%02x:%02x%02x",
		 hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6],
		 hash[7]);
	return buf;
}

/* ---- the text ---- */

__attribute__((format(printf, 3, 4))) static int refuse(char *err, int ret,
							const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, SECRET_ERR_MAX, fmt, ap);
	va_end(ap);
	return ret;
}

static bool is_id(const char *word)
{
	size_t len = strlen(word);

	return len && len < SECRET_ID_MAX &&
	       strspn(word, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static bool set_role(const char *word, enum secret_role *ret)
{
	size_t i;

	for (i = 0; i < N_ROLES; i++)
		if (!strcmp(word, role_names[i])) {
			*ret = i;
			return true;
		}
	return false;
}

/* A line that is not empty. Nothing in a message is from the digits. */
static int parse_line(const char *path, unsigned int number, char *line,
		      struct secret *ret, char *err)
{
	char *at, *role = strtok_r(line, " \t", &at);
	char *id = strtok_r(NULL, " \t", &at),
	     *hex = strtok_r(NULL, " \t", &at);
	size_t len;

	if (!set_role(role, &ret->role))
		return refuse(err, -EINVAL,
			      "%s:%u: a line begins with current, staged or "
			      "former",
			      path, number);
	if (!id || !is_id(id))
		return refuse(err, -EINVAL,
			      "%s:%u: the second word is the secret's id: up "
			      "to %d letters, digits, '.', '_' and '-'",
			      path, number, SECRET_ID_MAX - 1);
	if (!hex || strtok_r(NULL, " \t", &at) ||
	    strlen(hex) != 2 * (size_t)SECRET_BYTES ||
	    sodium_hex2bin(ret->bytes, SECRET_BYTES, hex, strlen(hex), NULL,
			   &len, NULL) ||
	    len != SECRET_BYTES)
		return refuse(err, -EINVAL,
			      "%s:%u: the third word, the last, is the secret: "
			      "%d hexadecimal digits",
			      path, number, 2 * SECRET_BYTES);
	if (sodium_is_zero(ret->bytes, SECRET_BYTES))
		return refuse(err, -EINVAL,
			      "%s:%u: the secret is all zeros: run synkeeper "
			      "key generate",
			      path, number);
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	return 0;
}

static bool is_same(const struct secret *a, const struct secret *b)
{
	return !sodium_memcmp(a->bytes, b->bytes, SECRET_BYTES);
}

/* The whole of a file. */
static int check(const char *path, const struct secrets *s, char *err)
{
	const struct secret *a = &s->list[0], *b = &s->list[1];

	if (s->n == 2 && a->role == SECRET_CURRENT && b->role == SECRET_CURRENT)
		return refuse(err, -EINVAL,
			      "%s: two secrets are current: one must be staged "
			      "or former",
			      path);
	if (!secrets_find(s, SECRET_CURRENT))
		return refuse(err, -EINVAL,
			      "%s: no secret is current: run synkeeper key "
			      "generate, or copy the file of another node",
			      path);
	if (s->n == 2 && !strcmp(a->id, b->id))
		return refuse(err, -EINVAL, "%s: both secrets have the id %s",
			      path, a->id);
	if (s->n == 2 && is_same(a, b))
		return refuse(err, -EINVAL,
			      "%s: %s and %s are the same secret: delete the "
			      "line that is not current",
			      path, a->id, b->id);
	return 0;
}

int secrets_parse(const char *path, char *text, struct secrets *ret, char *err)
{
	struct secrets s = {};
	unsigned int number = 0;
	char *line;
	int fault = 0;

	while (!fault && (line = strsep(&text, "\n"))) {
		number++;
		line[strcspn(line, "#\r")] = 0;
		line += strspn(line, " \t");
		if (!*line)
			continue;
		if (s.n == SECRETS_MAX)
			fault = refuse(err, -E2BIG,
				       "%s:%u: more than %d secrets: run "
				       "synkeeper key retire first",
				       path, number, SECRETS_MAX);
		else
			fault = parse_line(path, number, line, &s.list[s.n++],
					   err);
	}
	if (!fault)
		fault = check(path, &s, err);
	if (!fault)
		*ret = s;
	secrets_wipe(&s);
	return fault;
}

/* ---- the steps ---- */

int secrets_generate(struct secrets *ret, char *err)
{
	struct secrets s = { .n = 1 };
	struct secret *one = &s.list[0];
	char print[SECRET_PRINT_MAX];
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm))
		return refuse(err, -EINVAL, "the date is out of range");
	crypto_kdf_keygen(one->bytes);
	secret_print(one, print);
	snprintf(one->id, sizeof(one->id), "%04d%02d%02d-%.4s",
		 (tm.tm_year + 1900) % 10000, (tm.tm_mon + 1) % 100,
		 tm.tm_mday % 100, print);
	*ret = s;
	secrets_wipe(&s);
	return 0;
}

int secrets_stage(struct secrets *s, const struct secrets *from, char *err)
{
	const struct secret *fresh = &from->list[0];
	size_t i;

	if (from->n != 1)
		return refuse(err, -EINVAL,
			      "the file to stage must hold one secret: make it "
			      "with synkeeper key generate FILE");
	for (i = 0; i < s->n; i++) {
		const struct secret *had = &s->list[i];

		if (is_same(had, fresh) != !strcmp(had->id, fresh->id))
			return refuse(err, -EINVAL,
				      "%s and the %s secret %s have the same "
				      "%s, but are not the same: generate "
				      "another",
				      fresh->id, role_names[had->role], had->id,
				      is_same(had, fresh) ? "bytes" : "id");
		if (!is_same(had, fresh))
			continue;
		if (had->role == SECRET_FORMER)
			return refuse(err, -EINVAL,
				      "%s was replaced: generate another",
				      had->id);
		return 0; /* staged, or even promoted */
	}
	if (s->n == SECRETS_MAX)
		return refuse(err, -EINVAL,
			      "%s is still %s: finish that rollout first",
			      s->list[1].role == SECRET_CURRENT ? s->list[0].id
								: s->list[1].id,
			      role_names[s->list[1].role == SECRET_CURRENT
						 ? s->list[0].role
						 : s->list[1].role]);
	s->list[s->n] = *fresh;
	s->list[s->n++].role = SECRET_STAGED;
	return 1;
}

int secrets_promote(struct secrets *s, char *err)
{
	size_t i;

	if (secrets_find(s, SECRET_FORMER))
		return 0;
	if (!secrets_find(s, SECRET_STAGED))
		return refuse(err, -EINVAL,
			      "no secret is staged: synkeeper key stage FILE");
	for (i = 0; i < s->n; i++)
		s->list[i].role = s->list[i].role == SECRET_STAGED
					  ? SECRET_CURRENT
					  : SECRET_FORMER;
	return 1;
}

int secrets_retire(struct secrets *s, char *err)
{
	const struct secret *staged = secrets_find(s, SECRET_STAGED);

	if (staged)
		return refuse(err, -EINVAL,
			      "%s is staged, so nothing can be retired: "
			      "synkeeper key promote, or delete its line to "
			      "give it up",
			      staged->id);
	if (s->n == 1)
		return 0;
	if (s->list[0].role == SECRET_FORMER)
		s->list[0] = s->list[1];
	s->n = 1;
	explicit_bzero(&s->list[1], sizeof(s->list[1]));
	return 1;
}
