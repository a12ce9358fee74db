// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the maps of native.h. A run uses a few dozen elements at
 * most, so each map is a list, the last one found first. Keys are compared as
 * bytes, as in the kernel.
 */
#include "native.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 36 };

struct native_entry {
	struct native_entry *next;
	void *value;
	unsigned char key[KEY_MAX];
};

/* The value of prefixes[0]; it is no object of the programs. */
static struct native_map trie = { .def = &trie,
				  .name = "the list of sources",
				  .type = BPF_MAP_TYPE_LPM_TRIE,
				  .key_size = sizeof(struct local_key),
				  .value_size = sizeof(__u32) };

static struct native_map *map_of(const void *def)
{
	struct native_map *m;

	if (def == &trie)
		return &trie;
	for (m = native_maps; m->name; m++)
		if (m->def == def)
			return m;
	finding("a map that native/programs.c does not list");
}

static struct native_map *map_named(const char *name)
{
	struct native_map *m;

	for (m = native_maps; m->name; m++)
		if (!strcmp(m->name, name))
			return m;
	finding("no map is called %s", name);
}

static struct native_entry *find(struct native_map *m, const void *key)
{
	struct native_entry **at, *e;

	for (at = &m->entries; (e = *at); at = &e->next) {
		if (memcmp(e->key, key, m->key_size) != 0)
			continue;
		*at = e->next;
		e->next = m->entries;
		m->entries = e;
		return e;
	}
	return NULL;
}

static struct native_entry *enter(struct native_map *m, const void *key)
{
	struct native_entry *e = calloc(1, sizeof(*e));

	if (m->key_size > KEY_MAX)
		finding("%s: keys of %u bytes", m->name, m->key_size);
	memcpy(e->key, key, m->key_size);
	e->value = calloc(1, m->value_size);
	e->next = m->entries;
	m->entries = e;
	return e;
}

static bool in_prefix(const struct local_key *prefix,
		      const struct local_key *key)
{
	__u32 bits = prefix->prefixlen, i;

	if (bits > key->prefixlen)
		return false;
	for (i = 0; i < bits; i++)
		if ((prefix->addr[i / 8] ^ key->addr[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static struct native_entry *longest(struct native_map *m, const void *key)
{
	struct native_entry *e, *best = NULL;

	for (e = m->entries; e; e = e->next) {
		const struct local_key *k = (const void *)e->key;

		if (!in_prefix(k, key))
			continue;
		if (!best ||
		    k->prefixlen > ((struct local_key *)best->key)->prefixlen)
			best = e;
	}
	return best;
}

static struct native_entry *element(struct native_map *m, const void *key)
{
	struct native_entry *e;
	__u32 index;

	memcpy(&index, key, sizeof(index));
	if (index >= m->max)
		return NULL;
	e = find(m, key);
	return e ? e : enter(m, key);
}

void *bpf_map_lookup_elem(void *def, const void *key)
{
	struct native_map *m = map_of(def);
	struct native_entry *e;

	switch (m->type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		e = element(m, key);
		break;
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
		e = find(m, key);
		break;
	case BPF_MAP_TYPE_LPM_TRIE:
		e = longest(m, key);
		break;
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
		return trie.entries ? &trie : NULL;
	default:
		finding("%s: a look-up in a map of type %u", m->name, m->type);
	}
	return e ? e->value : NULL;
}

/* Of hashes, with flags 0. */
long bpf_map_update_elem(void *def, const void *key, const void *value,
			 __u64 flags)
{
	struct native_map *m = map_of(def);
	struct native_entry *e;

	if (flags ||
	    (m->type != BPF_MAP_TYPE_HASH && m->type != BPF_MAP_TYPE_LRU_HASH))
		finding("%s: an update of a map of type %u", m->name, m->type);
	e = find(m, key);
	if (!e)
		e = enter(m, key);
	memcpy(e->value, value, m->value_size);
	return 0;
}

void *native_value(const char *name, const void *key, bool create)
{
	struct native_map *m = map_named(name);
	struct native_entry *e = find(m, key);

	if (!e && create)
		e = enter(m, key);
	return e ? e->value : NULL;
}

void native_each(const char *name,
		 void (*visit)(const void *key, void *value, void *data),
		 void *data)
{
	struct native_entry *e;

	for (e = map_named(name)->entries; e; e = e->next)
		visit(e->key, e->value, data);
}

void native_source(const struct local_key *key, __u32 kind)
{
	struct native_entry *e = find(&trie, key);

	if (!e)
		e = enter(&trie, key);
	*(__u32 *)e->value = kind;
}

static void clear(struct native_map *m)
{
	struct native_entry *e;

	while ((e = m->entries)) {
		m->entries = e->next;
		free(e->value);
		free(e);
	}
}

void native_maps_clear(void)
{
	struct native_map *m;

	clear(&trie);
	for (m = native_maps; m->name; m++)
		clear(m);
}
