/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: why a packet got its verdict. This table is the only
 * place that knows which XDP action a reason means; it is at once the enum in
 * the BPF programs, the label in `synkeeper stats` and the text people read.
 * Append only: the numbers are indices of counters that outlive a restart.
 *
 *	X(name, action, "what happened")
 */
#ifndef SYNKEEPER_REASONS_H
#define SYNKEEPER_REASONS_H

#define SYNKEEPER_REASONS(X)                                                   \
	X(not_tcp, PASS,                                                       \
	  "not TCP, or not understood: ARP, UDP, ICMP, tunnels")               \
	X(no_service, PASS, "TCP to an address and port that is no service")   \
	X(later_fragment, PASS, "fragment without a TCP header")               \
	X(not_ready, PASS, "no key, or the interface is not the daemon's")     \
	X(other_host, PASS, "addressed to another host")                       \
	X(session, PASS, "packet of a known session")                          \
	X(session_syn, PASS,                                                   \
	  "SYN of a known connection; the kernel answers it")                  \
	X(session_rst, PASS, "RST of a known session; the kernel checks it")   \
	X(adopted, PASS, "a socket existed; now known as a session")           \
	X(socket, PASS, "unusual flags, but a socket for them exists")         \
	X(half_open, PASS, "the kernel holds a half-open request for it")      \
	X(time_wait, PASS, "the kernel holds a TIME-WAIT socket for it")       \
	X(admitted, PASS, "valid cookie; becomes a socket")                    \
	X(kernel_cookie, PASS,                                                 \
	  "valid cookie of the kernel's; it makes the socket")                 \
	X(disarmed_syn, PASS, "SYN to a disarmed service")                     \
	X(disarmed_ack, PASS, "no cookie, but the service is disarmed")        \
	X(answered, TX, "SYN answered with a cookie")                          \
	X(reset, TX, "invalid ACK answered with RST")                          \
	X(bad_cookie, DROP, "ACK without a valid cookie or socket")            \
	X(expired_cookie, DROP, "ACK with a cookie of an ended epoch")         \
	X(early_data, DROP, "data ahead of the socket; will be sent again")    \
	X(stray_rst, DROP, "RST for no session and no socket")                 \
	X(bad_flags, DROP, "flags that no handshake has: SYN+FIN, Xmas, none") \
	X(bad_address, DROP, "source or destination that cannot be answered")  \
	X(bad_header, DROP, "TCP header longer than its packet, or too short") \
	X(fragment, DROP, "fragment that opens a connection")                  \
	X(denied, DROP, "SYN from a source in a deny list")                    \
	X(over_cap, DROP, "SYN from a source prefix over its cap of SYN-ACKs") \
	X(no_room, DROP, "the driver left no room for the answer")             \
	X(in_the_way, DROP, "valid cookie, but an old request is in the way")  \
	X(no_listener, PASS, "admitted, but nobody listens any more")          \
	X(refused, PASS, "admitted, but the kernel refused the socket")        \
	X(rst_withheld, DROP,                                                  \
	  "the kernel's RST for an ACK it had no room for")                    \
	X(kernel_syn, PASS,                                                    \
	  "SYN for which the kernel made no cookie: its to answer")            \
	X(unreadable, DROP,                                                    \
	  "may be TCP, in a form that hides its header: tiny fragment, ...")   \
	X(bad_checksum, DROP, "valid cookie, but the TCP checksum is wrong")

enum reason {
	REASON_NONE, /* go on to the next step */
#define X(name, action, text) REASON_##name,
	SYNKEEPER_REASONS(X)
#undef X
		REASON_COUNT
};

#endif
