/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: positions in the text are offsets from its start. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_edit.h"

/* A line: [begin, end) of the text, with its newline. */
struct line {
	size_t begin, end;
	size_t value, value_end; /* of "key = value", without its comment */
	char key[16];		 /* "" on any other line */
	char title[48];		 /* "service web" of a section header */
};

/* The section that a listen line is in. */
struct section {
	size_t begin, end; /* in the text, up to the next section */
	size_t listens;
	struct line listen; /* the one searched for */
	struct line last;   /* last listen line of the section */
	struct line policy; /* key "": none */
};

static const char blanks[] = " \t";

static void cut(char *ret, size_t size, const char *from, size_t len)
{
	snprintf(ret, size, "%.*s", (int)len, from);
}

/* "[ service  web ] ; comment" as "service web" */
static void read_title(const char *text, size_t len, char *ret, size_t size)
{
	char copy[128], *rest = copy, *word;
	size_t n = 0;

	cut(copy, sizeof(copy), text, len < 127 ? len : 127);
	copy[strcspn(copy, "];\r\n")] = '\0';
	*ret = '\0';
	while ((word = strtok_r(rest, blanks, &rest)))
		n += snprintf(ret + (n < size ? n : size),
			      n < size ? size - n : 0, "%s%s", n ? " " : "",
			      word);
}

static void read_key(const char *text, struct line *ret)
{
	size_t at = ret->begin, sep, stop;

	at += strspn(text + at, blanks);
	sep = at + strcspn(text + at, "=:\n");
	if (strchr("#;[\r\n", text[at]) || sep >= ret->end || text[sep] == '\n')
		return;
	stop = sep;
	while (stop > at && strchr(blanks, text[stop - 1]))
		stop--;
	cut(ret->key, sizeof(ret->key), text + at, stop - at);
	ret->value = sep + 1 + strspn(text + sep + 1, blanks);
	for (stop = ret->value; stop < ret->end && text[stop] != '\n'; stop++)
		if (text[stop] == ';' && strchr(blanks, text[stop - 1]))
			break;
	while (stop > ret->value && strchr(" \t\r", text[stop - 1]))
		stop--;
	ret->value_end = stop;
}

/* The line at *@at, which is moved past it; false at the end. */
static bool next_line(const char *text, size_t *at, struct line *ret)
{
	struct line l = { .begin = *at };
	size_t first;

	if (!text[*at])
		return false;
	if (!*at && !strncmp(text, "\xef\xbb\xbf", 3))
		l.begin = 3; /* a byte order mark */
	l.end = l.begin + strcspn(text + l.begin, "\n");
	l.end += text[l.end] == '\n';
	first = l.begin + strspn(text + l.begin, blanks);
	if (text[first] == '[')
		read_title(text + first + 1, l.end - first - 1, l.title,
			   sizeof(l.title));
	else
		read_key(text, &l);
	*at = l.end;
	*ret = l;
	return true;
}

static bool listens_at(const char *text, const struct line *line,
		       const struct listen *l)
{
	char value[128];
	struct listen is;
	const char *why;

	cut(value, sizeof(value), text + line->value,
	    line->value_end - line->value);
	return !strcmp(line->key, "listen") &&
	       !listen_parse(value, &is, &why) && listen_equal(&is, l);
}

/*
 * Finds the section that listens at @l, or the one titled @title; the other
 * argument is NULL. Returns false if there is none.
 */
static bool find(const char *text, const struct listen *l, const char *title,
		 struct section *ret)
{
	struct section s = {};
	bool found = false;
	struct line line;
	size_t at = 0;

	while (next_line(text, &at, &line)) {
		if (*line.title) {
			if (found)
				break;
			s = (struct section){ .begin = line.begin };
			found = title && !strcmp(line.title, title);
		}
		s.end = line.end;
		if (!strcmp(line.key, "policy"))
			s.policy = line;
		if (strcmp(line.key, "listen") != 0)
			continue;
		s.listens++;
		s.last = line;
		if (l && listens_at(text, &line, l)) {
			s.listen = line;
			found = true;
		}
	}
	if (found)
		*ret = s;
	return found;
}

/* *@ret is @text with [from, to) replaced by the formatted string. */
__attribute__((format(printf, 5, 6))) static int replace(const char *text,
							 size_t from, size_t to,
							 char **ret,
							 const char *fmt, ...)
{
	char *middle = NULL, *all = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&middle, fmt, ap);
	va_end(ap);
	if (n >= 0)
		n = asprintf(&all, "%.*s%s%s", (int)from, text, middle,
			     text + to);
	if (n >= 0)
		*ret = all;
	free(n >= 0 ? middle : NULL);
	return n < 0 ? -ENOMEM : 0;
}

