/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the table of reasons, one REASON() row each. To generate
 * something from it, define REASON, and CAUSES if the texts are used, and
 * include this file; both are undefined at the end. reasons.h has the values of
 * the columns. No include guard: it is included several times.
 *
 *	REASON(name, action, hook, packets, counts as,
 *	       "what happened", "meaning", CAUSES("harmless cause", ...),
 *	       "what to do")
 *
 * Append only: the position is the index of a counter that outlives restarts.
 * Commands and configuration are in backquotes. `make lint` checks that what is
 * generated from this (docs/REASONS.md, lists in dist/) is up to date.
 */

/* ---- not a service's business ---- */

REASON(not_tcp, PASS, AT_XDP, OF_ANY, AS_NOTHING,
       "not TCP, or not understood: ARP, UDP, ICMP, tunnels",
       "Not IPv4 or IPv6 with TCP, or a truncated frame. It reaches the kernel "
       "untouched.",
       CAUSES("ARP, ICMP, UDP, tunnels: all the host's other traffic"),
       "Nothing. Clients that arrive through a tunnel are not protected.")

REASON(no_service, PASS, AT_XDP, OF_ANY, AS_NOTHING,
       "TCP to an address and port that is no service",
       "TCP to an address and port that no service covers. On a host that "
       "forwards, `*:443` means the host's own addresses, so port 443 of "
       "other hosts is counted here as well.",
       CAUSES("ssh, replies to the host's own connections, forwarded traffic"),
       "Nothing. To protect it, run `synkeeper service add A:P` and add a "
       "section for it to the configuration.")

REASON(later_fragment, PASS, AT_XDP, OF_ANY, AS_NOTHING,
       "fragment without a TCP header",
       "A fragment other than the first: it has no TCP header to judge. It "
       "cannot open anything by itself; the first fragment is judged.",
       CAUSES("a path with a small MTU, or a tunnel, in front of this host"),
       "Nothing. For first fragments see fragment.")

REASON(not_ready, PASS, AT_XDP, OF_ANY, AS_NOTHING,
       "no key, or the interface is not the daemon's",
       "The program is attached but cannot judge packets yet: it has no keys "
       "and services, or the packet came in on an interface that synkeeperd "
       "does not manage. Everything passes; nothing is protected.",
       CAUSES("a program attached by hand before synkeeperd was started",
	      "a program attached by hand to another interface"),
       "`synkeeper status` lists the interfaces that synkeeperd manages. Start "
       "the daemon, or add the interface to its configuration.")

REASON(other_host, PASS, AT_XDP, OF_ANY, AS_NOTHING,
       "addressed to another host",
       "Sent to a service's address and port, but the frame's destination is "
       "not the interface's MAC address. The kernel discards it, or delivers "
       "it to another interface that shares this one.",
       CAUSES("the interface is promiscuous, or a bridge port",
	      "a switch floods frames for a destination it has not learned",
	      "a macvlan or VRRP address with its own MAC: it works, but is "
	      "not protected"),
       "If the MAC belongs to this host (`ip -br link`), protect the interface "
       "that owns it. Otherwise nothing.")

/* ---- connections ---- */

REASON(session, PASS, AT_XDP, OF_ACK, AS_NOTHING, "packet of a known session",
       "A packet of a connection in the session table, or data back to back "
       "with an ACK that was just admitted.",
       CAUSES("normal traffic: almost everything is counted here"),
       "Nothing. `synkeeper session list` shows the sessions.")

REASON(session_syn, PASS, AT_XDP, OF_SYN, AS_NOTHING,
       "SYN of a known connection; the kernel answers it",
       "A SYN whose addresses and ports match a connection that the kernel "
       "still has. It passes, because only the kernel can tell whether to send "
       "a challenge ACK (RFC 5961) or to reuse a port in TIME-WAIT (RFC 6191).",
       CAUSES("a client reuses a port soon after closing the connection",
	      "a client rebooted in the middle of a connection",
	      "a retransmitted SYN whose original was answered by the kernel"),
       "Nothing.")

