/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the daemon gives up once it has started, so that a
 * hole in its parsers is worth less, wherever it runs: the systemd unit and
 * container runtimes add to it, but it needs neither.
 */
#ifndef CONFINE_H
#define CONFINE_H

/*
 * No core dump, and no access to this process' memory for others of the same
 * user: cookie keys are in it. Call before there are any.
 */
void confine_memory(void);

/*
 * caps.c: keeps CAP_NET_ADMIN and CAP_BPF, drops the rest for good. Returns 0,
 * or -EPERM, logged.
 */
int caps_drop(void);

/*
 * From now on system calls that the daemon never makes are refused with EPERM:
 * programs and processes, tracing, mounts, namespaces, modules, the clock, and
 * others. A list of what is denied, not of what is allowed: a libc that does
 * its work by another call does not break the daemon. No new privileges can be
 * had afterwards. Call from the only thread. Returns 0 or -errno: -ENOSYS if
 * the kernel or this build has no filters for this architecture.
 */
int confine_syscalls(void);

#endif
