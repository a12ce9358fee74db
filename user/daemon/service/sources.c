/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/bpf.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "array.h"
#include "log.h"
#include "maps/settings.h"
#include "sources.h"
#include "text/filter.h"

/* Maximum line length; more than any address takes. */
enum { LINE_LEN = 256 };

static int append(struct source_list *l, const struct source_entry *e)
{
	void *grown = array_grow(l->entries, l->n, &l->room, sizeof(*e));

	if (!grown)
		return -ENOMEM;
	l->entries = grown;
	l->entries[l->n++] = *e;
	return 0;
}

/* Is @p an IPv6 prefix short enough to contain the v4-mapped addresses? */
static bool holds_ipv4(const struct filter_prefix *p)
{
	return p->len < 96 && !p->addr[0] && !p->addr[1] &&
	       (p->len <= 80 || p->addr[2] == htobe32(0xffff));
}

static int add(struct source_list *l, const struct filter_prefix *p,
	       enum source_kind kind)
{
	struct source_entry e = { .key.prefixlen = p->len, .kind = kind };
	struct source_entry ipv4 = { .key = { 96, { [10] = 0xff, 0xff } } };
	int err = 0;

	memcpy(e.key.addr, p->addr, sizeof(e.key.addr));
	if (holds_ipv4(p))
		err = append(l, &ipv4); /* IPv6 only is meant */
	return err ? err : append(l, &e);
}

/* The line's prefix without comment and surrounding blanks; "": none. */
static char *word_of(char *line)
{
	char *end;

	line[strcspn(line, "#")] = 0;
	line += strspn(line, " \t");
	end = line + strlen(line);
	while (end > line && strchr(" \t", end[-1]))
		*--end = 0;
	return line;
}

static int read_line(struct source_list *l, enum source_kind kind,
		     const char *path, unsigned int number, char *line,
		     char *err)
{
	char why[FILTER_ERR_MAX] = "write 192.0.2.0/24 or 2001:db8::/32";
	char shown[LINE_LEN], *word = word_of(line);
	const char *at;
	struct filter_prefix p;

	if (!*word)
		return 0;
	snprintf(shown, sizeof(shown), "%s", word);
	if (!filter_prefix_parse(word, &p, why))
		return config_refuse(err, -EINVAL,
				     "%s:%u: '%s' is not a prefix: %s", path,
				     number, shown, why);
	if (l->allowed + l->denied == PREFIXES_MAX)
		return config_refuse(
			err, -E2BIG,
			"%s:%u: more than %d prefixes: merge adjacent ones",
			path, number, PREFIXES_MAX);
	for (at = shown; *at; at++) /* FNV-1a */
		l->print = (l->print ^ (__u8)*at) * 0x100000001b3ULL;
	l->print += kind;
	if (add(l, &p, kind))
		return config_refuse(err, -ENOMEM, "%s: out of memory", path);
	if (kind == SOURCE_ALLOWED)
		l->allowed++;
	else
		l->denied++;
	return 0;
}

/* Reads a line, without its newline. Returns 1, 0 at the end, or -errno. */
static int next_line(FILE *f, const char *path, unsigned int number,
		     char line[LINE_LEN], char *err)
{
	int ch, len = 0;

	while ((ch = getc_unlocked(f)) != EOF && ch != '\n') {
		if (ch == '\r') {
			int next = getc_unlocked(f);

			if (next == '\n' || next == EOF)
				break;
		}
		if (iscntrl(ch) && ch != '\t')
			return config_refuse(
				err, -EINVAL,
				"%s:%u: byte 0x%02x is not text: remove it",
				path, number, ch);
		if (len == LINE_LEN - 1)
			return config_refuse(err, -EINVAL,
					     "%s:%u: the line is too long: "
					     "write one prefix per line",
					     path, number);
		line[len++] = ch;
	}
	if (ferror(f))
		return config_refuse(err, -EIO, "%s: cannot read it: %s", path,
				     strerror(errno));
	line[len] = 0;
	return ch != EOF || len;
}

static int read_file(struct source_list *l, enum source_kind kind,
		     const char *path, char *err)
{
	unsigned int number = 1;
	char line[LINE_LEN];
	const char *why;
	int ret;
	FILE *f;

	if (!path)
		return 0;
	f = fopen(path, "re");
	if (!f) {
		ret = -errno;
		return config_refuse(err, ret, "%s: cannot read it: %s", path,
				     strerror(-ret));
	}
	why = config_check_file(f, path);
	if (why) {
		fclose(f);
		return config_refuse(err, -EPERM, "%s: %s", path, why);
	}
	while ((ret = next_line(f, path, number, line, err)) > 0) {
		ret = read_line(l, kind, path, number++, line, err);
		if (ret)
			break;
	}
	fclose(f);
	return ret;
}

int sources_read(const struct config *c, struct source_list *ret, char *err)
{
	struct source_list l = {};
	int r = read_file(&l, SOURCE_DENIED, c->deny, err);

	if (!r)
		r = read_file(&l, SOURCE_ALLOWED, c->allow, err);
	if (r)
		sources_free(&l);
	else
		*ret = l;
	return r;
}

void sources_free(struct source_list *l)
{
	free(l->entries);
	*l = (struct source_list){};
}

void sources_forget(struct source_list *l)
{
	free(l->entries);
	l->entries = NULL;
	l->n = l->room = 0;
}

int sources_build(const struct source_list *l, int *ret_fd)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	int fd, err = 0;
	size_t i;

	if (!l->n) {
		*ret_fd = -1;
		return 0;
	}
	fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "prefix_trie",
			    sizeof(struct local_key), sizeof(__u32),
			    PREFIXES_MAX + 1, &opts);
	if (fd < 0)
		err = -errno;
	for (i = 0; i < l->n && !err; i++)
		if (bpf_map_update_elem(fd, &l->entries[i].key,
					&l->entries[i].kind, BPF_ANY))
			err = -errno;
	if (err) {
		log_err("cannot build the list of %zu prefixes: %s", l->n,
			strerror(-err));
		if (fd >= 0)
			close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int sources_publish(const struct loader *l, struct settings *s, int fd)
{
	int outer = loader_map_fd(l, MAP_PREFIXES), err = 0;
	__u32 zero = 0;

	if (fd < 0) {
		settings_clear(s, SETTING_PREFIXES);
		bpf_map_delete_elem(outer, &zero);
		return 0;
	}
	if (bpf_map_update_elem(outer, &zero, &fd, BPF_ANY)) {
		err = -errno;
		log_err("cannot activate the source lists: %s", strerror(-err));
	} else {
		settings_set(s, SETTING_PREFIXES);
	}
	close(fd);
	return err;
}