REASON(session_rst, PASS, AT_XDP, OF_RST, AS_NOTHING,
       "RST of a known session; the kernel checks it",
       "A RST whose addresses and ports match a session. It passes. The "
       "session ends once the kernel's socket is gone, so a forged RST ends "
       "nothing.",
       CAUSES("clients that close with RST: browsers, health checks, SO_LINGER "
	      "0"),
       "Nothing. `synkeeper session totals` counts how sessions end.")

REASON(adopted, PASS, AT_XDP, OF_ACK, AS_OPENED,
       "a socket existed; now known as a session",
       "An ACK or FIN of a connection that was not in the table, but for which "
       "the kernel has a socket. It is a session from now on.",
       CAUSES("the connection is older than the protection",
	      "its entry was evicted, or it was idle for longer than "
	      "`idle-timeout`",
	      "its packets came in on another interface until now"),
       "Nothing; no connection was harmed. If the count keeps growing, the "
       "table may be too small: raise `max` in `[sessions]`.")

REASON(socket, PASS, AT_XDP, OF_RST | OF_ODD, AS_NOTHING,
       "unusual flags, but a socket for them exists",
       "A RST or unusual flags without a session, but the kernel has a socket "
       "with these addresses and ports; or unusual flags to a disarmed "
       "service. The kernel judges it.",
       CAUSES("a RST for a connection that was not in the table",
	      "the SYN+ACK to a connection opened from a service's port"),
       "Nothing.")

REASON(half_open, PASS, AT_XDP, OF_ACK, AS_NOTHING,
       "the kernel holds a half-open request for it",
       "An ACK without a valid cookie, but the kernel has a half-open request "
       "that matches: the kernel answered that SYN itself.",
       CAUSES("a handshake that was in progress when the service was armed",
	      "a SYN that was passed, see session_syn"),
       "Nothing.")

REASON(time_wait, PASS, AT_XDP, OF_ACK, AS_NOTHING,
       "the kernel holds a TIME-WAIT socket for it",
       "An ACK without a valid cookie, for a connection that the kernel holds "
       "in TIME-WAIT and that was not in the table.",
       CAUSES("a client retransmits its last FIN"), "Nothing.")

REASON(admitted, PASS, AT_XDP, OF_ACK, AS_OPENED,
       "valid cookie; becomes a socket",
       "The ACK carries one of our cookies: the kernel is handed the "
       "connection as if it had done the handshake. A client whose ACK found "
       "the accept queue full is admitted again with its next packet.",
       CAUSES("every new connection of a legitimate client"),
       "Nothing. If the count stays well above the number of connections the "
       "server accepts, its accept queue is full: see data_before_socket.")

REASON(kernel_cookie, PASS, AT_XDP, OF_ACK, AS_OPENED,
       "valid cookie of the kernel's; it makes the socket",
       "The ACK carries one of the kernel's SYN cookies. Either the service "
       "answers with those, see `synkeeper service list`, or the kernel sent "
       "it before the service was armed. They stay valid for two minutes.",
       CAUSES("every new connection of a legitimate client, if the service "
	      "uses the kernel's cookies",
	      "a handshake that was in progress when the service was armed"),
       "Nothing.")

REASON(disarmed_syn, PASS, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN to a disarmed service",
       "A SYN to a service that is currently disarmed. The kernel answers it; "
       "a flood of these is not held off.",
       CAUSES("the service's policy keeps it disarmed",
	      "nothing listens on the port in this network namespace",
	      "`cookies = own`, but the listener is MPTCP, or the kernel "
	      "refused a socket for it",
	      "the service was deleted and is draining"),
       "`synkeeper service list` says which. `synkeeper service policy A:P on` "
       "arms it; for the other causes see `synkeeper check IFACE`.")

REASON(disarmed_ack, PASS, AT_XDP, OF_ACK | OF_RST, AS_ACK_FLOOD,
       "no cookie, but the service is disarmed",
       "An ACK without a cookie or socket, or a RST without a session, to a "
       "disarmed service. The kernel judges it.",
       CAUSES("the end of a connection that the kernel has already closed"),
       "Nothing. In a flood, see disarmed_syn.")

REASON(answered, TX, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN answered with a cookie",
       "A SYN was answered from the driver with a SYN-ACK that carries a "
       "cookie. No state is kept.",
       CAUSES("every new connection of a legitimate client, and again for each "
	      "lost packet"),
       "Nothing. Far more of these than of admitted is a SYN flood.")

