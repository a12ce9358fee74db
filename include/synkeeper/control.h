/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon answers on a unix stream socket. One request
 * is one line of JSON, one reply is one line of JSON; a connection may carry
 * several. Requests are at most CONTROL_LINE_MAX bytes. A client that is not
 * let in, or has to go, gets a refusal that it did not ask for.
 *
 *	{"cmd": "service.add", "listen": "192.0.2.1:443"}
 *	{"ok": true, "result": {...}}
 *	{"ok": false, "error": "what happened", "hint": "what to do"}
 *
 * cmd			members			result
 * status		-			STATUS below
 * service.list		-			{"services": [SERVICE]}
 * service.add		listen [name policy]	SERVICE
 * service.del		listen			SERVICE (as it was)
 * service.policy	listen policy		SERVICE
 * key.list		-			{"epoch" "lifetime_s" "keys": [KEY]}
 * key.rotate		-			{"epoch"}
 * stats		[listen]		{"services": [{"listen" "name"
 *						"packets": {REASON: n, ...}
 *						"would": {REASON: n}}],
 *						"total": {REASON: n, ...}}
 *						("listen": "-" is traffic to no
 *						service; reasons with 0 omitted;
 *						"would": what a monitored one
 *						let pass, in no total)
 * session.totals	[listen brief]		{"services": [TOTALS with "listen"
 *						"name"], "total": TOTALS};
 *						brief: services without
 *						"others", "events", "durations"
 * session.kill	filter [cursor dry_run]	{"matched" "killed" "pending"
 *						["cursor"]}; a part of the
 *						table: send its cursor again
 *						for the next, until none comes
 * session.socket	client server		{"socket": "ESTAB"}: the kernel's,
 *						"none" if it has none
 * metrics		-			{"text": Prometheus' text format}
 * session.watch	[filter]		{"watching": true}, and from then on
 *						an EVENT a line until the
 *						client closes
 * reload		-			{"changed": [CHANGE]
 *						"needs_restart": [CHANGE with
 *						"needs": sentence]}: these keep
 *						their old values; "note": what
 *						follows a change
 * sample.watch		[reasons listen rate]	{"watching": true}, and from
 *						then on a SAMPLE a line until
 *						the client closes; reasons: all
 *						that drop; rate: of all reasons
 *						together, a second, 100
 * down			-			{"interfaces": [name], "restored": [],
 *						"pin_dir"}; the daemon disarms,
 *						lets cookies in flight come
 *						back, detaches and ends; then
 *						pin_dir is gone
 *
 * STATUS	{"version" "pid" "uptime_s" "config": path|null "pin_dir"
 *		"interfaces": [IFACE]
 *		"services": [SERVICE] "key": {"epoch" "age_s" "lifetime_s"}
 *		"sessions": {"max" "alive" "pending" "established" "half_closed"
 *		"closing" "time_wait"}
 *		"total": {REASON: n} "attacks": [ATTACK]
 *		"health": [sentence, ...] (empty: well)
 *		"protected": bool: all that was asked for}
 * IFACE	{"name" "ifindex" "mode": "native"|"skb"|"missing" "why" "by_hand":
 *		bool}; missing: there is no such interface now, ifindex is 0
 * SERVICE	{"listen" "name" "policy": "on"|"auto"|"monitor"|"off"
 *		"by_hand": bool (added while it runs: lost when it ends)
 *		"armed": bool
 *		"cookies": "own" "why": sentence, "" when armed}
 * ATTACK	{"listen" "name" "kind": "syn"|"ack"|"rst"|"malformed"
 *		"rate" (packets a second, now) "peak" "total" "duration_s"},
 *		while it lasts
 * TOTALS	{"opened" "alive": {STATE: n} "others": {"opening": n "time-wait": n}
 *		"ended": {CAUSE: n} "events": {NAME: n}
 *		"lost" "durations": {"sum_s" "count" "buckets": [{"le_s" "count"}]}}
 *		opened = ended + alive, always (alive: pending, established,
 *		half-closed-client, half-closed-server, closing). CAUSE: closed,
 *		reset, timeout, killed, evicted. NAME: the events of
 *		synkeeper/session.h, with whom: half-closed-client. Buckets
 *		count what lasted up to le_s; the last one, without le_s, all.
 *		"lost": events that nobody could be told
 * EVENT	{"time" (s since 1970) "event" ["by"] "client" "server" "service"
 *		"name" "left": STATE "duration_s"}, or {"event": "lost" "count"}:
 *		so many the client was too slow for
 * CHANGE	{"what" "from" "to"}, of "[keys] lifetime", "interface eth0",
 *		"service *:443" or "service *:443 policy"; from null: it is
 *		new, to null: it is gone
 * SAMPLE	{"time" (s since 1970) "event": "sample" "reason" "listen" "iface"
 *		"client" "server" "length" (of the frame) "data": its first
 *		bytes, 128 at most, in hex}, or lost as of EVENT; see abi.h
 * filter	["src", "192.0.2.0/24", "state", "established"], see filter.h;
 *		"pending": so many matched that have no socket yet to kill
 * KEY		{"slot" "state": "current"|"previous"|"ended" "age_s"}
 */
#ifndef CONTROL_H
#define CONTROL_H

enum { CONTROL_LINE_MAX = 65536 };

#define CONTROL_PATH_DEFAULT "/run/synkeeper/control"
#define PIN_DIR_DEFAULT	     "/sys/fs/bpf/synkeeper"

#endif
