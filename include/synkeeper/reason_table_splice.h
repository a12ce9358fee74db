/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the end of reason_table.h, which includes it: services
 * with `owner = splice`. New rows go here.
 */

REASON(spliced, PASS, AT_XDP, OF_ACK, AS_OPENED,
       "valid cookie; the server gets a SYN made of it",
       "The ACK carried a valid cookie, and the connection's server is behind "
       "this host, or its socket is opened the same way: the packet goes on as "
       "the client's SYN. What the client sent with it is held until the "
       "server has answered.",
       CAUSES("each new connection of such a service causes one"), "Nothing.")

REASON(spliced_again, PASS, AT_XDP, OF_ACK, AS_NOTHING,
       "the SYN made of an ACK, made again of a retransmission",
       "The server has not answered the SYN that was made of the client's ACK, "
       "and the client has sent something again: so is the SYN.",
       CAUSES("a packet was lost between this host and the server",
	      "the server is slow, or hangs"),
       "If there are many, see whether the server answers SYNs.")

REASON(held, DROP, AT_XDP, OF_ACK, AS_NOTHING,
       "data of a connection that is opening; kept for the server",
       "Data that came before the server's side of the connection was open. "
       "They are not lost: they go to the server as soon as it has answered.",
       CAUSES("each client that speaks first causes one"), "Nothing.")

REASON(not_held, DROP, AT_XDP, OF_ACK, AS_NOTHING,
       "data of a connection that is opening, with no room to keep them",
       "As held, but there was a gap before the data, or no hold was free. The "
       "client sends them again after 200 ms or more.",
       CAUSES("packets were lost or reordered in front of this host",
	      "more connections are opening at once than `holds` in "
	      "`[gateway]`"),
       "If there are many, raise `holds` in `[gateway]`.")

REASON(splice_no_room, DROP, AT_XDP, OF_ACK, AS_NOTHING,
       "valid cookie, but no room for the connection",
       "The ACK carried a valid cookie, but there are already as many "
       "connections as `connections` in `[gateway]`, or as the session table "
       "keeps in one set. The client sends it again.",
       CAUSES("more connections at once than was planned for",
	      "an attack with real addresses"),
       "Raise `connections` in `[gateway]` and restart synkeeperd after "
       "`synkeeper down`.")

REASON(splice_full, PASS, AT_XDP, OF_SYN, AS_SYN_FLOOD | AS_ARMING,
       "SYN passed unprotected: no room for more connections",
       "There was no room for a connection within the last second, see "
       "splice_no_room: a cookie would lead nowhere, so the server answers the "
       "SYN itself.",
       CAUSES("as for splice_no_room"), "As for splice_no_room.")

REASON(splice_open, DROP, AT_EGRESS, OF_ODD, AS_NOTHING,
       "the server's SYN-ACK, answered on the client's behalf",
       "The server answered the SYN that was made of the client's ACK. Its "
       "SYN-ACK goes no further: it becomes the ACK that the client owes, with "
       "the data that were held behind it.",
       CAUSES("each new connection of such a service causes one"), "Nothing.")

REASON(splice_refused, PASS, AT_EGRESS, OF_RST, AS_NOTHING,
       "the server refused a connection whose cookie was valid",
       "The server answered the SYN that was made of the client's ACK with a "
       "RST, or could not be reached: the client gets a RST.",
       CAUSES("the server was just stopped, or a firewall rejects the client"),
       "If there are many, see whether the server listens.")