REASON(reset, PASS, AT_XDP, OF_ACK | OF_ODD, AS_ACK_FLOOD,
       "invalid ACK; the kernel answers it with RST",
       "An ACK, or SYN+ACK, that matches nothing. It passes, and the kernel "
       "resets its client, unless a firewall objects; up to "
       "`resets-per-second` on each CPU, half of that for one source prefix. "
       "Beyond that it is counted as bad_cookie, expired_cookie or bad_flags.",
       CAUSES("the same as for bad_cookie",
	      "port scanners (nmap -sA, -sM, -sW)"),
       "As for bad_cookie. `invalid-ack = drop` in `[answer]` sends nothing.")

/* ---- drops ---- */

REASON(bad_cookie, DROP, AT_XDP, OF_ACK, AS_ACK_FLOOD,
       "ACK without a valid cookie or socket",
       "An ACK, with or without data or FIN, that matches no session and no "
       "socket, and whose acknowledgment number is not a cookie that this host "
       "made within the last one to two key lifetimes.",
       CAUSES("the server closed or lost the connection, by a timeout or a "
	      "restart, and the client keeps sending",
	      "a load balancer or failover moved the client here from another "
	      "server",
	      "its packets arrive on several interfaces, not all of them "
	      "protected, during a flood",
	      "a middlebox rewrites sequence numbers or timestamps"),
       "Thousands a second are an ACK flood, and dropping them is right. A few "
       "are answered and counted as reset, unless `[answer]` says "
       "`invalid-ack = drop`. `synkeeper capture -w FILE --reason "
       "bad_cookie` shows who sends them: tcpdump on this host does not see "
       "what XDP drops.")

REASON(expired_cookie, DROP, AT_XDP, OF_ACK, AS_ACK_FLOOD,
       "ACK with a cookie of an ended epoch",
       "Like bad_cookie, but the cookie is one of ours whose key has been "
       "replaced: the ACK came more than one to two key lifetimes after its "
       "SYN-ACK. Checked for the first 10,000 unmatched packets a second on "
       "each CPU; the rest are counted as bad_cookie.",
       CAUSES("a client suspended in the middle of the handshake, or a very "
	      "slow path",
	      "`synkeeper key rotate` twice in quick succession",
	      "a retransmission of a short connection that the server has "
	      "already finished"),
       "If legitimate clients are affected, raise `lifetime` in `[keys]`. "
       "`synkeeper key list` shows the keys and their age.")

REASON(data_before_socket, DROP, AT_XDP, OF_ACK, AS_NOTHING,
       "data ahead of the socket; will be retransmitted",
       "Data after an admitted ACK for which the kernel made no socket yet, or "
       "after an ACK that did not arrive, so the data has nowhere to go. The "
       "client retransmits it; the first segment carries the cookie and is "
       "admitted.",
       CAUSES("the server's accept queue is full: it accepts too slowly, or "
	      "its backlog is too small",
	      "the network lost a client's ACK and first data"),
       "`ss -ltn` shows each queue and its limit, `nstat -az "
       "TcpExtListenOverflows` how often one was full. Raise the server's "
       "backlog and `net.core.somaxconn`, or give it more workers.")

REASON(stray_rst, DROP, AT_XDP, OF_RST, AS_RST_FLOOD,
       "RST for no session and no socket",
       "A RST that matches no session and no socket. The kernel would ignore "
       "it.",
       CAUSES("a host whose address is forged in a SYN flood, and that got a "
	      "SYN-ACK",
	      "a health check or scanner that resets instead of finishing the "
	      "handshake",
	      "a client resets a connection that the server has closed"),
       "Nothing; no connection is harmed. If the count follows answered, the "
       "forged addresses are real hosts: consider a cap, see over_cap.")

REASON(bad_flags, DROP, AT_XDP, OF_ODD, AS_MALFORMED,
       "flags that no handshake has: SYN+FIN, Xmas, none",
       "A packet that can neither open, continue nor end a connection, and "
       "that matches no socket: SYN+ACK, SYN+FIN, SYN+RST, a FIN without ACK, "
       "or none of these flags.",
       CAUSES("port scanners (nmap -sN, -sF, -sX)",
	      "hosts that reply to a flood in which this host's address was "
	      "forged"),
       "Nothing.")

