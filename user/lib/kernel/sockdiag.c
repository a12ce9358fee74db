/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "sockdiag.h"
#include "synkeeper/session_state.h"

enum { REPLY_MAX = 32768 };

/* idiag_timer of a timewait socket: net/ipv4/inet_diag.c. */
enum { TIMER_TIME_WAIT = 3 };

struct sockdiag {
	struct mnl_socket *nl;
	__u32 seq, dump_seq;
	char buf[REPLY_MAX];
};

int sockdiag_open(struct sockdiag **ret)
{
	struct sockdiag *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->nl = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	if (!d->nl || mnl_socket_bind(d->nl, 0, MNL_SOCKET_AUTOPID)) {
		int err = -errno;

		sockdiag_close(d);
		return err;
	}
	*ret = d;
	return 0;
}

void sockdiag_close(struct sockdiag *d)
{
	if (!d)
		return;
	if (d->nl)
		mnl_socket_close(d->nl);
	free(d);
}

static void addr_from_diag(__u8 family, const __be32 *from, __be32 to[4])
{
	if (family == AF_INET) {
		to[0] = to[1] = 0;
		to[2] = htobe32(0xffff);
		to[3] = from[0];
	} else {
		memcpy(to, from, 16);
	}
}

struct dump {
	diag_fn fn;
	void *data;
};

static void socket_attrs(const struct nlmsghdr *nlh, struct diag_socket *s)
{
	const struct nlattr *attr, *nested;

	mnl_attr_for_each (attr, nlh, sizeof(struct inet_diag_msg)) {
		const void *at = mnl_attr_get_payload(attr);

		switch (mnl_attr_get_type(attr)) {
		case INET_DIAG_SKV6ONLY:
			s->v6only = *(const __u8 *)at;
			break;
		case INET_DIAG_SKMEMINFO:
			s->rcvbuf = ((const __u32 *)at)[SK_MEMINFO_RCVBUF];
			break;
		case INET_DIAG_MD5SIG: /* one for each key */
			s->md5 = true;
			break;
		case INET_DIAG_ULP_INFO:
			mnl_attr_for_each_nested (nested, attr)
				if (mnl_attr_get_type(nested) ==
					    INET_ULP_INFO_NAME &&
				    !strcmp(mnl_attr_get_str(nested), "mptcp"))
					s->mptcp = true;
			break;
		}
	}
}

static int dump_one(const struct nlmsghdr *nlh, void *data)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct diag_socket s = { .state = m->idiag_state };
	const struct dump *d = data;

	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*m)))
		return MNL_CB_OK;
	addr_from_diag(m->idiag_family, m->id.idiag_src, s.tuple.server);
	addr_from_diag(m->idiag_family, m->id.idiag_dst, s.tuple.client);
	s.tuple.server_port = m->id.idiag_sport;
	s.tuple.client_port = m->id.idiag_dport;
	s.v6 = m->idiag_family == AF_INET6;
	s.ifindex = m->id.idiag_if;
	if (m->idiag_state == TCP_LISTEN) {
		s.waiting = m->idiag_rqueue;
		s.backlog = m->idiag_wqueue;
	}
	s.cookie = m->id.idiag_cookie[0] | (__u64)m->id.idiag_cookie[1] << 32;
	socket_attrs(nlh, &s);
	d->fn(&s, d->data);
	return MNL_CB_OK;
}

/*
 * Skips what is left of the reply to a failed request; retries after a signal.
 */
static ssize_t receive(struct sockdiag *d, __u32 seq)
{
	const struct nlmsghdr *nlh = (const void *)d->buf;
	ssize_t n;

	do
		n = mnl_socket_recvfrom(d->nl, d->buf, sizeof(d->buf));
	while ((n < 0 && errno == EINTR) ||
	       (n >= (ssize_t)sizeof(*nlh) && nlh->nlmsg_seq != seq));
	return n;
}

