// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: reads the INI file line by line: a section, a key of the
 * current section (config_keys.c knows those), a comment or nothing. A line
 * that is not text or too long is refused, not truncated. Reading stops at the
 * first error.
 *
 * Some errors are found late: an incomplete section at its end, a duplicate
 * listen at the end of the file. They are reported for the line that they
 * concern.
 */
#include <ctype.h>
#include <errno.h>
#include <search.h>
#include <stdarg.h>
#include <stdlib.h>

#include "config_file.h"
#include "text/ini.h"

enum {
	LINE_SIZE = 512, /* with the NUL; no more than CONFIG_ERR_MAX */
	PATH_SHOWN = 256,
};

static const char *const sections[] = {
#define SECTION(name, ...) #name,
#include "config_table.h"
};

int config_fail(struct config_parser *p, unsigned int line, int ret,
		const char *fmt, ...)
{
	size_t len = strlen(p->path);
	const char *path = p->path;
	va_list ap;
	int n;

	if (len > PATH_SHOWN)
		path += len - PATH_SHOWN;
	n = snprintf(p->err, CONFIG_ERR_MAX, "%s:%u: ", path, line);
	va_start(ap, fmt);
	vsnprintf(p->err + n, CONFIG_ERR_MAX - n, fmt, ap);
	va_end(ap);
	p->ret = ret;
	return ret;
}

#define fail(p, ...) config_fail(p, (p)->line, -EINVAL, __VA_ARGS__)

/* Checks that take the whole section. */
static int end_section(struct config_parser *p)
{
	struct config *c = p->c;
	size_t i;

	if (!p->title)
		return 0;
	if (p->name && p->first_service == c->n_services)
		return config_fail(p, p->title->line, -EINVAL,
				   "[%s]: has no listen line: add 'listen = "
				   "ADDRESS:PORT'",
				   p->title->text);
	for (i = p->first_service; p->name && i < c->n_services; i++) {
		c->services[i].policy = p->policy;
		c->services[i].cookies = p->cookies;
		c->services[i].owner = p->owner;
	}
	return 0;
}

/* Checks that take the whole file. */
static int end_file(struct config_parser *p)
{
	const struct config_service *first, *twin;
	char text[LISTEN_STRLEN];
	int ret = end_section(p);

	if (ret)
		return ret;
	if (p->reset_rate_line && !p->reset)
		return config_fail(p, p->reset_rate_line, -EINVAL,
				   "[answer] resets-per-second: has no effect "
				   "without 'invalid-ack = reset'");
	p->c->resets_per_second = p->reset ? p->reset_rate : 0;
	ret = config_find_twin(p->c, &first, &twin);
	if (ret == -ENOMEM)
		return config_fail(p, p->line, ret, "out of memory");
	if (!ret)
		return 0;
	listen_format(&twin->listen, text);
	if (!first->line)
		return config_fail(
			p, twin->line, -EINVAL,
			"[service %s] listen: '%s': already given by a "
			"flag: remove one",
			twin->name, text);
	return config_fail(
		p, twin->line, -EINVAL,
		"[service %s] listen: '%s': already given on line %u "
		"(service %s): remove one",
		twin->name, text, first->line, first->name);
}

static int compare_titles(const void *a, const void *b)
{
	return strcmp(((const struct config_title *)a)->text,
		      ((const struct config_title *)b)->text);
}

static const char *argument_of(const char *section)
{
	return !strcmp(section, "service") ? " NAME" : "";
}

static int unknown_section(struct config_parser *p, const char *word)
{
	char all[256] = "";
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(sections); i++)
		if (word_is_near(word, sections[i]))
			return fail(
				p,
				"[%s]: unknown section: did you mean [%s%s]?",
				word, sections[i], argument_of(sections[i]));
	for (i = 0; i < ARRAY_SIZE(sections); i++)
		n += snprintf(all + n, sizeof(all) - n, "%s[%s%s]",
			      !i			      ? ""
			      : i + 1 == ARRAY_SIZE(sections) ? " and "
							      : ", ",
			      sections[i], argument_of(sections[i]));
	return fail(p, "[%s]: unknown section: there are %s", word, all);
}

/* Makes @title the current one, unless it is a duplicate. */
static int enter(struct config_parser *p, const struct config_title *title)
{
	struct config_title **found, *kept;

	found = tfind(title, &p->titles, compare_titles);
	if (found)
		return fail(p, "[%s]: already given on line %u: merge the two",
			    title->text, (*found)->line);
	kept = malloc(sizeof(*kept));
	if (kept)
		*kept = *title;
	if (!kept || !tsearch(kept, &p->titles, compare_titles)) {
		free(kept);
		return config_fail(p, p->line, -ENOMEM, "out of memory");
	}
	p->title = kept;
	p->first_service = p->c->n_services;
	memset(p->seen, 0, sizeof(p->seen));
	return 0;
}