REASON(bad_address, DROP, AT_XDP, OF_SYN | OF_ACK, AS_MALFORMED,
       "source or destination that cannot be answered",
       "A SYN or unmatched ACK from or to an address that must not be "
       "answered: 0/8, 127/8, multicast, 240/4 and broadcast, in IPv6 ::, ::1, "
       "multicast and v4-mapped; or source and destination are the same "
       "(LAND). Dropped even while the service is disarmed.",
       CAUSES("a network that uses 240.0.0.0/4 as private address space"),
       "Renumber such clients, or delete the service that they use: `synkeeper "
       "service del A:P`.")

REASON(bad_header, DROP, AT_XDP, OF_ANY, AS_MALFORMED,
       "TCP header longer than its packet, or too short",
       "A packet of no session whose TCP header is shorter than 20 bytes or "
       "longer than the packet, or a SYN with truncated options. The kernel "
       "would discard it as well. Dropped even while the service is disarmed.",
       CAUSES("none, except broken middleboxes"),
       "Nothing. `synkeeper capture -w FILE --reason bad_header` shows who "
       "sends them.")

REASON(fragment, DROP, AT_XDP, OF_SYN | OF_ACK, AS_MALFORMED,
       "fragment that opens a connection",
       "The first fragment of a SYN, or of an ACK with a valid cookie and no "
       "socket yet. A SYN without data never needs fragmenting; a fragmented "
       "one is dropped even while the service is disarmed.",
       CAUSES("a SYN with data (TCP Fast Open) through a tunnel that fragments",
	      "an ACK with data through a tunnel that fragments, after the "
	      "client's bare ACK was lost"),
       "Fix the path MTU: `tracepath CLIENT` shows where it shrinks.")

REASON(denied, DROP, AT_XDP, OF_SYN, AS_SYN_FLOOD,
       "SYN from a source in a deny list",
       "A SYN from a source that the configuration denies: the longest prefix "
       "that contains it is a denied one. Established connections continue and "
       "outstanding cookies are honored; with policy off nothing is denied.",
       CAUSES("a denied prefix that is wider than intended",
	      "a legitimate client that got an address of a bad one"),
       "Remove the prefix, or allow a longer one within it, then `synkeeper "
       "reload`. `synkeeper capture -w FILE --reason denied` shows who is "
       "turned away.")

REASON(over_cap, DROP, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN from a source prefix over its cap of SYN-ACKs",
       "A SYN from a prefix that already got as many SYN-ACKs in this second "
       "as the configuration allows. The cap keeps this host from being used "
       "to flood the owner of forged addresses. The price: SYNs forged from a "
       "prefix use up its cap, and its real clients are dropped meanwhile. "
       "Prefixes are counted in 65,536 buckets; two in one bucket share its "
       "cap.",
       CAUSES("many clients behind one NAT or provider connect at once",
	      "a prefix whose addresses are forged, or that shares its bucket "
	      "with one"),
       "Clients retry after a second. If legitimate ones are affected, raise "
       "the cap or allow their prefix, which exempts it, then `synkeeper "
       "reload`.")

REASON(no_room, DROP, AT_XDP, OF_SYN | OF_ACK, AS_NOTHING,
       "the driver left no room for the answer",
       "The SYN-ACK or RST did not fit: the driver would not let the program "
       "resize the frame even to an answer without an MSS option.",
       CAUSES("a driver with tight buffers"),
       "Run in skb mode (`synkeeperd -m skb`), or update the driver. "
       "`synkeeper check IFACE` names it.")

REASON(stale_socket, DROP, AT_XDP, OF_ACK, AS_NOTHING,
       "valid cookie, but a stale socket has its addresses and ports",
       "A valid cookie, but the kernel holds a stale half-open request or a "
       "TIME-WAIT socket with the same addresses and ports, and would refuse "
       "the connection. synkeeperd removes it, and the client's next packet is "
       "admitted.",
       CAUSES("a SYN sent once before and once after the service was armed",
	      "a client reuses a port that was no longer in the table"),
       "Nothing. If it persists for the same client, nothing removes the stale "
       "socket: check with `synkeeper status` that synkeeperd is running.")

