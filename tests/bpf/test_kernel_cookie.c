// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: SYNs to a service that answers with its listener's own
 * cookies. The SYN-ACK may offer only what the kernel can recover from the ACK:
 * the MSS, and everything else only from a timestamp (SETTING_KERNEL_TS). If
 * the kernel makes no cookie, the SYN passes to it.
 */
#include <linux/bpf.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "kernelside.h"
#include "netns.h"
#include "sessions.h"
#include "testmain.h"

#define LINUX	"mss:1460 sack ts:7777:0 nop ws:7"
#define LINUX6	"mss:1440 sack ts:7777:0 nop ws:7"
#define WINDOWS "mss:1460 nop ws:8 nop nop sack"
#define NONE	WSCALE_NONE

struct row {
	const char *what;
	struct spec in;
	struct answer_spec out;
	uint32_t off; /* enum setting_flags that are off */
};

/* mss (the kernel keeps it), wscale, sack, ecn, ts */
#define HS(...) .out.hs = { 0, __VA_ARGS__ }

/* Answered as the row says, and the listener accepts the ACK. */
static bool right(const struct row *row)
{
	struct spec syn = row->in, ack;
	struct cookie c;

	syn.flags |= SYN;
	sessions_clear();
	if (!kernelside_answered(row->what, &syn, &row->out, &c))
		return false;
	ack = kernelside_ack(&syn, &c);
	return kernelside_takes(row->what, &ack);
}

static void run_rows(const struct row *rows, size_t n, uint32_t on)
{
	uint32_t flags = harness.cfg.flags | on;
	unsigned bad = 0;

	for (; n--; rows++) {
		harness.cfg.flags = flags & ~rows->off;
		harness_settings();
		bad += !right(rows);
	}
	assert_int_equal(bad, 0);
}

#define RUN(rows, on) run_rows(rows, sizeof(rows) / sizeof((rows)[0]), on)

/* net.ipv4.tcp_timestamps = 1: the kernel could not decode our options. */
static void mss_only_by_default(void **state)
{
	static const struct row rows[] = {
		{ "Linux", { .opts = LINUX }, HS(NONE), .out.opts = "mss:1460" },
		{ "Windows",
		  { .opts = WINDOWS },
		  HS(NONE),
		  .out.opts = "mss:1460" },
		{ "no options", {}, HS(NONE), .out.opts = "mss:1460" },
		{ "no options, padded",
		  { .pad = true },
		  HS(NONE),
		  .out.opts = "mss:1460" },
		{ "odd order",
		  { .opts = "sack ts:1:0 mss:1460 x:fd06aabbccdd ws:7" },
		  HS(NONE),
		  .out.opts = "mss:1460" },
		{ "ECN is refused",
		  { .flags = ECE | CWR, .opts = LINUX },
		  HS(NONE),
		  .out.opts = "mss:1460" },
		{ "data is not acknowledged",
		  { .data = 300, .opts = LINUX },
		  HS(NONE),
		  .out.opts = "mss:1460" },
		{ "IPv4 options",
		  { .ip_opts = 12, .opts = LINUX },
		  HS(NONE),
		  .out.opts = "mss:1460" },
		{ "one VLAN tag",
		  { .vlan = "q", .opts = LINUX },
		  HS(NONE),
		  .out.opts = "mss:1460" },
		{ "two VLAN tags",
		  { .vlan = "aq", .opts = LINUX },
		  HS(NONE),
		  .out.opts = "mss:1460" },
		{ "ISN 0xffffffff",
		  { .seq = 0xffffffff },
		  HS(NONE),
		  .out.opts = "mss:1460" },
		{ "Linux, IPv6",
		  { .v6 = true, .opts = LINUX6 },
		  HS(NONE),
		  .out.opts = "mss:1440" },
		{ "no options, IPv6",
		  { .v6 = true },
		  HS(NONE),
		  .out.opts = "mss:1440" },
		{ "extension headers, IPv6",
		  { .v6 = true, .ext = "hd", .opts = LINUX6 },
		  HS(NONE),
		  .out.opts = "mss:1440" },
		{ "one VLAN tag, IPv6",
		  { .v6 = true, .vlan = "q", .opts = LINUX6 },
		  HS(NONE),
		  .out.opts = "mss:1440" },
	};

	(void)state;
	RUN(rows, 0);
}

