// SPDX-License-Identifier: GPL-2.0-only
/* The goals are those of the project's design (docs/BENCHMARKS.md). */
#include "rows.h"

#define LINUX	"mss:1460 sack ts:1000:0 nop ws:7"
#define LINUX6	"mss:1440 sack ts:1000:0 nop ws:7"
#define WINDOWS "mss:1460 nop ws:8 nop nop sack"
#define MACOS	"mss:1460 nop ws:6 nop nop ts:1000:0 sack eol eol"
#define ODD	"nop nop sack nop ws:7 mss:1460 ts:1000:0"
#define TS	"nop nop ts:2000:1000"

#define GOAL(ns)	 .goal = (ns), .goal_unit = "ns above floor"
#define GOAL_TIMES(n)	 .goal = (n), .goal_unit = "times the baseline"
#define COUNTS(what, id) .reason = REASON_##what, .service = (id)

#define SYN_OF(options) .spec = { .flags = SYN, .opts = (options) }
#define ACK_OF(options) .spec = { .flags = ACK, .opts = (options) }

static const struct row plain[] = {
	{ "SYN, Linux options, IPv4", SYN_OF(LINUX),
	  COUNTS(answered, SERVICE_4), GOAL(55) },
	{ "SYN, Windows options, IPv4", SYN_OF(WINDOWS),
	  COUNTS(answered, SERVICE_4), GOAL(55) },
	{ "SYN, macOS options, IPv4", SYN_OF(MACOS),
	  COUNTS(answered, SERVICE_4), GOAL(55) },
	{ "SYN, MSS only, IPv4", SYN_OF("mss:1460"),
	  COUNTS(answered, SERVICE_4), GOAL(55) },
	{ "SYN, no options, IPv4", SYN_OF(NULL), COUNTS(answered, SERVICE_4),
	  GOAL(55) },
	{ "SYN, odd options (general parser), IPv4", SYN_OF(ODD),
	  COUNTS(answered, SERVICE_4) },
	{ "SYN, Linux options, IPv6",
	  .spec = { .v6 = true, .flags = SYN, .opts = LINUX6 },
	  COUNTS(answered, SERVICE_6), GOAL(65) },
	{ "SYN, Linux options, IPv4, one VLAN tag",
	  .spec = { .vlan = "q", .flags = SYN, .opts = LINUX },
	  COUNTS(answered, SERVICE_4), GOAL(55) },

	{ "SipHash of one cookie, alone", SYN_OF(LINUX),
	  .program = TEST_SIPHASH },
	{ "cookie and answer to one kind of SYN, alone", SYN_OF(LINUX),
	  .program = TEST_ONLY_ANSWER },
	{ "kernel's bpf_tcp_raw_gen_syncookie_ipv4, no answer", SYN_OF(LINUX),
	  .program = TEST_KERNEL_RAW4 },
	{ "kernel's bpf_tcp_raw_gen_syncookie_ipv6, no answer",
	  .spec = { .v6 = true, .flags = SYN, .opts = LINUX6 },
	  .program = TEST_KERNEL_RAW6 },
	{ "kernel's bpf_tcp_gen_syncookie on a listener, no answer",
	  .spec = { .flags = SYN, .opts = LINUX, .dport = 443 },
	  .program = TEST_KERNEL_GEN4 },

	/* ports of their own: the others must find no socket */
	{ "valid ACK admitted, timestamps, IPv4",
	  .spec = { .sport = 40101, .flags = SYN, .opts = LINUX },
	  .packet = PACKET_COOKIE, .own = OWN_UNKNOWN,
	  COUNTS(admitted, SERVICE_4), GOAL(120) },
	{ "valid ACK admitted, no timestamps, IPv4",
	  .spec = { .sport = 40102, .flags = SYN, .opts = WINDOWS },
	  .packet = PACKET_COOKIE, .own = OWN_UNKNOWN,
	  COUNTS(admitted, SERVICE_4), GOAL(120) },
	{ "valid ACK admitted, timestamps, IPv6",
	  .spec = { .v6 = true, .sport = 40103, .flags = SYN, .opts = LINUX6 },
	  .packet = PACKET_COOKIE, .own = OWN_UNKNOWN,
	  COUNTS(admitted, SERVICE_6) },
	{ "valid ACK admitted, another session evicted",
	  .spec = { .sport = 40104, .flags = SYN, .opts = LINUX },
	  .packet = PACKET_COOKIE, .own = OWN_SET_FULL,
	  COUNTS(admitted, SERVICE_4) },

	{ "ACK, bad cookie, timestamps, IPv4", SYN_OF(LINUX),
	  .packet = PACKET_BAD_COOKIE, COUNTS(bad_cookie, SERVICE_4),
	  GOAL(45) },
	{ "ACK, bad cookie, no timestamps, IPv4", SYN_OF(WINDOWS),
	  .packet = PACKET_BAD_COOKIE, COUNTS(bad_cookie, SERVICE_4),
	  GOAL(45) },
	{ "ACK, bad cookie, timestamps, IPv6",
	  .spec = { .v6 = true, .flags = SYN, .opts = LINUX6 },
	  .packet = PACKET_BAD_COOKIE, COUNTS(bad_cookie, SERVICE_6),
	  GOAL(55) },
	{ "ACK, bad cookie, random tuples, timestamps", SYN_OF(LINUX),
	  .packet = PACKET_BAD_COOKIE, .vary = VARY_TUPLE,
	  COUNTS(bad_cookie, SERVICE_4), GOAL(45) },
	{ "ACK, bad cookie, random tuples, no timestamps", SYN_OF(WINDOWS),
	  .packet = PACKET_BAD_COOKIE, .vary = VARY_TUPLE,
	  COUNTS(bad_cookie, SERVICE_4), GOAL(45) },
	{ "ACK, bad cookie, one of few", SYN_OF(LINUX),
	  .packet = PACKET_BAD_COOKIE, .few = true,
	  COUNTS(bad_cookie, SERVICE_4) },
	{ "ACK, expired cookie, one of few", SYN_OF(LINUX),
	  .packet = PACKET_OLD_COOKIE, .few = true,
	  COUNTS(expired_cookie, SERVICE_4) },
	{ "RST to nobody", .spec = { .flags = RST },
	  COUNTS(stray_rst, SERVICE_4), GOAL(60) },
	{ "RST to nobody, random tuples", .spec = { .flags = RST },
	  .vary = VARY_TUPLE, COUNTS(stray_rst, SERVICE_4), GOAL(60) },
	{ "Xmas", .spec = { .flags = FIN | PSH | URG },
	  COUNTS(bad_flags, SERVICE_4), GOAL(60) },
	{ "SYN in a tiny first fragment, IPv4",
	  .spec = { .frag = 0x2000, .flags = SYN },
	  .packet = PACKET_TINY_FRAGMENT, COUNTS(unreadable, 0), GOAL(60) },
	{ "SYN in a tiny first fragment, IPv6",
	  .spec = { .v6 = true, .ext = "f", .flags = SYN },
	  .packet = PACKET_TINY_FRAGMENT, COUNTS(unreadable, 0), GOAL(60) },
	{ "SYN behind nine extension headers",
	  .spec = { .v6 = true, .ext = "hdddddddd", .flags = SYN },
	  COUNTS(unreadable, 0), GOAL(60) },
	{ "SYN in three VLAN tags", .spec = { .vlan = "qqq", .flags = SYN },
	  COUNTS(unreadable, 0), GOAL(60) },

	{ "kernel's bpf_skc_lookup_tcp of a connection, alone",
	  .spec = { CONNECTED, .flags = FIN | ACK }, .packet = PACKET_OF_SOCKET,
	  .program = TEST_KERNEL_LOOKUP4 },
	{ "client's FIN of a session",
	  .spec = { CONNECTED, .flags = FIN | ACK }, .packet = PACKET_OF_SOCKET,
	  .own = OWN_LIVE, COUNTS(session, SERVICE_4), GOAL(100) },
	{ "adoption of a connection", .spec = { CONNECTED, .flags = ACK },
	  .packet = PACKET_OF_SOCKET, .own = OWN_UNKNOWN, .few = true,
	  COUNTS(adopted, SERVICE_4) },
	{ "UDP", .packet = PACKET_UDP, COUNTS(not_tcp, 0), GOAL(15) },
};

