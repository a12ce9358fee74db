/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the requests of control.h and the fields of their
 * arguments and results. docs/JSON.md is generated from it (scripts/draw-json),
 * and net/json_fields compares it with the replies of a running daemon. No
 * include guard: to generate something from it, define REQUEST, ARGUMENT,
 * OBJECT and FIELD and include this file; they are undefined at the end.
 *
 *	REQUEST("name", "type of the result", "what it does")
 *	ARGUMENT("name", "type", NEEDED or OPTIONAL, "meaning") of the request
 *	OBJECT(NAME, "what it is")
 *	FIELD("name", "type", NEEDED or OPTIONAL, "meaning") of the object above
 *
 * Types: string, integer, number, bool, an OBJECT's name; ? may be null; [TYPE]
 * an array; {what: TYPE} an object whose members are named by a REASON, a
 * STATE, ... . NEEDED: always there.
 */

/* ---- requests ---- */

REQUEST("status", "STATUS",
	"The state of the daemon and of everything it protects.")

REQUEST("service.list", "SERVICES", "The services.")

REQUEST("service.add", "SERVICE", "Adds a service until the daemon exits.")
ARGUMENT("listen", "string", NEEDED, "address:port, or *:port")
ARGUMENT("name", "string", OPTIONAL, "default: empty")
ARGUMENT("policy", "string", OPTIONAL, "on (the default), auto, monitor, off")

REQUEST("service.del", "SERVICE", "Deletes a service; returns it as it was.")
ARGUMENT("listen", "string", NEEDED, "address:port, or *:port")

REQUEST("service.policy", "SERVICE", "Changes the policy of a service.")
ARGUMENT("listen", "string", NEEDED, "address:port, or *:port")
ARGUMENT("policy", "string", NEEDED, "on, auto, monitor, off")

REQUEST("key.list", "KEYS", "The state of the cookie keys, never the keys.")

REQUEST("key.rotate", "ROTATED", "Starts a new epoch now.")

REQUEST("cluster", "CLUSTER",
	"What this node shares with others; refused without a secret.")

REQUEST("stats", "STATS", "Packets by service and reason.")
ARGUMENT("listen", "string", OPTIONAL, "only of this service")

REQUEST("metrics", "METRICS", "What the HTTP endpoint serves.")

REQUEST("session.totals", "SESSION_TOTALS", "Session counts by service.")
ARGUMENT("listen", "string", OPTIONAL, "only of this service")
ARGUMENT("brief", "bool", OPTIONAL,
	 "leave out others, events and durations of services")

REQUEST("session.kill", "KILLED",
	"Kills matching sessions in a part of the table. Repeat it with the "
	"reply's cursor for the next part, until a reply has none.")
ARGUMENT("filter", "[string]", NEEDED,
	 "the words of synkeeper session kill; [] matches every session")
ARGUMENT("cursor", "integer", OPTIONAL, "from the last reply")
ARGUMENT("dry_run", "bool", OPTIONAL, "count only")

REQUEST("session.socket", "SOCKET", "The kernel's socket of a connection.")
ARGUMENT("client", "string", NEEDED, "address:port")
ARGUMENT("server", "string", NEEDED, "address:port")

REQUEST("session.watch", "WATCHING",
	"Sends a line for each EVENT until the client closes.")
ARGUMENT("filter", "[string]", OPTIONAL, "as for session.kill; default: all")

REQUEST("sample.watch", "WATCHING",
	"Sends a line for each SAMPLE until the client closes.")
ARGUMENT("reasons", "[string]", OPTIONAL, "default: all that drop")
ARGUMENT("listen", "string", OPTIONAL, "only of this service")
ARGUMENT("rate", "integer", OPTIONAL,
	 "samples a second, of all reasons together: 1 to 10000, default "
	 "100")

REQUEST("reload", "RELOADED", "Reads the configuration and applies it.")

REQUEST("down", "DOWN",
	"Disarms, waits for cookies in flight, detaches and exits. It is "
	"complete once pin_dir is gone. Refused while there are spliced "
	"connections, which it breaks.")
