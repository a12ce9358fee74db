/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the control protocol, on a unix stream socket. Each
 * request and each reply is one line of JSON; a connection may carry several.
 * A request is at most CONTROL_LINE_MAX bytes. A client that is turned away or
 * disconnected gets an unsolicited error reply.
 *
 *	{"cmd": "service.add", "listen": "192.0.2.1:443"}
 *	{"ok": true, "result": {...}}
 *	{"ok": false, "error": "what happened", "hint": "what to do"}
 *
 * control_table.h lists the requests with the fields of arguments and results;
 * docs/JSON.md is generated from it.
 */
#ifndef CONTROL_H
#define CONTROL_H

enum { CONTROL_LINE_MAX = 65536 };

#define CONTROL_PATH_DEFAULT "/run/synkeeper/control"
#define PIN_DIR_DEFAULT	     "/sys/fs/bpf/synkeeper"

#endif
