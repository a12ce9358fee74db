/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: see explain.h. The entries are in the order of
 * reasons.h. A reason that has none does not compile: "explain_REASON
 * undeclared" means that it wants an entry here.
 */
#include "explain.h"

#define EXPLAIN(reason) static const struct explanation explain_##reason

/* ---- no business of a service's ---- */

EXPLAIN(not_tcp) = {
	"The frame is not IPv4 or IPv6 with TCP, or it is cut off. The kernel "
	"gets it untouched.",
	{ "ARP, ICMP, UDP, tunnels: all other traffic of the host" },
	"Nothing to do. Clients that come through a tunnel are not protected.",
};

EXPLAIN(no_service) = {
	"TCP to an address and port that no service names. On a host that "
	"forwards, `*:443` means the host's own addresses, so port 443 of "
	"others is here, too.",
	{ "ssh, answers to the host's own connections, forwarded traffic" },
	"Nothing to do. If it should be protected: `synkeeper service add "
	"A:P`, and a section for it in the configuration.",
};

EXPLAIN(later_fragment) = {
	"A fragment but the first: it has no TCP header to judge. Alone it "
	"opens nothing; the first one is judged.",
	{ "a path with a small MTU in front of this host, a tunnel" },
	"Nothing to do; see fragment for the first ones.",
};

EXPLAIN(not_ready) = {
	"The program runs but may not judge yet: there are no keys and "
	"services, or the packet came in by an interface that synkeeperd does "
	"not look after. Everything passes, nothing is protected.",
	{ "a program attached by hand before synkeeperd was started",
	  "a program attached by hand to a further interface" },
	"`synkeeper status` shows the interfaces that synkeeperd looks after: "
	"start it, or name the interface in its configuration.",
};

EXPLAIN(other_host) = {
	"To a service's address and port, but the frame's destination is not "
	"the interface's MAC address. The kernel does not take it, or takes it "
	"for another interface that shares this one.",
	{ "the interface is promiscuous, or a bridge's port",
	  "a switch floods frames whose destination it has not learnt",
	  "a macvlan or VRRP address with a MAC of its own: it works, but is "
	  "not protected" },
	"If the MAC belongs to this host (`ip -br link`), protect the "
	"interface that has it; otherwise nothing to do.",
};

/* ---- what goes on with a connection ---- */

EXPLAIN(session) = {
	"A packet of a connection that is in the table, or data right behind "
	"an ACK that was just admitted.",
	{ "every good connection: nearly all good traffic is this" },
	"Nothing to do. `synkeeper session list` shows them.",
};

EXPLAIN(session_syn) = {
	"A SYN with the addresses and ports of something that the kernel still "
	"has. It passes, since only the kernel can tell a challenge ACK (RFC "
	"5961) from the reuse of a port in TIME-WAIT (RFC 6191).",
	{ "a client that reuses its port soon after it closed",
	  "a client that was rebooted in mid-connection",
	  "a SYN sent again, whose first was answered by the kernel" },
	"Nothing to do.",
};

EXPLAIN(session_rst) = {
	"A RST with the addresses and ports of a session. It passes; the "
	"session ends once the kernel's socket is gone, so a forged one ends "
	"nothing.",
	{ "clients that close with RST: browsers, health checks, SO_LINGER 0" },
	"Nothing to do. `synkeeper session totals` counts how sessions end.",
};

EXPLAIN(adopted) = {
	"An ACK or FIN of a connection that the table did not know, but the "
	"kernel has a socket for it. It is a session from here on.",
	{ "the connection is older than the protection",
	  "its entry made room for another's, or it was silent for longer "
	  "than `idle-timeout`",
	  "it came by another interface until now" },
	"Nothing to do; no connection was hurt. If it grows all the time, the "
	"table is too small: raise `max` in `[sessions]`.",
};

EXPLAIN(socket) = {
	"A RST or odd flags with no session, but the kernel has a socket with "
	"these addresses and ports; or odd flags to a disarmed service. The "
	"kernel judges it.",
	{ "a RST for a connection that the table did not know",
	  "the SYN+ACK to a connection that leaves from a service's port" },
	"Nothing to do.",
};

