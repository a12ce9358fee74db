/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the daemon gives up after start-up, to limit the
 * damage of a hole in its parsers, wherever it runs: the systemd unit and
 * container runtimes add to it, but it needs neither.
 */
#ifndef CONFINE_H
#define CONFINE_H

/*
 * Denies core dumps, and access to this process' memory by others of the same
 * user, since it will contain cookie keys. Call before there are any.
 */
void confine_memory(void);

/*
 * caps.c: keeps CAP_NET_ADMIN and CAP_BPF, drops the rest for good. Returns 0,
 * or -EPERM, logged.
 */
int caps_drop(void);

/*
 * Denies, with EPERM, system calls that the daemon never makes: programs and
 * processes, tracing, mounts, namespaces, modules, the clock, and others. A
 * denylist, not an allowlist: the daemon keeps working if libc switches to
 * another call. No new privileges can be gained afterwards. Call while
 * single-threaded. Returns 0 or -errno: -ENOSYS if the kernel or this build has
 * no filters for this architecture.
 */
int confine_syscalls(void);

#endif
