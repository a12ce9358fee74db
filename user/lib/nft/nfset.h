/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the elements of sets and maps of nftables, as far as
 * rules look them up by something that is known of a packet. Large ones, those
 * that packets change, and those of several fields with ranges are unknown.
 */
#ifndef NFSET_H
#define NFSET_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>

#include "synkeeper/types.h"

enum { NF_KEY_MAX = 16, NF_SETS_MAX = 256, NF_ELEMENTS_MAX = 4096 };

struct nf_element {
	__u8 key[NF_KEY_MAX];
	bool is_end;  /* of an interval, which it is not in */
	bool is_rest; /* whatever is not in the others */
	bool has_verdict;
	int verdict; /* of a verdict map */
	char *chain;
};

struct nf_set {
	__u8 family;
	char *table, *name;
	bool unknown; /* its elements */
	bool ranges;
	size_t key_len;
	struct nf_element *elements; /* sorted by nf_set_settle() */
	size_t n;
};

struct nf_sets {
	struct nf_set list[NF_SETS_MAX];
	size_t n;
};

/*
 * The set of that name, NULL: none. nf_sets_add() makes it if there is none and
 * there is room: *@ret_new, its elements are to be read then. Returns 0 or
 * -ENOMEM.
 */
const struct nf_set *nf_sets_find(const struct nf_sets *s, __u8 family,
				  const char *table, const char *name);
int nf_sets_add(struct nf_sets *s, __u8 family, const char *table,
		const char *name, struct nf_set **ret_new);
void nf_sets_free(struct nf_sets *s);

/* Adds the elements of a message of nfnetlink. 0 or -ENOMEM. */
int nf_set_add(struct nf_set *set, const struct nlmsghdr *nlh);
/* When all are there. */
void nf_set_settle(struct nf_set *set);

/* The element that @key, of @set->key_len bytes, is in; NULL: none. */
const struct nf_element *nf_set_lookup(const struct nf_set *set,
				       const void *key);

#endif