EXPLAIN(half_open) = {
	"An ACK without a valid cookie, but the kernel has a half-open request "
	"for it: it answered that SYN itself.",
	{ "a handshake that was under way when the service was armed",
	  "a SYN that was passed, see session_syn" },
	"Nothing to do.",
};

EXPLAIN(time_wait) = {
	"An ACK without a valid cookie, for a connection that the kernel holds "
	"in TIME-WAIT and the table did not know.",
	{ "a client that sends its last FIN again" },
	"Nothing to do.",
};

EXPLAIN(admitted) = {
	"The ACK bears a cookie of ours: the kernel is given the connection as "
	"if it had made the handshake. A client whose ACK found the accept "
	"queue full is admitted again with its next packet.",
	{ "every new connection of a good client" },
	"Nothing to do. If it stays well above the connections that the "
	"server accepts, its accept queue is full: see early_data.",
};

EXPLAIN(kernel_cookie) = {
	"An ACK with a SYN cookie of the kernel's: the service answers with "
	"those, see `synkeeper service list`, or the kernel had sent it by "
	"itself before the service was armed. Such live for two minutes.",
	{ "every new connection of a good client, if the cookies are the "
	  "kernel's",
	  "a handshake that was under way when the service was armed" },
	"Nothing to do.",
};

EXPLAIN(disarmed_syn) = {
	"A SYN to a service that is disarmed at the moment. The kernel answers "
	"it: a flood of these is not kept off.",
	{ "the service's policy disarms it",
	  "nobody listens on the port in this network namespace",
	  "`cookies = own`, but the listener is MPTCP, or the kernel refused a "
	  "socket for it",
	  "the service was deleted and drains" },
	"`synkeeper service list` says which it is. `synkeeper service policy "
	"A:P on` arms; for the rest see `synkeeper check IFACE`.",
};

EXPLAIN(disarmed_ack) = {
	"An ACK without a cookie or socket, or a RST without a session, to a "
	"disarmed service. The kernel judges it.",
	{ "the end of a connection that the kernel has closed already" },
	"Nothing to do. In a flood: as for disarmed_syn.",
};

EXPLAIN(answered) = {
	"A SYN was answered with a SYN-ACK that bears a cookie, out of the "
	"driver. Nothing is kept of it.",
	{ "every new connection of a good client; again if a packet is lost" },
	"Nothing to do. Far more of these than of admitted is a SYN flood.",
};

EXPLAIN(reset) = {
	"An ACK that belongs to nothing was answered with a RST, as "
	"`invalid-ack = reset` asks, up to `resets-per-second` on each CPU. "
	"Beyond that it counts as bad_cookie or expired_cookie.",
	{ "the same as for bad_cookie" },
	"As for bad_cookie. `invalid-ack = drop` in `[answer]` stays silent.",
};

/* ---- drops ---- */

EXPLAIN(bad_cookie) = {
	"An ACK, with or without data or FIN, that belongs to no session and "
	"no socket, and whose acknowledgement number is no cookie that this "
	"host has made in the last one to two key lifetimes.",
	{ "the server closed or lost the connection, by a time-out or a "
	  "restart, and the client goes on sending",
	  "a balancer or fail-over moved the client here from another server",
	  "its packets come by several interfaces, not all of them protected, "
	  "and there is a flood",
	  "a device on the way changes sequence numbers or timestamps" },
	"Thousands a second are an ACK flood, and dropping them is the cure. A "
	"few are usual; `invalid-ack = reset` in `[answer]` tells the clients "
	"of lost connections at once. `synkeeper capture -w FILE --reason "
	"bad_cookie` shows who sends them: on this host tcpdump does not see "
	"what XDP drops.",
};

EXPLAIN(expired_cookie) = {
	"As bad_cookie, but the cookie is one of ours whose key has been "
	"replaced: the ACK came more than one to two key lifetimes after its "
	"SYN-ACK. Told apart for the first 10,000 strays a second and CPU; "
	"beyond, it counts as bad_cookie.",
	{ "a client that was suspended in mid-handshake, or a very slow path",
	  "`synkeeper key rotate` twice in a short time",
	  "a short connection, over for the server, of which the client sends "
	  "something again" },
	"If it happens to good clients: raise `lifetime` in `[keys]`. "
	"`synkeeper key list` shows the keys and their age.",
};

