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
 * What requests there are, and the fields of each and of its result, stands in
 * control_table.h; docs/JSON.md shows it.
 */
#ifndef CONTROL_H
#define CONTROL_H

enum { CONTROL_LINE_MAX = 65536 };

#define CONTROL_PATH_DEFAULT "/run/synkeeper/control"
#define PIN_DIR_DEFAULT	     "/sys/fs/bpf/synkeeper"

#endif
