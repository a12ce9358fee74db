/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the connections of the metrics endpoint. IPv6 addresses
 * cost a host nothing, so connections are counted by network: /64 of IPv6, /24
 * of IPv4. A new connection is never refused. When all places are taken, the
 * network with the most gives one up: within it the address with the most, and
 * of that one the oldest connection. So a scraper, which has one or two short
 * connections, gets in beside any number of idle neighbours.
 */
#ifndef METRICS_GUESTS_H
#define METRICS_GUESTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct metrics_guest {
	void *connection; /* the caller's; NULL: free */
	struct in6_addr addr;
	uint64_t number; /* order of arrival */
	bool leaving;	 /* being closed */
};

/* @from: the peer; IPv4 becomes v4-mapped, any other family "::". */
void metrics_guest_begin(struct metrics_guest *g, void *connection,
			 const struct sockaddr *from, uint64_t number);

/* How many of @n are connected and not being closed. */
size_t metrics_guests_staying(const struct metrics_guest *guests, size_t n);

/* The one to close to make room, or NULL if all are being closed. */
struct metrics_guest *metrics_guests_victim(struct metrics_guest *guests,
					    size_t n);

#endif