EXPLAIN(early_data) = {
	"Data behind an admitted ACK for which the kernel made no socket yet, "
	"so that the data has nowhere to go. The client sends it again; its "
	"first segment bears the cookie and is admitted.",
	{ "the server's accept queue is full: it accepts too slowly, or its "
	  "backlog is too small" },
	"`ss -ltn` shows each queue and its limit, `nstat -az "
	"TcpExtListenOverflows` how often one was full: raise the server's "
	"backlog and `net.core.somaxconn`, or give it more workers.",
};

EXPLAIN(stray_rst) = {
	"A RST for no session and no socket. The kernel would ignore it.",
	{ "a host whose address a SYN flood forges, and which got a SYN-ACK",
	  "a health check or scanner that resets instead of finishing the "
	  "handshake",
	  "a client that resets a connection which the server has closed" },
	"Nothing to do; no connection is hurt. If their number goes with that "
	"of answered, forged addresses are real hosts: think of a cap, see "
	"over_cap.",
};

EXPLAIN(bad_flags) = {
	"A packet that begins, continues and ends nothing: SYN+ACK, SYN+FIN, "
	"SYN+RST, a FIN without ACK, or none of these flags, and no socket for "
	"it.",
	{ "scanners (nmap -sN, -sF, -sX)",
	  "hosts that were flooded with this host's address forged, and "
	  "answer" },
	"Nothing to do.",
};

EXPLAIN(bad_address) = {
	"A SYN or stray ACK from or to an address that nobody may answer: "
	"0/8, 127/8, multicast, 240/4 and broadcast, in IPv6 ::, ::1, "
	"multicast and v4-mapped; or source and destination are the same "
	"(LAND). Dropped even while the service is disarmed.",
	{ "a network that uses 240.0.0.0/4 as private addresses" },
	"Give such clients other addresses, or delete the service that they "
	"use: `synkeeper service del A:P`.",
};

EXPLAIN(bad_header) = {
	"A packet of no session whose TCP header is shorter than 20 bytes or "
	"longer than the packet, or a SYN whose options are cut off. The "
	"kernel would not take it either. Dropped even while the service is "
	"disarmed.",
	{ "none but broken devices on the way" },
	"Nothing to do. `synkeeper capture -w FILE --reason bad_header` shows "
	"who sends them.",
};

EXPLAIN(fragment) = {
	"The first fragment of a SYN, or of an ACK with a valid cookie and no "
	"socket yet. A SYN without data is never cut; one that is, is dropped "
	"even while the "
	"service is disarmed.",
	{ "a SYN with data (TCP Fast Open) through a tunnel that fragments",
	  "an ACK with data through a tunnel that fragments, after the "
	  "client's bare ACK was lost" },
	"Mend the MTU on the way: `tracepath CLIENT` shows where it shrinks.",
};

EXPLAIN(denied) = {
	"A SYN from a source that the configuration denies: of all prefixes "
	"that hold it, the longest is a denied one. Open connections go on, "
	"cookies in flight are honoured; with policy off nobody is denied.",
	{ "a denied prefix that is wider than was meant",
	  "a good client that got an address of a bad one" },
	"Take the prefix out, or allow a longer one within it, then `synkeeper "
	"reload`. `synkeeper capture -w FILE --reason denied` shows who "
	"knocks.",
};

EXPLAIN(over_cap) = {
	"A SYN from a prefix that got as many SYN-ACKs within this second as "
	"the configuration lets a prefix have. It keeps the host from being "
	"used against whoever's addresses are forged. The price: SYNs forged "
	"from a prefix use up its cap, and its own clients are dropped "
	"meanwhile. Prefixes are counted in 65,536 buckets; two in one bucket "
	"share its cap.",
	{ "many clients behind one NAT or provider connect at the same time",
	  "a prefix whose addresses are forged, or that shares its bucket with "
	  "such a one" },
	"Clients try again after a second. If it happens to good ones: raise "
	"the cap, or allow their prefix, which lifts it, then `synkeeper "
	"reload`.",
};

