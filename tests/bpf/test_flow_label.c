// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: the IPv6 flow label of a SYN-ACK (RFC 6437): there
 * unless the host sets none, beside the traffic class, one per connection.
 */
#include <linux/bpf.h>
#include <string.h>

#include "synack.h"
#include "testmain.h"

enum { TCLASS = 0xb8, LABEL = 0xfffff };

static void tell(bool labels)
{
	struct endpoint four = harness_service(SERVICE_4, ENDPOINT_ARMED);
	struct port_services ps;

	four.tos = TCLASS;
	ps = (struct port_services){ .any4 = four, .any6 = four };
	ps.any6.service = SERVICE_6;
	harness_port(443, &ps);
	harness.cfg.flags &= ~(__u32)SETTING_FLOW_LABEL;
	harness.cfg.flags |= labels ? SETTING_FLOW_LABEL : 0;
	harness_settings();
}

static const struct {
	const char *what;
	bool v6, labels;
	const char *vlan;
} rows[] = {
	{ "IPv4", .labels = true },
	{ "IPv6", .v6 = true, .labels = true },
	{ "IPv6, tagged", .v6 = true, .labels = true, .vlan = "q" },
	{ "auto_flowlabels = 0", .v6 = true },
};

static bool answers(size_t i)
{
	struct spec syn = { .v6 = rows[i].v6,
			    .vlan = rows[i].vlan,
			    .flags = SYN };
	static struct frame in, out;

	packet_build(&syn, &in);
	synack_reference(&syn, &in, &out);
	if (syn.v6) {
		out.data[out.l3] |= TCLASS >> 4;
		out.data[out.l3 + 1] |= (TCLASS & 0xf) << 4;
	} else {
		out.data[out.l3 + 1] = TCLASS;
	}
	packet_checksum(&out, syn.v6);
	return expect(rows[i].what, &in, XDP_TX, REASON_answered, &out);
}

static void where_there_is_one(void **state)
{
	unsigned bad = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tell(rows[i].labels);
		bad += !answers(i);
	}
	assert_int_equal(bad, 0);
}

/* Of the answer to a SYN from @sport. */
static uint32_t label_for(uint16_t sport)
{
	struct spec syn = { .v6 = true, .flags = SYN, .sport = sport };
	static struct frame in;
	static struct run r;
	const uint8_t *ip = r.data + 14;

	packet_build(&syn, &in);
	harness_run(&in, &r);
	assert_int_equal(r.verdict, XDP_TX);
	return (uint32_t)(ip[1] << 16 | ip[2] << 8 | ip[3]) & LABEL;
}

static void one_per_connection(void **state)
{
	uint32_t first;

	(void)state;
	tell(true);
	first = label_for(1000);
	assert_int_not_equal(first, 0);
	assert_int_equal(label_for(1000), first);
	assert_int_not_equal(label_for(1001), first);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(where_there_is_one, harness_setup),
	cmocka_unit_test_setup(one_per_connection, harness_setup),
};

TEST_MAIN(tests)