/* @text: what is between the brackets; it is modified. */
static int begin_section(struct config_parser *p, char *text)
{
	struct config_title title = { .line = p->line };
	const char *word, *name, *why, *section = NULL;
	bool service, more;
	char *rest;
	size_t i;
	int ret;

	word = strtok_r(text, " \t", &rest);
	name = strtok_r(NULL, " \t", &rest);
	more = strtok_r(NULL, " \t", &rest);
	if (!word)
		return fail(p, "[]: section name missing");
	for (i = 0; i < ARRAY_SIZE(sections); i++)
		if (!strcmp(word, sections[i]))
			section = sections[i];
	if (!section)
		return unknown_section(p, word);
	service = !strcmp(section, "service");
	if (service && (!name || more))
		return fail(p,
			    "[service]: takes one name, as in [service web]");
	if (!service && name)
		return fail(p, "[%s]: takes no name, but has '%s'", word, name);
	why = service ? name_check(name) : NULL;
	if (why)
		return fail(p, "[service %s]: %s", name, why);

	snprintf(title.text, sizeof(title.text), service ? "%s %s" : "%s",
		 section, name);
	ret = enter(p, &title);
	if (ret)
		return ret;
	p->section = section;
	p->name = service ? strchr(p->title->text, ' ') + 1 : NULL;
	config_set_defaults(p, section);
	return 0;
}

/* "[x] ; comment"; "[x] y" and "[x ;]" are errors. */
static int read_header(struct config_parser *p, const char *line)
{
	size_t len = strcspn(line, "];");
	const char *rest = line + len + 1;
	char text[CONFIG_ERR_MAX];
	int ret = end_section(p);

	if (ret)
		return ret;
	if (line[len] != ']')
		return fail(p, "'%s': a section is written [NAME]", line);
	rest += strspn(rest, " \t");
	if (*rest && *rest != ';' && *rest != '#')
		return fail(p,
			    "'%s': only a comment may follow a section header",
			    line);
	snprintf(text, sizeof(text), "%.*s", (int)len - 1, line + 1);
	return begin_section(p, text);
}

static bool is_skipped(int ch, const struct config_parser *p)
{
	static const char bom[] = "\xef\xbb\xbf";

	return isblank(ch) || (p->line == 1 && strchr(bom, ch));
}

/*
 * The next line, without indentation and newline. False: the end, or an error.
 */
static bool next_line(struct config_parser *p, char buf[LINE_SIZE])
{
	int ch, len = 0;

	p->line++;
	while ((ch = getc_unlocked(p->file)) != EOF && ch != '\n') {
		if (ch == '\r' && getc_unlocked(p->file) == '\n')
			break;
		if (iscntrl(ch) && ch != '\t')
			return !fail(p, "byte 0x%02x is not text: remove it",
				     ch);
		if (!len && is_skipped(ch, p))
			continue;
		if (len < LINE_SIZE - 1)
			buf[len++] = ch;
		else if (*buf != '#' && *buf != ';')
			return !fail(p, "line longer than %d bytes: shorten it",
				     LINE_SIZE - 1);
	}
	if (ferror(p->file))
		return !config_fail(p, p->line, -errno, "cannot be read: %s",
				    strerror(errno));
	buf[len] = '\0';
	return ch != EOF || len;
}

static int take_line(struct config_parser *p, char *line)
{
	char *key, *value;

	if (*line == '[')
		return read_header(p, line);
	if (strchr("#;", *line)) /* or an empty line */
		return 0;
	if (!ini_key(line, &key, &value))
		return fail(p, "neither '[section]' nor 'key = value'");
	if (!p->title)
		return fail(p,
			    "%s: comes before any section: start with "
			    "[daemon]",
			    key);
	return config_set_key(p, key, value);
}

int config_load(struct config *c, const char *path, char *err)
{
	struct config_parser p = {
		.c = c,
		.path = path,
		.err = err,
		.reset = c->resets_per_second, /* the default */
		.reset_rate = c->resets_per_second,
	};
	char line[LINE_SIZE] = ""; /* for the analyzer */
	const char *why;

	p.file = fopen(path, "re");
	if (!p.file) {
		p.ret = -errno;
		snprintf(err, CONFIG_ERR_MAX, "%s: cannot be opened: %s", path,
			 strerror(errno));
		return p.ret;
	}
	why = config_check_file(p.file, path);
	if (why) {
		p.ret = -EPERM;
		snprintf(err, CONFIG_ERR_MAX, "%s: %s", path, why);
	} else {
		while (next_line(&p, line) && !take_line(&p, line))
			;
	}
	if (!p.ret)
		end_file(&p);
	free(c->file);
	c->file = realpath(path, NULL);
	tdestroy(p.titles, free);
	fclose(p.file);
	return p.ret;
}
