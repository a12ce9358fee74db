/* SPDX-License-Identifier: GPL-2.0-only */
#include <netinet/tcp.h>

#include "probe.h"

int probe_send(const struct rawtcp *r, const struct session *s)
{
	const struct rawtcp_segment probe = {
		.seq = s->server_isn, /* the next one minus one */
		.ack = s->client_isn + 1,
		.flags = TH_ACK,
		.ts = s->server_tsval != 0,
		.tsval = s->server_tsval,
		.tsecr = s->client_tsval,
	};

	return rawtcp_send(r, &s->tuple, &probe);
}