EXPLAIN(no_room) = {
	"The SYN-ACK or RST did not fit: the driver let the program change the "
	"frame's length by not even what the answer needs without an MSS "
	"option.",
	{ "a driver with tight buffers" },
	"Run in skb mode, `synkeeperd -m skb`, or update the driver. "
	"`synkeeper check IFACE` names it.",
};

EXPLAIN(in_the_way) = {
	"A valid cookie, but the kernel holds an old half-open request or a "
	"TIME-WAIT socket with the same addresses and ports, and would refuse "
	"the connection. synkeeperd removes that, and the client's next packet "
	"is admitted.",
	{ "a SYN sent again, once before and once after the service was "
	  "armed",
	  "a client that reuses a port which the table no longer knew" },
	"Nothing to do. If it goes on for the same client, nobody removes it: "
	"`synkeeper status` says whether synkeeperd runs.",
};

EXPLAIN(no_listener) = {
	"A valid cookie, but the listener is gone since its SYN was answered. "
	"It passes, and the kernel answers with RST. If the listener vanished "
	"after XDP had looked, this is counted besides admitted.",
	{ "the server was stopped or restarted a moment ago" },
	"`ss -ltn` shows who listens. Without a listener the service is "
	"disarmed until there is one: `synkeeper service list`.",
};

EXPLAIN(refused) = {
	"The kernel refused to make a socket of an admitted ACK; counted "
	"besides admitted. The client gets a RST. synkeeperd logs it, and the "
	"service answers with the kernel's cookies until the listener changes.",
	{ "timestamps, SACK or window scaling were turned off by sysctl while "
	  "handshakes were under way: those only, and SYNs do not pass",
	  "the listener has become MPTCP", "no memory" },
	"`synkeeper service list` says which service; `journalctl -u "
	"synkeeperd` when. `synkeeper check IFACE` shows MPTCP listeners.",
};

EXPLAIN(rst_withheld) = {
	"The kernel wanted to reset a client whose data came behind an "
	"admitted ACK that found the accept queue full. The RST is dropped on "
	"its way out; the client sends again and is admitted.",
	{ "the server's accept queue is full",
	  "NAT came into use on this host while the client's cookie was in "
	  "flight, or it is in use and the service has 'cookies = own'" },
	"As for early_data: `ss -ltn`, a larger backlog, more workers. If "
	"`synkeeper service list` speaks of NAT, `synkeeper check IFACE` shows "
	"which ports it sees. A change of rules is noticed by itself.",
};

EXPLAIN(kernel_syn) = {
	"A SYN to a service that answers with the kernel's cookies, but the "
	"kernel made none. It passes, and the kernel does with it what it "
	"would without Synkeeper.",
	{ "the server's accept queue is full: the kernel drops SYNs then",
	  "the server was stopped a moment ago",
	  "net.ipv4.tcp_syncookies was set to another value than 2" },
	"A larger backlog, more workers: `ss -ltn` shows the queue. synkeeperd "
	"sets tcp_syncookies again within a second.",
};

EXPLAIN(unreadable) = {
	"What may be TCP to a service, in a form that the program cannot read "
	"in full: an IPv4 or IPv6 first fragment that ends within the TCP "
	"header, more than eight IPv6 extension headers, more than two VLAN "
	"tags. The kernel would take it, so a flood of it would reach the "
	"listener, and a denied source would be served. It is dropped while "
	"any service is armed or a list of sources is in force; it is counted "
	"for no service, since nothing says which it is for.",
	{ "none known: no TCP stack and no path makes such packets" },
	"Nothing to do. `synkeeper capture -w FILE --reason unreadable` shows "
	"who sends them.",
};

EXPLAIN(bad_checksum) = {
	"An ACK with a valid cookie and a wrong TCP checksum. The kernel would "
	"drop it, too, but without a word; it becomes no session. Counted at "
	"tc, besides admitted or kernel_cookie.",
	{ "a device on the way damages packets: the client sends again" },
	"A few are usual on bad links. Many from one source are an attack that "
	"comes to nothing; a deny list ([sources] deny) ends it.",
};

static const struct explanation *const explanations[] = {
#define X(name, action, text) [REASON_##name] = &explain_##name,
	SYNKEEPER_REASONS(X)
#undef X
};

const struct explanation *explain(enum reason reason)
{
	return explanations[reason];
}
