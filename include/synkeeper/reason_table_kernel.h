/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the end of reason_table.h, which includes it: where the
 * program does as the kernel would, or leaves a packet to it.
 */

REASON(deferred, DROP, AT_XDP, OF_ACK, AS_NOTHING,
       "valid cookie without data, where the server waits for data",
       "The server's listener has TCP_DEFER_ACCEPT: it wants no connection "
       "before the client's first data. So an ACK that brings a valid cookie "
       "and nothing else is forgotten, as the kernel forgets it. The data that "
       "follow carry the cookie again and open the connection.",
       CAUSES("each client of such a server causes one",
	      "a client that connects and sends nothing: with Synkeeper it "
	      "never reaches the server, and its cookie expires"),
       "Nothing. If clients wait longer than the lifetime of two keys "
       "(`lifetime` in `[keys]`) before they send anything, turn off the "
       "server's deferral (nginx: `listen ... deferred`).")
REASON(queue_full, DROP, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN while the server's accept queue is full",
       "A SYN to a service whose listener already has as many connections "
       "waiting as its backlog allows. The kernel ignores such a SYN, so that "
       "a health check finds a server that hangs; so does Synkeeper. With the "
       "kernel's cookies it is counted as kernel_syn.",
       CAUSES("the server hangs, or accepts too slowly",
	      "a burst of good clients: they retry after a second"),
       "As for data_before_socket: `ss -ltn`, a larger backlog, more workers.")

REASON(refused_source, PASS, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN of a source that the kernel has refused before",
       "A SYN from an address whose last admitted ACK became no socket, "
       "although the accept queue had room, or that a firewall has reset. For "
       "ten minutes its SYNs pass, up to 100 a second on each CPU, so that the "
       "client learns from the kernel what it would without Synkeeper.",
       CAUSES("a firewall rule drops or rejects the client",
	      "no route back, rp_filter, an xfrm policy, a filter on the "
	      "listening socket or its cgroup",
	      "its ACK was lost between driver and socket"),
       "If the client should be served, find what drops it: `nft list "
       "ruleset`, `ip route get CLIENT`, `nstat -az`.")

REASON(handed_over, PASS, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN that only the kernel can answer",
       "A SYN that asks for what a cookie cannot give: an MSS below 536, or "
       "below 1220 with IPv6, which is the least that the kernel accepts from "
       "Synkeeper; TCP Fast Open, where the listener has it; or an answer with "
       "a signature (TCP MD5, TCP-AO). The kernel answers it as it would "
       "without Synkeeper; the ACK passes as half_open or adopted. At most 100 "
       "of each kind a second on each CPU; the rest are small_mss, answered "
       "without Fast Open, and signed_syn.",
       CAUSES("small devices, and links with a tiny MTU",
	      "scanners that probe with an unusual MSS (nmap -O)",
	      "clients that use TCP Fast Open",
	      "a BGP router with a password, while the server has no key for "
	      "it"),
       "Nothing.")

REASON(small_mss, DROP, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN with a tiny MSS, beyond what the kernel may be handed",
       "A SYN with an MSS that no cookie can hold, see handed_over, of which "
       "the kernel has already been handed 100 in this second on this CPU.",
       CAUSES("such a client connects in the middle of a flood of such SYNs: "
	      "it retries after a second"),
       "Nothing. `synkeeper capture -w FILE --reason small_mss` shows who "
       "sends them.")

REASON(answered_back, TX, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN answered with a cookie, to whom it came from",
       "As answered, but the SYN-ACK went back to the MAC address that the SYN "
       "came from: the kernel's own next hop is behind another interface or "
       "has no neighbour entry, and more such SYNs come than are left to the "
       "kernel (routed_syn); or routes cannot be asked.",
       CAUSES("the route to the client leaves through another interface",
	      "spoofed sources of a link's own network",
	      "net.ipv4.conf.lo.forwarding or net.ipv6.conf.lo.forwarding is 0 "
	      "and cannot be set"),
       "Nothing, where SYNs come from whom answers go to. Behind a director "
       "that forwards by MAC (LVS-DR), or with asymmetric gateways, see "
       "`synkeeper check IFACE`.")

REASON(no_route, DROP, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN from a source that no route leads to",
       "A SYN that the kernel would not answer: the route to its source is a "
       "blackhole, prohibited or unreachable, there is none, or the source is "
       "an address of this host.",
       CAUSES("a blackhole route against an attacker",
	      "no default route, and a client outside of the connected "
	      "networks"),
       "`ip route get CLIENT` shows what the kernel finds. If the client "
       "should get in, add a route.")

REASON(routed_syn, PASS, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN whose answer only the kernel can route",
       "The SYN-ACK has to leave through another interface, or to a neighbour "
       "that must first be asked for its address. The kernel answers up to 32 "
       "such SYNs per second on each CPU, which resolves the neighbour; beyond "
       "that see answered_back.",
       CAUSES("the first connection of a client on the same link, or after a "
	      "long pause, behind a director (LVS-DR)",
	      "the route to the client leaves through another interface"),
       "Nothing.")

REASON(signed_syn, DROP, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN with a signature, beyond what the kernel may be handed",
       "A SYN with a TCP MD5 or TCP-AO signature to a listener without keys, "
       "of which the kernel has already been handed 100 in this second on this "
       "CPU, see handed_over. The kernel drops such a SYN, and the client an "
       "answer without a signature. Where the listener has keys, the service "
       "is not armed, and SYNs pass.",
       CAUSES("a flood of such SYNs"),
       "Nothing. `synkeeper capture -w FILE --reason signed_syn` shows who "
       "sends them.")

#include "reason_table_splice.h"
