/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: a network namespace of the process's own, in which lo
 * has the addresses of the server and of a neighbour (NEAR4, NEAR6), and the
 * client's prefix is routed to lo, where packets to it vanish. Creates real
 * sockets for the programs to find.
 */
#ifndef TESTS_BPF_NETNS_H
#define TESTS_BPF_NETNS_H

#include "packet.h"

#define NEAR4 "192.0.2.2" /* a client whose sockets are here, too */
#define NEAR6 "2001:db8::2"

int netns_enter(void);

/* Sockets stay open until netns_close_all(), which resets them. */
void netns_close_all(void);

/* Writes net.ipv4.@name. */
void netns_sysctl(const char *name, const char *value);

/* Listens at port @port of all addresses of the family. */
int netns_listen(bool v6, uint16_t port);
/* The same of both families at once. */
int netns_listen_dual(uint16_t port);
/* The same with MPTCP, Go's default. Returns -1 if the kernel has none. */
int netns_listen_mptcp(uint16_t port);

/*
 * Connects from the source of @s to its destination; both ends are local, so
 * the source must be NEAR4 or NEAR6. Returns the client's end; the server's end
 * is left in the accept queue.
 */
int netns_dial(const struct spec *s);
/* With a listener of its own. The descriptors of the two ends may be NULL. */
void netns_connect(const struct spec *s, int *ret_client, int *ret_server);
/* Connects, unaccepted, until @listener's queue is full; @s as above. */
void netns_fill_queue(int listener, const struct spec *s);

/* The server's end of a connection @s, in TIME-WAIT. */
void netns_time_wait(const struct spec *s);

/* Sends @s as an IPv4 packet, so that a listener holds a request for it. */
void netns_half_open(const struct spec *s);

/* A socket in SYN-SENT, from the destination of @s to its source. */
void netns_syn_sent(const struct spec *s);

/*
 * Lets the kernel answer the SYN @s, from NEAR4, with a cookie of its own.
 * Returns the SYN-ACK's sequence number.
 */
uint32_t netns_kernel_cookie(const struct spec *s);

#endif
