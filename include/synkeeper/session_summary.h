/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a summary of the session table's tags, which answers
 * "certainly unknown" for nearly every packet of a flood from the nearest
 * caches, whatever the table's size. A word of 64 bits stands for a set, or for
 * 2^k sets if there are few sessions; each session has two bits in it, chosen
 * by its tag (a Bloom filter blocked by words). A tuple whose bits are not both
 * there is unknown. If they are, the tags decide, as they do without a summary;
 * so a bit too many costs time, and a bit too few would cost a good packet.
 *
 * Sizes. The daemon lets 4 to 8 sessions share a word, so the words take 1 to 2
 * bytes a session: 4 KB with none, 128 KB at 100,000 sessions, 1 MB at a
 * million, in a table for 64 thousand as in one for 16 million. A stranger
 * finds both bits, with n sessions a word (Poisson):
 *
 *	n	0.5	1	2	4	6	8	16
 *		0.07 %	0.2 %	0.5 %	1.7 %	3.3 %	5.3 %	16 %
 *
 * 16 are a table with no free way. One bit a session would do as well there,
 * but make 12 % of 8; three make 3.7 %. What passes reads a line of tags, 32
 * bytes a set, and meets an equal tag in n / 65,535 cases, 8 of a set half
 * full: 0.01 %, of which each reads a cold line of the sessions.
 *
 * No bit is ever cleared: that would race with an insertion that found it set.
 * Instead, there are two summaries, in two halves of the map. The daemon clears
 * the one that is not in use, has it filled, and lets it take the other's
 * place, every few seconds (user/daemon/session/summary.h). What ended since
 * then costs little: a session lasts for a minute at least, with its TIME-WAIT,
 * so these are a tenth of all. Without a daemon, bits accumulate, until the
 * tags decide alone, and the words are read in vain.
 *
 * Why no session is missing from the one in use (now), which another (next) is
 * to replace. Both places are one word of the settings, so they are read at
 * once. Inserting does, in this order, each a full barrier:
 *	T	claim the tag
 *	P	publish the state
 *	F	read now and next
 *	B	set the bits in now and, if there is one, in next
 * Building does, in this order:
 *	C	clear a half that is neither now nor next
 *	W	store it as next
 *	R	read all tags, and set their bits in next
 *	S	store it as now, and no next
 * If F comes after W and before S, B sets the bits in both. If F comes before
 * W, so does T, and R reads the tag; the bits are in next before S. If F comes
 * after S, B sets them in the new now. A session is found from B on, and only
 * then does its packet go on to the kernel.
 * A reader may still be in the former half after S. C of the next round clears
 * it a second later at least, while a program runs for microseconds,
 * with RCU locked. An insertion that is late sets bits in whichever halves it
 * has read: too many, at worst. A daemon that dies in between leaves next
 * behind: insertions go on to set both, and its successor begins anew.
 */
#ifndef SYNKEEPER_SESSION_SUMMARY_H
#define SYNKEEPER_SESSION_SUMMARY_H

#include "session_table.h"

enum {
	SUMMARY_LOAD = 8,   /* sessions that share a word */
	SUMMARY_LEAST = 512 /* words */
};

/* How many words stand for @n sessions in @sets sets; a power of two. */
static __always_inline __u32 summary_words(__u32 sets, __u32 n)
{
	__u32 words = SUMMARY_LEAST;

	while (words < sets && words * SUMMARY_LOAD < n)
		words *= 2;
	return words < sets ? words : sets;
}

/* The place of a summary of @words words, in the map's second half or not. */
static __always_inline __u32 summary_place(__u32 sets, __u32 words, bool second)
{
	return (second ? sets : 0) | (words - 1);
}

/* The index of the word at @place that stands for @set of @sets. */
static __always_inline __u32 summary_index(__u32 place, __u32 sets, __u32 set)
{
	return (set | sets) & place;
}

static __always_inline __u64 summary_bits(__u16 tag)
{
	return 1ULL << (tag & 63) | 1ULL << (tag >> 6 & 63);
}

/* May a session whose bits are @bits be in the sets of @word? */
static __always_inline bool summary_has(__u64 word, __u64 bits)
{
	return (word & bits) == bits;
}

/* R: the bits of all sessions of @set. */
static __always_inline __u64 summary_of_set(const struct session_set *set)
{
	__u64 bits = 0;
	__u32 way;

	for (way = 0; way < SET_WAYS; way++) {
		__u16 tag = table_tag(set, way);

		if (tag)
			bits |= summary_bits(tag);
	}
	return bits;
}

/* B: other CPUs write the same line only if they insert at the same time. */
static __always_inline void summary_put(__u64 *word, __u64 bits)
{
	if (!summary_has(*(volatile __u64 *)word, bits))
		__sync_fetch_and_or(word, bits);
}

/* F and B, for user space; @words: the map. Their order is the caller's. */
static inline void summary_add(const struct settings *cfg, __u64 *words,
			       __u32 set, __u16 tag)
{
	union summary_places at = { .both = __atomic_load_n(&cfg->summary.both,
							    __ATOMIC_SEQ_CST) };
	__u32 sets = cfg->set_mask + 1;
	__u64 bits = summary_bits(tag);

	summary_put(&words[summary_index(at.now, sets, set)], bits);
	if (at.next)
		summary_put(&words[summary_index(at.next, sets, set)], bits);
}

#endif
