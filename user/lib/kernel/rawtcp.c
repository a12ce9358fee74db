/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "rawtcp.h"
#include "synkeeper/tcpopt.h"

enum { WINDOW = 65535, HOPS = 64 };

struct segment_tcp {
	struct tcphdr th;
	__u8 nop[2];
	__u8 kind;
	__u8 len;
	__be32 tsval;
	__be32 tsecr;
};
_Static_assert(sizeof(struct segment_tcp) == 32, "no padding on the wire");

struct segment4 {
	struct iphdr ip;
	struct segment_tcp tcp;
};

struct segment6 {
	struct ip6_hdr ip;
	struct segment_tcp tcp;
};

int rawtcp_open(struct rawtcp *r)
{
	r->fd4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	r->fd6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (r->fd4 < 0) {
		int err = -errno;

		log_err("cannot open a raw socket: %s", strerror(-err));
		return err;
	}
	return 0; /* the host may have no IPv6 */
}

void rawtcp_close(struct rawtcp *r)
{
	if (r->fd4 >= 0)
		close(r->fd4);
	if (r->fd6 >= 0)
		close(r->fd6);
	r->fd4 = r->fd6 = -1;
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
static size_t fill_tcp(const struct tuple *t, const struct rawtcp_segment *seg,
		       struct segment_tcp *ret)
{
	size_t len = seg->ts ? sizeof(*ret) : sizeof(ret->th);

	*ret = (struct segment_tcp){
		.th = { .source = t->server_port,
			.dest = t->client_port,
			.seq = htobe32(seg->seq),
			.ack_seq = htobe32(seg->ack),
			.window = htobe16(WINDOW) },
		.nop = { OPT_NOP, OPT_NOP },
		.kind = OPT_TIMESTAMP,
		.len = 10,
		.tsval = htobe32(seg->tsval),
		.tsecr = htobe32(seg->tsecr),
	};
	ret->th.th_flags = seg->flags;
	ret->th.doff = len / 4;
	return len;
}

static void checksum(const struct tuple *t, struct segment_tcp *tcp, size_t len)
{
	__u32 sum = htobe16(IPPROTO_TCP) + htobe16((__u16)len);
	size_t skip = tuple_is_v4(t) ? 3 : 0;

	sum += sum_words(&t->client[skip], (4 - skip) * 4);
	sum += sum_words(&t->server[skip], (4 - skip) * 4);
	tcp->th.check = fold(sum + sum_words(tcp, len));
}

static int send_v4(const struct rawtcp *r, const struct tuple *t,
		   const struct rawtcp_segment *seg)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = t->client[3] };
	struct segment4 pkt = {};
	size_t len = fill_tcp(t, seg, &pkt.tcp);

	checksum(t, &pkt.tcp, len);
	len += sizeof(pkt.ip);
	pkt.ip = (struct iphdr){ .version = 4,
				 .ihl = 5,
				 .tot_len = htobe16((__u16)len),
				 .frag_off = htobe16(IP_DF),
				 .ttl = HOPS,
				 .protocol = IPPROTO_TCP,
				 .saddr = t->server[3],
				 .daddr = t->client[3] };
	return sendto(r->fd4, &pkt, len, MSG_DONTWAIT, (struct sockaddr *)&to,
		      sizeof(to)) < 0
		       ? -errno
		       : 0;
}

static int send_v6(const struct rawtcp *r, const struct tuple *t,
		   const struct rawtcp_segment *seg)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
	struct segment6 pkt = {};
	size_t len = fill_tcp(t, seg, &pkt.tcp);

	checksum(t, &pkt.tcp, len);
	memcpy(&to.sin6_addr, t->client, 16);
	pkt.ip.ip6_flow = htobe32(6U << 28);
	pkt.ip.ip6_plen = htobe16((__u16)len);
	pkt.ip.ip6_nxt = IPPROTO_TCP;
	pkt.ip.ip6_hlim = HOPS;
	memcpy(&pkt.ip.ip6_src, t->server, 16);
	memcpy(&pkt.ip.ip6_dst, t->client, 16);
	return sendto(r->fd6, &pkt, sizeof(pkt.ip) + len, MSG_DONTWAIT,
		      (struct sockaddr *)&to, sizeof(to)) < 0
		       ? -errno
		       : 0;
}

int rawtcp_send(const struct rawtcp *r, const struct tuple *t,
		const struct rawtcp_segment *segment)
{
	return tuple_is_v4(t) ? send_v4(r, t, segment) : send_v6(r, t, segment);
}