/* clang-format off */
#define FLOOD_SYN { "SYN, random tuples", SYN_OF(LINUX), .vary = VARY_TUPLE, \
	  COUNTS(answered, SERVICE_4), GOAL(100) }
#define FLOOD_ACK { "ACK, bad cookie, random tuples", SYN_OF(LINUX), \
	  .packet = PACKET_BAD_COOKIE, .vary = VARY_TUPLE, \
	  COUNTS(bad_cookie, SERVICE_4) }
/* clang-format on */

static const struct row flood[] = { FLOOD_SYN, FLOOD_ACK };

/* What a server under attack sees, if its clients are not kept out. */
static const struct row flood_and_clients[] = {
	FLOOD_SYN,
	FLOOD_ACK,
	{ "90 % packets of a session, random order, 10 % SYNs, random tuples",
	  .spec = { .src = "10.0.0.0",
		    .sport = WRAP_CLIENT_PORT,
		    .flags = ACK,
		    .opts = TS,
		    .data = 20 },
	  .vary = VARY_SESSION, .mix = WRAP_MIX_OF / 10,
	  .mixed = { .flags = SYN, .opts = LINUX },
	  COUNTS(session, SERVICE_4) },
};

static const struct row unsure[] = {
	{ "ACK, bad cookie", SYN_OF(LINUX), .packet = PACKET_BAD_COOKIE,
	  COUNTS(bad_cookie, SERVICE_4) },
	{ "ACK, bad cookie, random tuples", SYN_OF(LINUX),
	  .packet = PACKET_BAD_COOKIE, .vary = VARY_TUPLE,
	  COUNTS(bad_cookie, SERVICE_4) },
};

