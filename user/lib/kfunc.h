/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: which functions the running kernel lends to BPF
 * programs, asked of its BTF. That a function is there counts, the kernel's
 * version is only a hint, since distributions carry features back.
 */
#ifndef KFUNC_H
#define KFUNC_H

/* The one that Synkeeper cannot do without: Linux 6.9, CONFIG_SYN_COOKIES. */
#define KFUNC_SOCKET "bpf_sk_assign_tcp_reqsk"

/* 0: @name is there, -ENOENT: it is not, -ENOTSUP: no BTF can be read. */
int kfunc_find(const char *name);

#endif
