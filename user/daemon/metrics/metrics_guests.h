/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: who is connected to the metrics endpoint. Addresses are
 * free to an IPv6 host, so what counts is the network: /64 of IPv6, /24 of
 * IPv4. A newcomer is never refused. When all places are taken, the network
 * that has the most of them gives one up, within it the address that has the
 * most, and of that the oldest connection. So a scraper, which has one or two
 * and is done in a moment, gets in beside any number of idle neighbours.
 */
#ifndef METRICS_GUESTS_H
#define METRICS_GUESTS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct metrics_guest {
	void *connection; /* the caller's; NULL: the place is free */
	struct in6_addr addr;
	uint64_t number; /* they came in this order */
	bool leaving;	 /* told to go, and not gone yet */
};

/* Whose @from it is; IPv4 becomes v4-mapped, and what is neither, "::". */
void metrics_guest_begin(struct metrics_guest *g, void *connection,
			 const struct sockaddr *from, uint64_t number);

/* How many of @n are there and have not been told to go. */
size_t metrics_guests_staying(const struct metrics_guest *guests, size_t n);

/* The one that makes room, or NULL if nobody stays. */
struct metrics_guest *metrics_guests_victim(struct metrics_guest *guests,
					    size_t n);

#endif