/* A listener is there. SYN-ACKs have the MSS only: tcp_timestamps = 1. */
static const struct row kernel[] = {
	{ "SYN, Linux options, IPv4", SYN_OF(LINUX),
	  COUNTS(answered, SERVICE_4) },
	{ "SYN, Linux options, IPv6",
	  .spec = { .v6 = true, .flags = SYN, .opts = LINUX6 },
	  COUNTS(answered, SERVICE_6) },
	{ "ACK of the kernel's cookie, IPv4",
	  .spec = { .sport = 40110, .flags = SYN, .opts = WINDOWS },
	  .packet = PACKET_KERNEL_COOKIE, .own = OWN_UNKNOWN,
	  COUNTS(kernel_cookie, SERVICE_4) },
	{ "ACK of the kernel's cookie, IPv6",
	  .spec = { .v6 = true, .sport = 40111, .flags = SYN },
	  .packet = PACKET_KERNEL_COOKIE, .own = OWN_UNKNOWN,
	  COUNTS(kernel_cookie, SERVICE_6) },
	{ "ACK, bad cookie, IPv4", SYN_OF(WINDOWS), .packet = PACKET_BAD_COOKIE,
	  COUNTS(bad_cookie, SERVICE_4) },
	{ "ACK, bad cookie, random tuples", SYN_OF(WINDOWS),
	  .packet = PACKET_BAD_COOKIE, .vary = VARY_TUPLE,
	  COUNTS(bad_cookie, SERVICE_4) },
};

static const struct row disarmed[] = {
	{ "SYN", SYN_OF(LINUX), COUNTS(disarmed_syn, SERVICE_4) },
};

