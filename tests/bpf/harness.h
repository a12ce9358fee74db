/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the real programs, loaded by libbpf without the daemon
 * in a network namespace of the test's own, and run with BPF_PROG_TEST_RUN. The
 * reason for a verdict is read from the counters, including those of monitored
 * services: exactly one must have increased by one.
 *
 * harness_setup() is the set-up of every test. Afterwards: settings ready, all
 * TCP options on; two live keys; armed wildcard services on port 443 for IPv4
 * and IPv6; lo as the interface; an empty session table; no listener.
 */
#ifndef TESTS_BPF_HARNESS_H
#define TESTS_BPF_HARNESS_H

#include "packet.h"
#include "synkeeper.skel.h"
#include "synkeeper/cookie.h"
#include "synkeeper/session_summary.h"

enum {
	LO = 1,	   /* ifindex */
	SETS = 64, /* of the session table */
	ROWS = 2,  /* of stats; only the first is used, unless said otherwise */
	SERVICES = 8,

	SERVICE_4 = 1,
	SERVICE_6 = 2,
	SERVER_WSCALE = 9,
	SERVER_WINDOW = 30000, /* 20 segments of 1460, and some more */
	MTU = 1500,
};

/* As in bpf/owner/admit.bpf.h, with the kernel's bpf_tcp_req_attrs. */
struct meta {
	uint32_t magic;
	uint32_t rcv_tsval;
	uint32_t rcv_tsecr;
	uint16_t mss;
	uint8_t rcv_wscale;
	uint8_t snd_wscale;
	uint8_t ecn_ok;
	uint8_t wscale_ok;
	uint8_t sack_ok;
	uint8_t tstamp_ok;
	uint8_t usec_ts_ok;
	uint8_t reserved[3];
};

enum { META_ASSIGN = 0x4b4e5953, META_KERNEL = META_ASSIGN + 1 };

struct harness {
	struct synkeeper_bpf *skel;
	struct settings cfg; /* harness_settings() writes it */
};
extern struct harness harness;

int harness_setup(void **state);
/* The same, with a listener of each family at port 443. */
int harness_setup_listening(void **state);
int harness_teardown(void **state);

void harness_settings(void);
void harness_key(unsigned slot, const struct cookie_key *key);
const struct cookie_key *harness_key_of(unsigned epoch);
/* Begins the next epoch as the daemon does. */
void harness_rotate(void);
void harness_port(uint16_t port, const struct port_services *ps);
void harness_endpoint(const char *addr, uint16_t port,
		      const struct endpoint *ep);
void harness_local(const char *addr, unsigned prefixlen);
void harness_iface(const struct iface *iface);
/* Adds to the list of sources in force. */
void harness_source(const char *addr, unsigned prefixlen,
		    enum source_kind kind);
void harness_mode(enum endpoint_mode mode); /* of both services at 443 */

/* Does the kernel take sockets from tc? Else there are only its own cookies. */
bool harness_assigns(void);

/* Uses up the budget for unmatched packets of this second and the next. */
void harness_spend_budget(void);
/* The same of enum budget_kind @kind (bpf/report/budget.bpf.h). */
void harness_spend(__u32 kind);

/* The wildcard endpoints at 443. */
struct endpoint harness_service(uint16_t id, enum endpoint_mode mode);

struct run {
	uint32_t linear;  /* in: bytes in front of fragments; 0: all */
	uint32_t ifindex; /* in: 0 is lo */
	uint32_t verdict;
	enum reason reason; /* REASON_NONE: none was counted */
	bool monitored;	    /* it was counted in `monitored` */
	uint16_t service;
	uint32_t meta_len;
	struct meta meta; /* the metadata, as far as it fits */
	uint32_t len;
	uint8_t data[FRAME_MAX];
};

/*
 * Runs the XDP program for the mode given by tests/run; returns 0, or -errno if
 * the kernel refuses to run it.
 */
int harness_try(const struct frame *in, struct run *r);
/* The same, but a refusal fails the test. */
void harness_run(const struct frame *in, struct run *r);
/* Runs synkeeper_admit. */
void harness_run_tc(const struct frame *in, struct run *r);

const char *reason_name(enum reason reason);

/*
 * Runs @in and compares verdict, reason and frame (@out NULL: unchanged).
 * Prints any differences and returns false if there are any.
 */
bool expect(const char *what, const struct frame *in, uint32_t verdict,
	    enum reason reason, const struct frame *out);
bool expect_run(const char *what, const struct frame *in, const struct run *r,
		uint32_t verdict, enum reason reason, const struct frame *out);
/* The same for a frame built from a spec and expected unchanged. */
bool expect_spec(const char *what, const struct spec *s, uint32_t verdict,
		 enum reason reason);

/* For table rows: WANT(PASS, no_service) */
#define WANT(action, name) .verdict = XDP_##action, .reason = REASON_##name

/* The oldest unread event; false if there is none. */
bool harness_event(struct event *ret);
bool harness_sample(struct sample *ret);

#endif
