/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon answers on a unix stream socket. One request
 * is one line of JSON, one reply is one line of JSON; a connection may carry
 * several. Requests are at most CONTROL_LINE_MAX bytes.
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
 *						"packets": {REASON: n, ...}}],
 *						"total": {REASON: n, ...}}
 *						("listen": "-" is traffic to no
 *						service; reasons with 0 omitted)
 * down			-			{"interfaces": [name], "restored": [],
 *						"pin_dir"}; the daemon disarms,
 *						lets cookies in flight come
 *						back, detaches and ends; then
 *						pin_dir is gone
 *
 * STATUS	{"version" "pid" "uptime_s" "pin_dir" "interfaces": [IFACE]
 *		"services": [SERVICE] "key": {"epoch" "age_s" "lifetime_s"}
 *		"sessions": {"max" "pending" "established" "time_wait"}
 *		"total": {REASON: n} "health": [sentence, ...]}  (empty: well)
 * IFACE	{"name" "ifindex" "mode": "native"|"skb" "why" "by_hand": bool}
 * SERVICE	{"listen" "name" "policy": "on"|"off" "armed": bool
 *		"cookies": "own" "why": sentence, "" when armed}
 * KEY		{"slot" "state": "current"|"previous"|"ended" "age_s"}
 */
#ifndef CONTROL_H
#define CONTROL_H

enum { CONTROL_LINE_MAX = 65536 };

#define CONTROL_PATH_DEFAULT "/run/synkeeper/control"
#define PIN_DIR_DEFAULT	     "/sys/fs/bpf/synkeeper"

#endif