static const struct row monitored[] = {
	{ "SYN", SYN_OF(LINUX), .monitored = true,
	  COUNTS(answered, SERVICE_4) },
	{ "ACK, bad cookie", SYN_OF(LINUX), .packet = PACKET_BAD_COOKIE,
	  .monitored = true, COUNTS(bad_cookie, SERVICE_4) },
};

/* Session 0 of wrap.h, and then any. */
static const struct row session_one[] = {
	{ "packet of a session, in cache",
	  .spec = { .src = "10.0.0.0",
		    .sport = WRAP_CLIENT_PORT,
		    .flags = ACK,
		    .opts = TS,
		    .data = 20 },
	  COUNTS(session, SERVICE_4), .beside_hash = true, GOAL(45) },
	{ "packet of a session, in cache, IPv6",
	  .spec = { .v6 = true, .sport = 40200, .flags = ACK, .opts = TS },
	  .own = OWN_LIVE, COUNTS(session, SERVICE_6), GOAL(45) },
};

static const struct row session_any[] = {
	{ "packet of a session, in cache",
	  .spec = { .src = "10.0.0.0",
		    .sport = WRAP_CLIENT_PORT,
		    .flags = ACK,
		    .opts = TS,
		    .data = 20 },
	  COUNTS(session, SERVICE_4), .beside_hash = true, GOAL(45) },
	{ "packet of a session, random order",
	  .spec = { .src = "10.0.0.0",
		    .sport = WRAP_CLIENT_PORT,
		    .flags = ACK,
		    .opts = TS,
		    .data = 20 },
	  .vary = VARY_SESSION, COUNTS(session, SERVICE_4), .beside_hash = true,
	  GOAL_TIMES(1) },
};

static const struct row service[] = {
	{ "packet to no service, another port",
	  .spec = { .dport = 80, .flags = ACK, .opts = TS },
	  COUNTS(no_service, 0), GOAL(15) },
	{ "packet to no service, another address",
	  .spec = { .dst = "203.0.113.1", .flags = ACK, .opts = TS },
	  COUNTS(no_service, 0) },
	{ "SYN to an exact address", SYN_OF(LINUX),
	  COUNTS(answered, SERVICE_4) },
};

#define ROWS(array) .rows = (array), .n_rows = sizeof(array) / sizeof(*(array))

const struct scene scenes[] = {
	{ "", ROWS(plain) },
	{ "disarmed service", ROWS(disarmed), .mode = ENDPOINT_DISARMED },
	{ "monitored service", ROWS(monitored), .mode = ENDPOINT_MONITOR },
	{ "empty table", ROWS(flood) },
	{ "empty table for a million", ROWS(flood), .room = 1000000 },
	{ "100,000 of a million", ROWS(flood), .sessions = 100000,
	  .room = 1000000 },
	{ "empty table for 4 million", ROWS(flood), .room = 4000000 },
	{ "100,000 of 4 million", ROWS(flood), .sessions = 100000,
	  .room = 4000000 },
	{ "1 million of 4 million", ROWS(flood), .sessions = 1000000,
	  .room = 4000000 },
	{ "kernel asked", ROWS(unsure), .unsure = true },
	{ "kernel back-end", ROWS(kernel), .kernel = true },
	{ "1 service", ROWS(service), .exact = 1 },
	{ "64 services", ROWS(service), .exact = 64 },
	{ "4,096 services", ROWS(service), .exact = 4096 },
	{ "1 session", ROWS(session_one), .sessions = 1 },
	{ "100,000 sessions", ROWS(session_any), .sessions = 100000 },
	{ "1 million sessions", ROWS(session_any), .sessions = 1000000 },
	{ "1 million sessions", ROWS(flood_and_clients), .sessions = 1000000 },
	{ "4 million sessions", ROWS(session_any), .sessions = 4000000 },
	{ "full table", ROWS(flood), .sessions = 1000000, .full = true },
};
const unsigned n_scenes = sizeof(scenes) / sizeof(*scenes);
