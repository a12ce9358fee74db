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
	"The state of the daemon and of all that it protects.")

REQUEST("service.list", "SERVICES", "The services.")

REQUEST("service.add", "SERVICE", "Adds a service until the daemon exits.")
ARGUMENT("listen", "string", NEEDED, "address:port, or *:port")
ARGUMENT("name", "string", OPTIONAL, "empty without it")
ARGUMENT("policy", "string", OPTIONAL, "on (without it), auto, monitor, off")

REQUEST("service.del", "SERVICE", "Deletes a service; returns it as it was.")
ARGUMENT("listen", "string", NEEDED, "address:port, or *:port")

REQUEST("service.policy", "SERVICE", "Changes the policy of a service.")
ARGUMENT("listen", "string", NEEDED, "address:port, or *:port")
ARGUMENT("policy", "string", NEEDED, "on, auto, monitor, off")

REQUEST("key.list", "KEYS", "The cookie keys: their state, never the key.")

REQUEST("key.rotate", "ROTATED", "Starts a new epoch now.")

REQUEST("stats", "STATS", "Packets by service and reason.")
ARGUMENT("listen", "string", OPTIONAL, "of this service only")

REQUEST("metrics", "METRICS", "What the HTTP endpoint serves.")

REQUEST("session.totals", "SESSION_TOTALS", "Sessions by service, in numbers.")
ARGUMENT("listen", "string", OPTIONAL, "of this service only")
ARGUMENT("brief", "bool", OPTIONAL,
	 "services without others, events and durations")

REQUEST("session.kill", "KILLED",
	"Ends the sessions that match, in a part of the table. Send the "
	"cursor of the reply again for the next part, until none comes.")
ARGUMENT("filter", "[string]", NEEDED,
	 "words as synkeeper session kill takes; [] means every session")
ARGUMENT("cursor", "integer", OPTIONAL, "of the last reply")
ARGUMENT("dry_run", "bool", OPTIONAL, "only count")

REQUEST("session.socket", "SOCKET", "What the kernel has for a connection.")
ARGUMENT("client", "string", NEEDED, "address:port")
ARGUMENT("server", "string", NEEDED, "address:port")

REQUEST("session.watch", "WATCHING",
	"From then on an EVENT a line, until the client closes.")
ARGUMENT("filter", "[string]", OPTIONAL, "the same; all without it")

REQUEST("sample.watch", "WATCHING",
	"From then on a SAMPLE a line, until the client closes.")
ARGUMENT("reasons", "[string]", OPTIONAL, "all that drop without it")
ARGUMENT("listen", "string", OPTIONAL, "of this service only")
ARGUMENT("rate", "integer", OPTIONAL,
	 "samples a second, of all reasons together: 1 to 10000, 100 without "
	 "it")

REQUEST("reload", "RELOADED", "Reads the configuration and applies it.")

REQUEST("down", "DOWN",
	"Disarms, waits for cookies in flight, detaches and exits. Once "
	"pin_dir is gone, it is done.")

/* ---- results ---- */

OBJECT(STATUS, "The daemon's state.")
FIELD("version", "string", NEEDED, "")
FIELD("pid", "integer", NEEDED, "")
FIELD("uptime_s", "number", NEEDED, "")
FIELD("config", "string?", NEEDED, "path of the file; null: none")
FIELD("pin_dir", "string", NEEDED, "")
FIELD("protected", "bool", NEEDED,
      "is everything that was asked for protected?")
FIELD("interfaces", "[INTERFACE]", NEEDED, "")
FIELD("services", "[SERVICE]", NEEDED, "")
FIELD("key", "KEY_AGE", NEEDED, "the current one")
FIELD("sessions", "SESSION_COUNTS", NEEDED, "")
FIELD("total", "{REASON: integer}", NEEDED, "packets; without those that are 0")
FIELD("attacks", "[ATTACK]", NEEDED, "that are going on")
FIELD("health", "[string]", NEEDED, "problems, a sentence each; empty: healthy")

OBJECT(INTERFACE, "An interface to protect.")
FIELD("name", "string", NEEDED, "")
FIELD("ifindex", "integer", NEEDED, "0: there is no such interface now")
FIELD("mode", "string", NEEDED, "native, skb, missing, none")
FIELD("protected", "bool", NEEDED, "")
FIELD("why", "string", NEEDED, "it is not, or not as asked for; or empty")
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
FIELD("cookies", "string", NEEDED, "own, kernel")
FIELD("cookies_why", "string", NEEDED, "these; or empty")
FIELD("why", "string", NEEDED, "it is not armed; empty when it is")
FIELD("bypasses", "[string]", NEEDED,
      "firewall rules that would refuse some of its SYNs and never see them")

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
FIELD("keys", "[KEY]", NEEDED, "")