ARGUMENT("force", "bool", OPTIONAL, "even then")

/* ---- results ---- */

OBJECT(STATUS, "The daemon's state.")
FIELD("version", "string", NEEDED, "")
FIELD("pid", "integer", NEEDED, "")
FIELD("uptime_s", "number", NEEDED, "")
FIELD("config", "string?", NEEDED, "path of the file; null: none")
FIELD("pin_dir", "string", NEEDED, "")
FIELD("protected", "bool", NEEDED, "everything that is configured is protected")
FIELD("interfaces", "[INTERFACE]", NEEDED, "")
FIELD("services", "[SERVICE]", NEEDED, "")
FIELD("key", "KEY_AGE", NEEDED, "the current one")
FIELD("sessions", "SESSION_COUNTS", NEEDED, "")
FIELD("total", "{REASON: integer}", NEEDED, "packets; zeros are left out")
FIELD("attacks", "[ATTACK]", NEEDED, "in progress")
FIELD("health", "[string]", NEEDED, "problems, a sentence each; empty: healthy")

OBJECT(INTERFACE, "An interface to protect.")
FIELD("name", "string", NEEDED, "")
FIELD("ifindex", "integer", NEEDED, "0: it does not exist at the moment")
FIELD("mode", "string", NEEDED, "native, skb, missing, none")
FIELD("protected", "bool", NEEDED, "")
FIELD("why", "string", NEEDED,
      "why it is not protected, or not as configured; or empty")
FIELD("by_hand", "bool", NEEDED, "XDP was attached by another tool")
FIELD("ahead", "[AHEAD]", NEEDED,
      "programs that run before Synkeeper's program at tc")

OBJECT(AHEAD, "A program that runs before Synkeeper's program.")
FIELD("tc", "string", NEEDED, "ingress, egress")
FIELD("id", "integer", NEEDED, "of the program")

OBJECT(SERVICES, "")
FIELD("services", "[SERVICE]", NEEDED, "")

OBJECT(SERVICE, "What is protected.")
FIELD("listen", "string", NEEDED, "address:port, or *:port")
FIELD("name", "string", NEEDED, "or empty")
FIELD("policy", "string", NEEDED, "on, auto, monitor, off")
FIELD("by_hand", "bool", NEEDED, "added at runtime: lost when the daemon exits")
FIELD("armed", "bool", NEEDED, "SYNs are answered with cookies")
FIELD("owner", "string", NEEDED, "of its connections: socket, splice")
FIELD("owner_why", "string", NEEDED, "why splice; or empty")
FIELD("cookies", "string", NEEDED, "own, kernel")
FIELD("cookies_why", "string", NEEDED, "why these; or empty")
FIELD("why", "string", NEEDED, "why it is not armed; empty if it is")
FIELD("listener", "string", NEEDED,
      "settings of its listener that SYN-ACKs follow, such as \"mss 1200, ttl "
      "255\"; or empty")
FIELD("not_honoured", "string", NEEDED,
      "others that have no effect while it is armed, such as "
      "\"TCP_SAVE_SYN\"; or empty")
FIELD("bypasses", "[string]", NEEDED,
      "firewall rules that refuse some of its SYNs: they pass until a flood")

OBJECT(KEY_AGE, "The current key.")
FIELD("epoch", "integer", NEEDED, "its number")
FIELD("age_s", "number", NEEDED, "")
FIELD("lifetime_s", "number", NEEDED, "the age at which it is replaced")

OBJECT(SESSION_COUNTS, "The session table, in numbers.")
FIELD("max", "integer", NEEDED, "sessions that the table is sized for")
FIELD("alive", "integer", NEEDED, "pending to closing")
FIELD("pending", "integer", NEEDED, "no socket seen yet")
FIELD("established", "integer", NEEDED, "")
FIELD("half_closed", "integer", NEEDED, "one side sent FIN")
FIELD("closing", "integer", NEEDED, "both did")
FIELD("time_wait", "integer", NEEDED, "closed, kept for a while")

