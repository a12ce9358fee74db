/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: dumps this network namespace's routes, over rtnetlink.
 */
#ifndef ROUTE_H
#define ROUTE_H

#include <libmnl/libmnl.h>
#include <linux/types.h>

/*
 * Calls @on_route with the RTM_NEWROUTE message of each route of @family
 * (AF_INET, AF_INET6) in @table (RT_TABLE_UNSPEC: all), until it returns
 * MNL_CB_STOP or less. Returns 0 or -errno. A dump of one table may still cost
 * as much as the largest: without policy rules the kernel keeps the tables
 * "local" and "main" of IPv4 in one trie (fib_trie_table() of
 * net/ipv4/fib_trie.c).
 */
int route_dump(__u8 family, __u32 table, mnl_cb_t on_route, void *data);

#endif