int sockdiag_dump_begin(struct sockdiag *d, __u8 family, __u32 states)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(d->buf);
	struct inet_diag_req_v2 *req;

	d->dump_seq = ++d->seq;
	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = d->dump_seq;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = family;
	req->sdiag_protocol = IPPROTO_TCP;
	if (states == 1 << TCP_LISTEN) /* INFO includes the ULP's name */
		req->idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1) |
				 1 << (INET_DIAG_INFO - 1);
	req->idiag_states = states;
	return mnl_socket_sendto(d->nl, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

int sockdiag_dump_step(struct sockdiag *d, diag_fn fn, void *data)
{
	struct dump dump = { .fn = fn, .data = data };
	ssize_t n = receive(d, d->dump_seq);
	int ret;

	if (n < 0)
		return -errno;
	ret = mnl_cb_run(d->buf, n, d->dump_seq, mnl_socket_get_portid(d->nl),
			 dump_one, &dump);
	return ret < 0 ? -errno : ret;
}

int sockdiag_dump(struct sockdiag *d, __u32 states, diag_fn fn, void *data)
{
	static const __u8 families[] = { AF_INET, AF_INET6 };
	size_t i;
	int ret = 0;

	for (i = 0; i < sizeof(families) && ret >= 0; i++) {
		ret = sockdiag_dump_begin(d, families[i], states);
		if (!ret)
			do
				ret = sockdiag_dump_step(d, fn, data);
			while (ret > 0);
	}
	return ret;
}

static __u8 family_of(const struct tuple *t)
{
	return tuple_is_v4(t) ? AF_INET : AF_INET6;
}

static int found_one(const struct nlmsghdr *nlh, void *data)
{
	*(struct inet_diag_msg *)data =
		*(const struct inet_diag_msg *)mnl_nlmsg_get_payload(nlh);
	return MNL_CB_STOP;
}

static void diag_from_tuple(const struct tuple *t, struct inet_diag_sockid *ret)
{
	bool v4 = tuple_is_v4(t);

	*ret = (struct inet_diag_sockid){
		.idiag_sport = t->server_port,
		.idiag_dport = t->client_port,
		.idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE },
	};
	memcpy(ret->idiag_src, v4 ? &t->server[3] : t->server, v4 ? 4 : 16);
	memcpy(ret->idiag_dst, v4 ? &t->client[3] : t->client, v4 ? 4 : 16);
}

/* Sends @type for the one socket of @id; fills @ret if not NULL. */
static int request_one(struct sockdiag *d, __u16 type, __u8 family,
		       const struct inet_diag_sockid *id,
		       struct inet_diag_msg *ret)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(d->buf);
	struct inet_diag_req_v2 *req;
	__u32 seq = ++d->seq;
	ssize_t n;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | (ret ? 0 : NLM_F_ACK);
	nlh->nlmsg_seq = seq;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = family;
	req->sdiag_protocol = IPPROTO_TCP;
	req->idiag_states = ~0U;
	req->id = *id;
	if (mnl_socket_sendto(d->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	n = receive(d, seq);
	if (n < 0)
		return -errno;
	if (mnl_cb_run(d->buf, n, seq, mnl_socket_get_portid(d->nl), found_one,
		       ret) < 0)
		return -errno;
	return 0;
}

/* The same for connection @t; a listener does not count. */
static int find_one(struct sockdiag *d, const struct tuple *t,
		    struct inet_diag_msg *ret)
{
	struct inet_diag_sockid id;
	int err;

	*ret = (struct inet_diag_msg){};
	diag_from_tuple(t, &id);
	err = request_one(d, SOCK_DIAG_BY_FAMILY, family_of(t), &id, ret);
	if (!err && (ret->idiag_state == TCP_LISTEN || !ret->idiag_state))
		err = -ENOENT;
	return err;
}

/* By its cookie: if @found has gone, the listener would match otherwise. */
static int destroy_one(struct sockdiag *d, const struct inet_diag_msg *found)
{
	int err = request_one(d, SOCK_DESTROY, found->idiag_family, &found->id,
			      NULL);

	return err == -ESTALE ? -ENOENT : err;
}

int sockdiag_state(struct sockdiag *d, const struct tuple *t)
{
	struct inet_diag_msg found;
	int err = find_one(d, t, &found);

	return err ? err : found.idiag_state;
}

int sockdiag_destroy(struct sockdiag *d, const struct tuple *t)
{
	struct inet_diag_msg found;
	int err = find_one(d, t, &found);

	return err ? err : destroy_one(d, &found);
}

int sockdiag_clear(struct sockdiag *d, const struct tuple *t)
{
	struct inet_diag_msg found;
	int err = find_one(d, t, &found);

	if (!err && found.idiag_state != TCP_SYN_RECV &&
	    found.idiag_timer != TIMER_TIME_WAIT)
		err = -ENOENT;
	return err ? err : destroy_one(d, &found);
}

const char *sockdiag_state_name(int state)
{
	switch (state) {
	case KERNEL_ESTABLISHED:
		return "ESTAB";
	case KERNEL_SYN_SENT:
		return "SYN-SENT";
	case KERNEL_SYN_RECV:
	case KERNEL_NEW_SYN_RECV:
		return "SYN-RECV";
	case KERNEL_FIN_WAIT1:
		return "FIN-WAIT-1";
	case KERNEL_FIN_WAIT2:
		return "FIN-WAIT-2";
	case KERNEL_TIME_WAIT:
		return "TIME-WAIT";
	case KERNEL_CLOSE:
		return "UNCONN";
	case KERNEL_CLOSE_WAIT:
		return "CLOSE-WAIT";
	case KERNEL_LAST_ACK:
		return "LAST-ACK";
	case KERNEL_CLOSING:
		return "CLOSING";
	case -ENOENT:
		return "none";
	default:
		return "unknown";
	}
}
