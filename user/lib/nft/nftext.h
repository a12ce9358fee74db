/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a rule in words close to nft's, for a person who is to
 * find it. Not a listing: what is not understood is "...", and counters and
 * logs are left out. Pure.
 */
#ifndef NFTEXT_H
#define NFTEXT_H

#include <libmnl/libmnl.h>
#include <stddef.h>

/*
 * Writes NFTA_RULE_EXPRESSIONS (NULL: none) to @buf, truncated to @size, and
 * returns @buf.
 */
const char *nftext_rule(const struct nlattr *expressions, char *buf,
			size_t size);

#endif