static const struct row timestamp_rows[] = {
	{ "Linux",
	  { .opts = LINUX },
	  HS(7, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:7777 nop ws:9" },
	{ "macOS",
	  { .opts = "mss:1460 nop ws:6 nop nop ts:7777:0 sack eol "
		    "eol" },
	  HS(6, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:7777 nop ws:9" },
	{ "ECN",
	  { .flags = ECE | CWR, .opts = LINUX },
	  HS(7, 1, 1, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:7777 nop ws:9" },
	{ "ECE alone is no offer",
	  { .flags = ECE, .opts = LINUX },
	  HS(7, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:7777 nop ws:9" },
	{ "timestamps alone",
	  { .opts = "mss:1460 nop nop ts:7:0" },
	  HS(NONE, 0, 0, 1),
	  .out.opts = "mss:1460 nop nop ts:COOKIE:7" },
	{ "timestamps and ECN",
	  { .flags = ECE | CWR, .opts = "mss:1460 nop nop ts:7:0" },
	  HS(NONE, 0, 1, 1),
	  .out.opts = "mss:1460 nop nop ts:COOKIE:7" },
	{ "no SACK",
	  { .opts = "mss:1460 nop nop ts:7:0 nop ws:7" },
	  HS(7, 0, 0, 1),
	  .out.opts = "mss:1460 nop nop ts:COOKIE:7 nop ws:9" },
	{ "no window scale",
	  { .opts = "mss:1460 sack ts:7:0" },
	  HS(NONE, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:7" },
	{ "window scale 0 is an offer",
	  { .opts = "mss:1460 sack ts:7:0 nop ws:0" },
	  HS(0, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:7 nop ws:9" },
	{ "window scale 15 is 14, not none",
	  { .opts = "mss:1460 sack ts:7:0 nop ws:15" },
	  HS(14, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:7 nop ws:9" },
	{ "TSval 0",
	  { .opts = "mss:1460 sack ts:0:0 nop ws:7" },
	  HS(7, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:0 nop ws:9" },
	{ "Linux, IPv6",
	  { .v6 = true, .opts = LINUX6 },
	  HS(7, 1, 0, 1),
	  .out.opts = "mss:1440 sack ts:COOKIE:7777 nop ws:9" },
	{ "ECN, IPv6, one VLAN tag",
	  { .v6 = true, .vlan = "q", .flags = ECE | CWR, .opts = LINUX6 },
	  HS(7, 1, 1, 1),
	  .out.opts = "mss:1440 sack ts:COOKIE:7777 nop ws:9" },
	{ "Windows sends no timestamps: the MSS only",
	  { .opts = WINDOWS },
	  HS(NONE),
	  .out.opts = "mss:1460" },
	{ "ECN without timestamps: the MSS only",
	  { .flags = ECE | CWR, .opts = WINDOWS },
	  HS(NONE),
	  .out.opts = "mss:1460" },
	{ "no options", {}, HS(NONE), .out.opts = "mss:1460" },
};

/* = 2: the low bits of the timestamp encode the options. */
static void options_in_the_timestamp(void **state)
{
	(void)state;
	RUN(timestamp_rows, SETTING_KERNEL_TS);
}

/* The kernel rejects a cookie with options that its sysctls forbid. */
static void options_that_the_host_forbids(void **state)
{
	static const struct row rows[] = {
		{ "timestamps off",
		  { .flags = ECE | CWR, .opts = LINUX },
		  HS(NONE),
		  .out.opts = "mss:1460",
		  .off = SETTING_TS },
		{ "SACK off",
		  { .opts = LINUX },
		  HS(7, 0, 0, 1),
		  .out.opts = "mss:1460 nop nop ts:COOKIE:7777 nop ws:9",
		  .off = SETTING_SACK },
		{ "window scaling off",
		  { .opts = LINUX },
		  HS(NONE, 1, 0, 1),
		  .out.opts = "mss:1460 sack ts:COOKIE:7777",
		  .off = SETTING_WSCALE },
		{ "ECN off",
		  { .flags = ECE | CWR, .opts = LINUX },
		  HS(7, 1, 0, 1),
		  .out.opts = "mss:1460 sack ts:COOKIE:7777 nop ws:9",
		  .off = SETTING_ECN },
	};

	(void)state;
	RUN(rows, SETTING_KERNEL_TS);
}

/*
 * How many of the numbers above the cookie are valid as well: the higher MSS
 * of the kernel's four (its table in net/ipv4, net/ipv6/syncookies.c).
 */
static int mss_index(const struct spec *syn)
{
	struct cookie c = kernelside_cookie(syn);
	struct spec ack = kernelside_ack(syn, &c);
	static struct frame in;
	static struct run r;
	int above, index = 3;

	for (above = 0; above < 4; above++, ack.ack++) {
		sessions_clear();
		packet_build(&ack, &in);
		harness_run(&in, &r);
		if (r.reason == REASON_kernel_cookie)
			index = 3 - above;
	}
	return index;
}

static void mss_in_the_cookie(void **state)
{
	static const struct {
		struct spec syn;
		int index;
	} rows[] = {
		{ { .opts = "mss:1460" }, 3 },
		{ { .opts = "mss:8960" }, 3 },
		{ { .opts = "mss:1459" }, 2 },
		{ { .opts = "mss:1300" }, 1 },
		{ { .opts = "mss:536" }, 0 },
		{ { .opts = "mss:1" }, 0 },
		{ { .opts = NULL }, 0 }, /* 536 */
		{ { .opts = "sack ts:1:0 nop nop mss:1440" }, 2 },
		{ { .v6 = true, .opts = "mss:8940" }, 3 },
		{ { .v6 = true, .opts = "mss:1440" }, 2 },
		{ { .v6 = true, .opts = "mss:1420" }, 1 },
		{ { .v6 = true, .opts = NULL }, 0 }, /* 1220 */
	};
	unsigned i, bad = 0;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct spec syn = rows[i].syn;
		int got;

		syn.flags = SYN;
		got = mss_index(&syn);
		if (got == rows[i].index)
			continue;
		bad++;
		fprintf(stderr, "%s, IPv%d: expected MSS %d of 4, got %d\n",
			syn.opts ? syn.opts : "no options", syn.v6 ? 6 : 4,
			rows[i].index, got);
	}
	assert_int_equal(bad, 0);
}

/* The kernel would use a different scale than the endpoint's. */
static void listener_with_a_buffer_of_its_own(void **state)
{
	static const struct row rows[] = {
		{ "Linux",
		  { .opts = LINUX },
		  HS(NONE, 1, 0, 1),
		  .out.opts = "mss:1460 sack ts:COOKIE:7777" },
		{ "Linux, IPv6",
		  { .v6 = true, .opts = LINUX6 },
		  HS(NONE, 1, 0, 1),
		  .out.opts = "mss:1440 sack ts:COOKIE:7777" },
	};
	static const struct {
		int level, option;
	} options[] = { { SOL_SOCKET, SO_RCVBUF },
			{ IPPROTO_TCP, TCP_WINDOW_CLAMP } };
	int value = 30000;
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		int fd = netns_listen_dual(443);

		assert_false(setsockopt(fd, options[i].level, options[i].option,
					&value, sizeof(value)));
		RUN(rows, SETTING_KERNEL_TS);
		netns_close_all();
	}
}

static const struct row one_of_each_family[] = {
	{ "IPv4",
	  { .opts = LINUX },
	  HS(7, 1, 0, 1),
	  .out.opts = "mss:1460 sack ts:COOKIE:7777 nop ws:9" },
	{ "IPv6",
	  { .v6 = true, .opts = LINUX6 },
	  HS(7, 1, 0, 1),
	  .out.opts = "mss:1440 sack ts:COOKIE:7777 nop ws:9" },
};

static void dual_stack_listener(void **state)
{
	(void)state;
	netns_listen_dual(443);
	RUN(one_of_each_family, SETTING_KERNEL_TS);
}

static void mptcp_listener(void **state)
{
	(void)state;
	if (netns_listen_mptcp(443) < 0) {
		fprintf(stderr, "skip: the kernel has no MPTCP\n");
		skip();
	}
	RUN(one_of_each_family, SETTING_KERNEL_TS);
}

/* An IPv6-only listener does not count for an IPv4 client. */
static void listener_of_the_other_family(void **state)
{
	static const struct spec syn = { .flags = SYN, .opts = LINUX };

	(void)state;
	netns_listen(true, 443);
	assert_true(expect_spec("IPv4 SYN, IPv6 listener", &syn, XDP_PASS,
				REASON_kernel_syn));
}

/* The same SYN gets the same answer, unless the kernel's minute changes. */
static void retransmitted(void **state)
{
	static const struct spec syn = { .flags = SYN, .opts = LINUX };
	struct cookie first = kernelside_cookie(&syn);
	struct cookie second = kernelside_cookie(&syn);
	struct cookie third = kernelside_cookie(&syn);

	(void)state;
	if (second.isn != first.isn && second.isn != third.isn)
		fail_msg("one SYN, three cookies: %u, %u, %u", first.isn,
			 second.isn, third.isn);
}

#define TEST(name, setup) \
	cmocka_unit_test_setup_teardown(name, setup, harness_teardown)

static const struct CMUnitTest tests[] = {
	TEST(mss_only_by_default, kernelside_setup_listening),
	TEST(options_in_the_timestamp, kernelside_setup_listening),
	TEST(options_that_the_host_forbids, kernelside_setup_listening),
	TEST(mss_in_the_cookie, kernelside_setup_listening),
	TEST(listener_with_a_buffer_of_its_own, kernelside_setup),
	TEST(dual_stack_listener, kernelside_setup),
	TEST(mptcp_listener, kernelside_setup),
	TEST(listener_of_the_other_family, kernelside_setup),
	TEST(retransmitted, kernelside_setup_listening),
};

TEST_MAIN(tests)
