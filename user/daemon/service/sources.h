/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: lists of sources that may or may not open connections. A
 * file has one prefix per line, "192.0.2.0/24" or "2001:db8::1"; '#' starts a
 * comment. The files are read completely before a trie is built and replaces
 * the previous one: a file with an error changes nothing, and no packet sees
 * half a list. The longest prefix decides; one that is in both files is
 * allowed.
 */
#ifndef SOURCES_H
#define SOURCES_H

#include "maps/loader.h"

struct source_entry {
	struct local_key key;
	__u32 kind; /* enum source_kind; 0: neither */
};

struct source_list {
	struct source_entry *entries; /* owned */
	size_t n, room, allowed, denied;
	__u64 print; /* fingerprint */
};

/*
 * Reads the files that @c names. Returns 0, or -errno with "FILE:LINE: what is
 * wrong: what would be right" in @err (CONFIG_ERR_MAX bytes). The caller frees
 * @ret with sources_free().
 */
int sources_read(const struct config *c, struct source_list *ret, char *err);
void sources_free(struct source_list *l);
/* Frees the entries once they are in force; the fingerprint stays. */
void sources_forget(struct source_list *l);

/*
 * Builds the trie of @l; *@ret_fd is -1 if it is empty. Returns 0 or -errno,
 * logged.
 */
int sources_build(const struct source_list *l, int *ret_fd);
/*
 * Activates the trie and closes @fd; -1: no list. Returns 0 or -errno, logged.
 */
int sources_publish(const struct loader *l, struct settings *s, int fd);

#endif