OBJECT(KEY, "A key's slot.")
FIELD("slot", "integer", NEEDED, "")
FIELD("state", "string", NEEDED, "current, previous, ended")
FIELD("age_s", "number", NEEDED, "")

OBJECT(ROTATED, "")
FIELD("epoch", "integer", NEEDED, "that began")

OBJECT(STATS, "Packets, since the maps were made.")
FIELD("services", "[SERVICE_STATS]", NEEDED, "")
FIELD("total", "{REASON: integer}", NEEDED, "over all services")

OBJECT(SERVICE_STATS, "Reasons that are 0 are left out.")
FIELD("listen", "string", NEEDED, "of the service; -: traffic to no service")
FIELD("name", "string", NEEDED, "or empty")
FIELD("packets", "{REASON: integer}", NEEDED, "")
FIELD("monitored", "{REASON: integer}", NEEDED,
      "what a monitored service let pass; in no total")

OBJECT(METRICS, "")
FIELD("text", "string", NEEDED, "in Prometheus' text format")

OBJECT(SESSION_TOTALS, "")
FIELD("services", "[TOTALS]", NEEDED, "with listen and name")
FIELD("total", "TOTALS", NEEDED, "of all, those of deleted services included")

OBJECT(TOTALS, "opened = the sum of alive + the sum of ended, always.")
FIELD("listen", "string", OPTIONAL, "of a service")
FIELD("name", "string", OPTIONAL, "of a service, or empty")
FIELD("opened", "integer", NEEDED, "")
FIELD("alive", "{STATE: integer}", NEEDED,
      "pending, established, half-closed-client, half-closed-server, closing")
FIELD("others", "{STATE: integer}", OPTIONAL, "opening, time-wait")
FIELD("ended", "{CAUSE: integer}", NEEDED,
      "closed, reset, timeout, killed, evicted")
FIELD("events", "{EVENT: integer}", OPTIONAL,
      "as session watch names them, with the side: half-closed-client")
FIELD("lost", "integer", NEEDED, "events lost because the ring buffer was full")
FIELD("durations", "DURATIONS", OPTIONAL, "of those that ended")

OBJECT(DURATIONS, "How long sessions lasted.")
FIELD("sum_s", "number", NEEDED, "")
FIELD("count", "integer", NEEDED, "")
FIELD("buckets", "[BUCKET]", NEEDED, "")

OBJECT(BUCKET, "")
FIELD("le_s", "number", OPTIONAL, "it counts what lasted up to that; or all")
FIELD("count", "integer", NEEDED, "")

OBJECT(KILLED, "")
FIELD("matched", "integer", NEEDED, "")
FIELD("killed", "integer", NEEDED, "")
FIELD("pending", "integer", NEEDED, "matched, but have no socket yet to kill")
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
FIELD("service", "integer", NEEDED, "its id while the daemon runs")
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

OBJECT(LOST, "Replaces EVENTs or SAMPLEs that the client was too slow for.")
FIELD("event", "string", NEEDED, "lost")
FIELD("count", "integer", NEEDED, "how many")

OBJECT(RELOADED, "")
FIELD("changed", "[CHANGE]", NEEDED, "")
FIELD("needs_restart", "[CHANGE]", NEEDED, "these keep their old values")

OBJECT(CHANGE, "")
FIELD("what", "string", NEEDED,
      "[keys] lifetime, interface eth0, service *:443")
FIELD("from", "string?", NEEDED, "null: it is new")
FIELD("to", "string?", NEEDED, "null: it is gone")
FIELD("needs", "string", OPTIONAL, "what it takes")
FIELD("note", "string", OPTIONAL, "what follows")

OBJECT(DOWN, "")
FIELD("interfaces", "[string]", NEEDED, "that are being detached")
FIELD("restored", "[string]", NEEDED, "sysctls that are restored")
FIELD("pin_dir", "string", NEEDED, "")
FIELD("programs", "[integer]", NEEDED,
      "their ids, for a caller that waits for their end")

#undef REQUEST
#undef ARGUMENT
#undef OBJECT
#undef FIELD