/* The line ending of the text: "\r\n" or "\n" */
static const char *newline(const char *text)
{
	const char *first = strchr(text, '\n');

	return first && first > text && first[-1] == '\r' ? "\r\n" : "\n";
}

/* What must be inserted for a new line to begin at @at. */
static const char *fresh_line(const char *text, size_t at)
{
	return at && text[at - 1] != '\n' ? newline(text) : "";
}

static bool has_policy(const char *text, const struct section *s,
		       const char *policy)
{
	const struct line *line = &s->policy;
	size_t len = line->value_end - line->value;

	if (!*line->key)
		return !strcmp(policy, "on");
	return strlen(policy) == len &&
	       !strncmp(text + line->value, policy, len);
}

/* "port-80", or the first of "port-80-2" and so on that is not taken */
static void make_name(const char *text, const struct listen *l,
		      char title[NAME_MAX_LEN + 8])
{
	struct section s;
	int i = 1;

	snprintf(title, NAME_MAX_LEN + 8, "service port-%u", be16toh(l->port));
	while (find(text, NULL, title, &s))
		snprintf(title, NAME_MAX_LEN + 8, "service port-%u-%d",
			 be16toh(l->port), ++i);
}

static int add_section(const char *text, const char *title, const char *listen,
		       const char *policy, char **ret)
{
	const char *nl = newline(text);
	size_t end = strlen(text);
	bool on = !strcmp(policy, "on");

	return replace(text, end, end, ret, "%s%s[%s]%slisten = %s%s%s%s%s",
		       fresh_line(text, end), end ? nl : "", title, nl, listen,
		       nl, on ? "" : "policy = ", on ? "" : policy,
		       on ? "" : nl);
}

int conf_add(const char *text, const char *name, const struct listen *l,
	     const char *policy, char **ret, char why[CONF_WHY_MAX])
{
	char title[NAME_MAX_LEN + 8], listen[LISTEN_STRLEN];
	struct section s;

	listen_format(l, listen);
	if (find(text, l, NULL, &s))
		return -EEXIST;
	if (*name)
		snprintf(title, sizeof(title), "service %s", name);
	else
		make_name(text, l, title);
	if (!find(text, NULL, title, &s))
		return add_section(text, title, listen, policy, ret);
	if (has_policy(text, &s, policy) && s.listens)
		return replace(text, s.last.end, s.last.end, ret,
			       "%slisten = %s%s", fresh_line(text, s.last.end),
			       listen, newline(text));
	snprintf(why, CONF_WHY_MAX,
		 "[%s] exists with another policy: add it with a different "
		 "--name",
		 title);
	return -EINVAL;
}

/* Without its last listen line, header and keys go; comments stay. */
static int del_section(const char *text, const struct section *s, char **ret)
{
	char *kept = calloc(1, s->end - s->begin + 1);
	size_t at = s->begin, n = 0;
	struct line line;
	int err;

	if (!kept)
		return -ENOMEM;
	while (at < s->end && next_line(text, &at, &line)) {
		if (*line.title || *line.key)
			continue;
		memcpy(kept + n, text + line.begin, line.end - line.begin);
		n += line.end - line.begin;
	}
	err = replace(text, s->begin, s->end, ret, "%s", kept);
	free(kept);
	return err;
}

int conf_del(const char *text, const struct listen *l, char **ret,
	     char why[CONF_WHY_MAX])
{
	struct section s;

	(void)why;
	if (!find(text, l, NULL, &s))
		return -ENOENT;
	if (s.listens == 1)
		return del_section(text, &s, ret);
	return replace(text, s.listen.begin, s.listen.end, ret, "%s", "");
}

int conf_policy(const char *text, const struct listen *l, const char *policy,
		char **ret, char why[CONF_WHY_MAX])
{
	struct section s;

	if (!find(text, l, NULL, &s))
		return -ENOENT;
	if (has_policy(text, &s, policy))
		return -EEXIST;
	if (s.listens > 1) {
		snprintf(why, CONF_WHY_MAX,
			 "its section has %zu listen lines, which share a "
			 "policy: edit the file, then run synkeeper reload",
			 s.listens);
		return -EINVAL;
	}
	if (*s.policy.key)
		return replace(text, s.policy.value, s.policy.value_end, ret,
			       "%s", policy);
	return replace(text, s.listen.end, s.listen.end, ret, "%spolicy = %s%s",
		       fresh_line(text, s.listen.end), policy, newline(text));
}