OBJECT(ATTACK, "A flood, while it lasts.")
FIELD("listen", "string", NEEDED, "of the service")
FIELD("name", "string", NEEDED, "of the service, or empty")
FIELD("kind", "string", NEEDED, "syn, ack, rst, malformed")
FIELD("rate", "integer", NEEDED, "packets a second, now")
FIELD("peak", "integer", NEEDED, "the highest rate so far")
FIELD("total", "integer", NEEDED, "packets so far")
FIELD("duration_s", "integer", NEEDED, "so far")

OBJECT(KEYS, "")
FIELD("epoch", "integer", NEEDED, "the number of the current key")
FIELD("lifetime_s", "number", NEEDED, "the age at which it is replaced")
FIELD("keys", "[KEY]", NEEDED, "none while secrets are shared")
FIELD("secrets", "[SECRET]", NEEDED, "shared with other nodes")

OBJECT(SECRET, "A secret that nodes share; what it is, is not shown.")
FIELD("id", "string", NEEDED, "")
FIELD("role", "string", NEEDED, "current, staged, former")
FIELD("fingerprint", "string", NEEDED, "equal on nodes that have the same")

OBJECT(KEY, "A slot of a key.")
FIELD("slot", "integer", NEEDED, "")
FIELD("state", "string", NEEDED, "current, previous, ended")
FIELD("age_s", "number", NEEDED, "")

OBJECT(ROTATED, "")
FIELD("epoch", "integer", NEEDED, "the new one")

OBJECT(CLUSTER, "What this node shares with others.")
FIELD("stage", "string", NEEDED, "single, staged, promoted: of the rollout")
FIELD("secrets", "[SECRET]", NEEDED, "")
FIELD("epoch", "integer", NEEDED, "by this node's clock: UTC / 64 s")
FIELD("half", "string", NEEDED, "first, second: of the epoch")
FIELD("keys_s", "number", NEEDED,
      "how long the keys last that programs have, even without the daemon")
FIELD("clock", "CLUSTER_CLOCK", NEEDED, "")
FIELD("profile", "string", NEEDED,
      "a hash of services: equal on nodes that accept all of each other's "
      "cookies")
FIELD("services", "[PROMISE]", NEEDED, "")

OBJECT(PROMISE,
       "What a service's SYN-ACKs say: nodes that differ in it do not accept "
       "each other's cookies.")
FIELD("listen", "string", NEEDED, "of the service")
FIELD("ipv4", "string", NEEDED, "such as \"scale 7 and timestamps\"")
FIELD("ipv6", "string", NEEDED, "likewise")

OBJECT(CLUSTER_CLOCK, "What the kernel says of this node's clock.")
FIELD("synchronised", "bool", NEEDED, "")
FIELD("offset_s", "number", NEEDED, "what NTP is about to correct")
FIELD("error_s", "number", NEEDED, "the most that it may be off by")
FIELD("tai_s", "integer", NEEDED, "what NTP set TAI to be ahead by; 0: not set")
FIELD("moved", "bool", NEEDED, "by a test")

OBJECT(STATS, "Packets since the maps were created.")
FIELD("services", "[SERVICE_STATS]", NEEDED, "")
FIELD("total", "{REASON: integer}", NEEDED, "over all services")

OBJECT(SERVICE_STATS, "Reasons without packets are left out.")
FIELD("listen", "string", NEEDED, "of the service; -: traffic to no service")
FIELD("name", "string", NEEDED, "or empty")
FIELD("packets", "{REASON: integer}", NEEDED, "")
FIELD("monitored", "{REASON: integer}", NEEDED,
      "packets that passed only because of policy monitor; in no total")

OBJECT(METRICS, "")
FIELD("text", "string", NEEDED, "in Prometheus' text format")

OBJECT(SESSION_TOTALS, "")
FIELD("services", "[TOTALS]", NEEDED, "with listen and name")
FIELD("total", "TOTALS", NEEDED, "all, including deleted services")

OBJECT(TOTALS, "Always: opened = sum of alive + sum of ended.")
FIELD("listen", "string", OPTIONAL, "of a service")
FIELD("name", "string", OPTIONAL, "of a service, or empty")
FIELD("opened", "integer", NEEDED, "")
FIELD("alive", "{STATE: integer}", NEEDED,
      "pending, established, half-closed-client, half-closed-server, closing")
