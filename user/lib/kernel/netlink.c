/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <string.h>

#include "netlink.h"

enum { REPLY_MAX = 65536 }; /* larger than any part of a dump */

struct nlmsghdr *netlink_request(char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	static uint32_t seq;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++seq;
	return nlh;
}

struct answer {
	uint32_t seq;
	mnl_cb_t cb;
	void *data;
	bool stopped; /* @cb wants no more */
	int err;
};

/* Handles a message of a reply; returns whether it was the last. */
static bool take_message(struct answer *a, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e;

	if (nlh->nlmsg_seq != a->seq)
		return false; /* reply to an abandoned request */
	if (nlh->nlmsg_type == NLMSG_ERROR) {
		e = mnl_nlmsg_get_payload(nlh);
		if (e->error)
			a->err = e->error;
		return true;
	}
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->err = -EINTR;
	if (nlh->nlmsg_type == NLMSG_DONE)
		return true;
	if (!a->stopped)
		a->stopped = a->cb(nlh, a->data) <= MNL_CB_STOP;
	return false;
}

int netlink_ask_at(struct mnl_socket *nl, struct nlmsghdr *nlh, mnl_cb_t cb,
		   void *data)
{
	struct answer a = { .seq = nlh->nlmsg_seq, .cb = cb, .data = data };
	char buf[REPLY_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool last = false;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (!last) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		const struct nlmsghdr *at = (const void *)buf;
		int left = (int)n;

		if (n < 0)
			return -errno;
		for (; !last && mnl_nlmsg_ok(at, left);
		     at = mnl_nlmsg_next(at, &left))
			last = take_message(&a, at);
	}
	return a.err;
}

int netlink_ask_until(struct mnl_socket *nl, const struct nlmsghdr *nlh,
		      mnl_cb_t cb, void *data)
{
	char buf[REPLY_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	unsigned int portid = mnl_socket_get_portid(nl);
	__u32 seq = nlh->nlmsg_seq;
	ssize_t ret;

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ret = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (ret >= 0)
			ret = mnl_cb_run(buf, ret, seq, portid, cb, data);
	} while (ret > MNL_CB_STOP);
	return ret < 0 ? -errno : 0;
}

struct mnl_socket *netlink_open(int bus, unsigned int groups)
{
	struct mnl_socket *nl = mnl_socket_open2(bus, SOCK_CLOEXEC);

	if (nl && mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0) {
		int err = errno;

		mnl_socket_close(nl);
		errno = err;
		return NULL;
	}
	return nl;
}

int netlink_ask(int bus, struct nlmsghdr *nlh, mnl_cb_t cb, void *data)
{
	struct mnl_socket *nl = netlink_open(bus, 0);
	int err;

	if (!nl)
		return -errno;
	err = netlink_ask_at(nl, nlh, cb, data);
	mnl_socket_close(nl);
	return err;
}

enum { DRAIN_MAX = 1000 };

bool netlink_drain(struct mnl_socket *nl, mnl_cb_t cb, void *data)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	bool complete = true;
	ssize_t len;
	int i;

	for (i = 0; i < DRAIN_MAX; i++) {
		len = recv(mnl_socket_get_fd(nl), buf, sizeof(buf),
			   MSG_DONTWAIT);
		if (len < 0 && errno == EAGAIN)
			break;
		if (len < 0 || (cb && mnl_cb_run(buf, len, 0, 0, cb, data) < 0))
			complete = false;
	}
	return complete;
}

uint32_t netlink_u32(const struct nlattr *a)
{
	return mnl_attr_validate(a, MNL_TYPE_U32) < 0 ? 0 : mnl_attr_get_u32(a);
}

void netlink_addr(const struct nlattr *a, uint8_t ret[16])
{
	size_t len = mnl_attr_get_payload_len(a);

	memcpy(ret, mnl_attr_get_payload(a), len < 16 ? len : 16);
}
