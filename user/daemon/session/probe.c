/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "probe.h"
#include "synkeeper/tcpopt.h"

enum { PROBE_WINDOW = 65535, PROBE_HOPS = 64 };

struct probe_tcp {
	struct tcphdr th;
	__u8 nop[2];
	__u8 kind;
	__u8 len;
	__be32 tsval;
	__be32 tsecr;
};
_Static_assert(sizeof(struct probe_tcp) == 32, "no padding on the wire");

struct probe4 {
	struct iphdr ip;
	struct probe_tcp tcp;
};

struct probe6 {
	struct ip6_hdr ip;
	struct probe_tcp tcp;
};

int probe_open(struct probe *p)
{
	p->fd4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	p->fd6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (p->fd4 < 0) {
		int err = -errno;

		log_err("cannot open a raw socket: %s", strerror(-err));
		return err;
	}
	return 0; /* the host may have no IPv6 */
}

void probe_close(struct probe *p)
{
	if (p->fd4 >= 0)
		close(p->fd4);
	if (p->fd6 >= 0)
		close(p->fd6);
	p->fd4 = p->fd6 = -1;
}

static __u32 sum_words(const void *data, size_t len)
{
	const __u16 *word = data;
	__u32 sum = 0;
	size_t i;

	for (i = 0; i < len / 2; i++)
		sum += word[i];
	return sum;
}

static __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* Fills @ret except the checksum; returns how many bytes to send. */
static size_t fill_tcp(const struct session *s, struct probe_tcp *ret)
{
	bool ts = s->server_tsval != 0;
	size_t len = ts ? sizeof(*ret) : sizeof(ret->th);

	*ret = (struct probe_tcp){
		.th = { .source = s->tuple.server_port,
			.dest = s->tuple.client_port,
			.seq = htobe32(
				s->server_isn), /* the next one minus one */
			.ack_seq = htobe32(s->client_isn + 1),
			.doff = len / 4,
			.ack = 1,
			.window = htobe16(PROBE_WINDOW) },
		.nop = { OPT_NOP, OPT_NOP },
		.kind = OPT_TIMESTAMP,
		.len = 10,
		.tsval = htobe32(s->server_tsval),
		.tsecr = htobe32(s->client_tsval),
	};
	return len;
}

static void checksum(const struct session *s, struct probe_tcp *tcp, size_t len)
{
	__u32 sum = htobe16(IPPROTO_TCP) + htobe16((__u16)len);
	size_t skip = tuple_is_v4(&s->tuple) ? 3 : 0;

	sum += sum_words(&s->tuple.client[skip], (4 - skip) * 4);
	sum += sum_words(&s->tuple.server[skip], (4 - skip) * 4);
	tcp->th.check = fold(sum + sum_words(tcp, len));
}

static int send_v4(const struct probe *p, const struct session *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = s->tuple.client[3] };
	struct probe4 pkt = {};
	size_t len = fill_tcp(s, &pkt.tcp);

	checksum(s, &pkt.tcp, len);
	len += sizeof(pkt.ip);
	pkt.ip = (struct iphdr){ .version = 4,
				 .ihl = 5,
				 .tot_len = htobe16((__u16)len),
				 .frag_off = htobe16(IP_DF),
				 .ttl = PROBE_HOPS,
				 .protocol = IPPROTO_TCP,
				 .saddr = s->tuple.server[3],
				 .daddr = s->tuple.client[3] };
	return sendto(p->fd4, &pkt, len, MSG_DONTWAIT, (struct sockaddr *)&to,
		      sizeof(to)) < 0
		       ? -errno
		       : 0;
}

static int send_v6(const struct probe *p, const struct session *s)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
	struct probe6 pkt = {};
	size_t len = fill_tcp(s, &pkt.tcp);

	checksum(s, &pkt.tcp, len);
	memcpy(&to.sin6_addr, s->tuple.client, 16);
	pkt.ip.ip6_flow = htobe32(6U << 28);
	pkt.ip.ip6_plen = htobe16((__u16)len);
	pkt.ip.ip6_nxt = IPPROTO_TCP;
	pkt.ip.ip6_hlim = PROBE_HOPS;
	memcpy(&pkt.ip.ip6_src, s->tuple.server, 16);
	memcpy(&pkt.ip.ip6_dst, s->tuple.client, 16);
	return sendto(p->fd6, &pkt, sizeof(pkt.ip) + len, MSG_DONTWAIT,
		      (struct sockaddr *)&to, sizeof(to)) < 0
		       ? -errno
		       : 0;
}

int probe_send(const struct probe *p, const struct session *s)
{
	return tuple_is_v4(&s->tuple) ? send_v4(p, s) : send_v6(p, s);
}