FIELD("others", "{STATE: integer}", OPTIONAL, "opening, time-wait")
FIELD("ended", "{CAUSE: integer}", NEEDED,
      "closed, reset, timeout, killed, evicted")
FIELD("events", "{EVENT: integer}", OPTIONAL,
      "named as by session watch, with the side: half-closed-client")
FIELD("lost", "integer", NEEDED, "events lost because the ring buffer was full")
FIELD("durations", "DURATIONS", OPTIONAL, "of those that ended")

OBJECT(DURATIONS, "How long sessions lasted.")
FIELD("sum_s", "number", NEEDED, "")
FIELD("count", "integer", NEEDED, "")
FIELD("buckets", "[BUCKET]", NEEDED, "")

OBJECT(BUCKET, "")
FIELD("le_s", "number", OPTIONAL,
      "the longest duration it counts; missing: any")
FIELD("count", "integer", NEEDED, "")

OBJECT(KILLED, "")
FIELD("matched", "integer", NEEDED, "")
FIELD("killed", "integer", NEEDED, "")
FIELD("pending", "integer", NEEDED, "matched, but not killed: no socket yet")
FIELD("cursor", "integer", OPTIONAL, "where the next part begins")

OBJECT(SOCKET, "")
FIELD("socket", "string", NEEDED, "ESTAB, ..., none")

OBJECT(WATCHING, "")
FIELD("watching", "bool", NEEDED, "")

OBJECT(EVENT, "A line of session.watch.")
FIELD("time", "number", NEEDED, "seconds since 1970")
FIELD("event", "string", NEEDED, "see TOTALS")
FIELD("by", "string", OPTIONAL, "client, server")
FIELD("client", "string", NEEDED, "address:port")
FIELD("server", "string", NEEDED, "address:port")
FIELD("service", "integer", NEEDED, "its id, for as long as the daemon runs")
FIELD("name", "string", NEEDED, "of the service, or empty")
FIELD("left", "string", NEEDED, "the state that the session left")
FIELD("duration_s", "number", NEEDED, "since it was opened")

OBJECT(SAMPLE, "A line of sample.watch.")
FIELD("time", "number", NEEDED, "seconds since 1970")
FIELD("event", "string", NEEDED, "sample")
FIELD("reason", "string", NEEDED, "")
FIELD("listen", "string", NEEDED, "of the service")
FIELD("iface", "string", NEEDED, "the name of the interface")
FIELD("client", "string", NEEDED, "address:port")
FIELD("server", "string", NEEDED, "address:port")
FIELD("length", "integer", NEEDED, "of the frame")
FIELD("data", "string", NEEDED, "its first bytes, 128 at most, in hex")

OBJECT(LOST,
       "In place of EVENTs or SAMPLEs that the client was too slow to read.")
FIELD("event", "string", NEEDED, "lost")
FIELD("count", "integer", NEEDED, "how many")

OBJECT(RELOADED, "")
FIELD("changed", "[CHANGE]", NEEDED, "")
FIELD("needs_restart", "[CHANGE]", NEEDED, "these keep their old values")

OBJECT(CHANGE, "")
FIELD("what", "string", NEEDED,
      "[keys] lifetime, interface eth0, service *:443")
FIELD("from", "string?", NEEDED, "null: added")
FIELD("to", "string?", NEEDED, "null: removed")
FIELD("needs", "string", OPTIONAL, "what the change requires")
FIELD("note", "string", OPTIONAL, "the consequence")

OBJECT(DOWN, "")
FIELD("interfaces", "[string]", NEEDED, "that are being detached")
FIELD("restored", "[string]", NEEDED, "sysctls that are restored")
FIELD("pin_dir", "string", NEEDED, "")
FIELD("programs", "[integer]", NEEDED,
      "ids, so that a caller can wait until they are unloaded")

#undef REQUEST
#undef ARGUMENT
#undef OBJECT
#undef FIELD
