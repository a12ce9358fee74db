// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: addresses are kept as the data path has them, 128 bits
 * with IPv4 v4-mapped, so [::ffff:192.0.2.1]:80 and 192.0.2.1:80 are equal.
 * Names are never looked up: what is protected must not depend on a resolver.
 * Parsing is strict, because a mistyped address leaves a service unprotected.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "addr.h"

static const __be32 any6[4];

bool addr_is_v4(const __be32 addr[4])
{
	return !addr[0] && !addr[1] && addr[2] == htobe32_const(0xffff);
}

static const char *parse_port(const char *text, __be16 *ret)
{
	unsigned int port = 0;
	const char *s;

	for (s = text; isdigit((unsigned char)*s) && port <= 65535; s++)
		port = port * 10 + (*s - '0');
	if (*s || !port || port > 65535 || *text == '0')
		return "port must be 1 to 65535";
	*ret = htons(port);
	return NULL;
}

/* Why the host @text, which is no IPv4 address, is refused. */
static const char *explain_host(const char *text)
{
	if (!*text)
		return "address missing: write *:443 for any address";
	if (text[strspn(text, "0123456789.")])
		return "not an address (names are not looked up): write "
		       "192.0.2.1:443, [2001:db8::1]:443 or *:443";
	return "not an IPv4 address: four numbers from 0 to 255 without "
	       "leading zeros";
}

static const char *check_addr(const __be32 addr[4])
{
	bool v4 = addr_is_v4(addr);
	__u32 first = ntohl(v4 ? addr[3] : addr[0]);

	if (v4 ? !addr[3] : !memcmp(addr, any6, sizeof(any6)))
		return "for any address write *:PORT, such as *:443";
	if (v4 ? first >> 28 == 0xe || first == 0xffffffff
	       : first >> 24 == 0xff)
		return "not an address that a TCP server can have";
	return NULL;
}

/* @host is the text in front of ":PORT". */
static const char *parse_host4(const char *host, __be32 ret[4])
{
	if (inet_pton(AF_INET, host, &ret[3]) != 1)
		return explain_host(host);
	ret[2] = htobe32_const(0xffff);
	return check_addr(ret);
}

/* @host is the text between brackets. */
static const char *parse_host6(const char *host, __be32 ret[4])
{
	struct in_addr in4;

	if (strchr(host, '%'))
		return "scope ids are not supported: leave out the % and what "
		       "follows it";
	if (inet_pton(AF_INET, host, &in4) == 1)
		return "IPv4 is written without brackets: 192.0.2.1:443";
	if (inet_pton(AF_INET6, host, ret) != 1)
		return "not an IPv6 address: write it as [2001:db8::1]:443";
	return check_addr(ret);
}

/* Splits @text, in place, into @ret_host and @ret_port. */
static const char *split(char *text, bool *ret_v6, char **ret_host,
			 char **ret_port)
{
	bool v6 = *text == '[';
	char *end;

	if (strpbrk(text, " \t"))
		return "one address:port at a time, without blanks";
	if (v6) {
		end = strchr(text++, ']');
		if (!end)
			return "closing bracket missing: write it as "
			       "[2001:db8::1]:443";
		*end++ = '\0';
		if (*end && *end != ':')
			return "a colon goes between bracket and port: "
			       "[2001:db8::1]:443";
	} else {
		end = strchr(text, ':');
		if (end && strchr(end + 1, ':') &&
		    !text[strspn(text, "0123456789abcdefABCDEF:.%")])
			return "IPv6 is written in brackets: [2001:db8::1]:443";
	}
	if (!end || !*end || !end[1])
		return "port missing: write it as 192.0.2.1:443, "
		       "[2001:db8::1]:443 or *:443";
	*end++ = '\0';
	*ret_v6 = v6;
	*ret_host = text;
	*ret_port = end;
	return NULL;
}

int listen_parse(const char *text, struct listen *ret, const char **ret_why)
{
	char buf[LISTEN_STRLEN + 32]; /* IPv6 may be written with zeros */
	struct listen l = { 0 };
	char *host, *port;
	const char *why;
	bool v6;

	if (strlen(text) >= sizeof(buf)) {
		*ret_why = "too long for an address and a port";
		return -EINVAL;
	}
	why = split(strcpy(buf, text), &v6, &host, &port);
	if (!why) {
		l.wildcard = !v6 && !strcmp(host, "*");
		if (!l.wildcard)
			why = v6 ? parse_host6(host, l.addr)
				 : parse_host4(host, l.addr);
	}
	if (!why)
		why = parse_port(port, &l.port);
	if (why) {
		*ret_why = why;
		return -EINVAL;
	}
	*ret = l;
	return 0;
}

const char *addr_format(const __be32 addr[4], char *buf)
{
	if (addr_is_v4(addr))
		inet_ntop(AF_INET, &addr[3], buf, ADDR_STRLEN);
	else
		inet_ntop(AF_INET6, addr, buf, ADDR_STRLEN);
	return buf;
}

static int format_end(const __be32 addr[4], __be16 port, char *buf)
{
	char text[ADDR_STRLEN];

	return snprintf(buf, LISTEN_STRLEN,
			addr_is_v4(addr) ? "%s:%u" : "[%s]:%u",
			addr_format(addr, text), ntohs(port));
}

const char *listen_format(const struct listen *l, char *buf)
{
	if (l->wildcard)
		snprintf(buf, LISTEN_STRLEN, "*:%u", ntohs(l->port));
	else
		format_end(l->addr, l->port, buf);
	return buf;
}

const char *endpoint_format(const __be32 addr[4], __be16 port, char *buf)
{
	struct listen l = { .port = port };

	memcpy(l.addr, addr, sizeof(l.addr));
	return listen_format(&l, buf);
}

const char *tuple_format(const struct tuple *t, char *buf)
{
	char *end = buf + format_end(t->client, t->client_port, buf);

	format_end(t->server, t->server_port, stpcpy(end, " -> "));
	return buf;
}

int listen_compare(const struct listen *a, const struct listen *b)
{
	if (a->wildcard != b->wildcard)
		return a->wildcard ? 1 : -1;
	if (a->port != b->port)
		return be16toh(a->port) < be16toh(b->port) ? -1 : 1;
	return memcmp(a->addr, b->addr, sizeof(a->addr));
}

bool listen_equal(const struct listen *a, const struct listen *b)
{
	return !listen_compare(a, b);
}
