/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: stands in for libbpf's header of the same name: natively
 * all types are there and fields are where the compiler put them.
 */
#ifndef FUZZ_BPF_CORE_READ_H
#define FUZZ_BPF_CORE_READ_H

#define bpf_core_type_exists(type)	 (sizeof(type) > 0)
#define BPF_CORE_READ_BITFIELD(s, field) ((s)->field)

#endif