REASON(no_listener, PASS, AT_XDP | AT_INGRESS, OF_ACK, AS_NOTHING,
       "admitted, but nobody listens any more",
       "A valid cookie, but the listener has gone since its SYN was answered. "
       "The ACK passes, and the kernel answers with RST. If the listener "
       "vanished between XDP and tc, this is counted in addition to admitted.",
       CAUSES("the server was just stopped or restarted"),
       "`ss -ltn` shows what listens. A service without a listener stays "
       "disarmed until there is one: `synkeeper service list`.")

REASON(refused, PASS, AT_INGRESS, OF_ACK, AS_NOTHING,
       "admitted, but the kernel refused the socket",
       "The kernel refused to create a socket from an admitted ACK; counted in "
       "addition to admitted. The client gets a RST. synkeeperd logs it, and "
       "the service uses the kernel's cookies until the listener changes.",
       CAUSES("timestamps, SACK or window scaling were turned off by sysctl "
	      "during handshakes: only those fail, and SYNs do not pass",
	      "the listener has become MPTCP", "the kernel is out of memory"),
       "`synkeeper service list` says which service, `journalctl -u "
       "synkeeperd` when. `synkeeper check IFACE` lists MPTCP listeners.")

REASON(rst_suppressed, DROP, AT_EGRESS, OF_RST, AS_NOTHING,
       "the kernel's RST for an ACK it had no room for",
       "The kernel tried to reset a client whose data followed an admitted ACK "
       "that found the accept queue full. The RST is dropped on its way out; "
       "the client retransmits and is admitted.",
       CAUSES("the server's accept queue is full",
	      "NAT came into use on this host while the client's cookie was "
	      "outstanding, or it is in use and the service has `cookies = "
	      "own`"),
       "As for data_before_socket: `ss -ltn`, a larger backlog, more workers. "
       "If `synkeeper service list` mentions NAT, `synkeeper check IFACE` "
       "shows "
       "which ports it affects. Changed rules are noticed automatically.")

REASON(kernel_syn, PASS, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN for which the kernel made no cookie; the kernel answers it",
       "A SYN to a service that uses the kernel's cookies, but the kernel made "
       "none. It passes, and the kernel treats it as it would without "
       "Synkeeper.",
       CAUSES("the server's accept queue is full: the kernel then drops SYNs",
	      "the server was just stopped",
	      "net.ipv4.tcp_syncookies was set to a value other than 2"),
       "A larger backlog, more workers: `ss -ltn` shows the queue. synkeeperd "
       "restores tcp_syncookies within a second.")

REASON(unreadable, DROP, AT_XDP, OF_ANY, AS_NOTHING,
       "may be TCP, in a form that hides its header: tiny fragment, ...",
       "Possibly TCP to a service, in a form that the program cannot fully "
       "parse: an IPv4 or IPv6 first fragment that ends within the TCP header, "
       "more than eight IPv6 extension headers, or more than two VLAN tags. "
       "The kernel would accept it, so a flood of it would reach the listener, "
       "and a denied source would get in. Dropped while any service is armed "
       "or a source list is in force; counted for no service, because nothing "
       "says which one it is for.",
       CAUSES("none known: no TCP stack and no path makes such packets"),
       "Nothing. `synkeeper capture -w FILE --reason unreadable` shows who "
       "sends them.")

REASON(bad_checksum, DROP, AT_INGRESS, OF_ACK, AS_NOTHING,
       "valid cookie, but the TCP checksum is wrong",
       "An ACK with a valid cookie and a wrong TCP checksum. The kernel would "
       "drop it as well, but silently. It does not become a session. Counted "
       "at tc, in addition to admitted or kernel_cookie.",
       CAUSES("a device on the path corrupts packets: the client retransmits"),
       "A few are normal on bad links. Many from one source are a failed "
       "attack; a deny list (`deny` in `[sources]`) stops it.")

#include "reason_table_kernel.h"

#undef REASON
#undef CAUSES
