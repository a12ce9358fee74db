/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the registers of a rule that is run on a packet of which
 * only some bits are known (nfprobe.h), and what conditions on them are worth.
 */
#ifndef NFREGS_H
#define NFREGS_H

#include "nfprobe.h"

enum { NF_BITS_MAX = 64, NF_REGISTERS = 20, NF_EXPR_ATTRS = 12 };

/* A register's content, or a header; a bit of @value counts if @known. */
struct nf_bits {
	__u8 value[NF_BITS_MAX], known[NF_BITS_MAX];
	bool unsure;   /* see struct nf_effect */
	bool is_iface; /* a name of an interface */
};

struct nf_run {
	const struct nf_probe *p;
	struct nf_bits regs[NF_REGISTERS]; /* by first 32-bit word */
	struct nf_effect effect;
	void (*want)(const char *set, void *data); /* of nf_probe_sets() */
	void *data;
};

/* One expression: its attributes by number, NULL: none. */
struct nf_expr {
	const char *name;
	const struct nlattr *attrs[NF_EXPR_ATTRS];
};

void nf_expr_read(const struct nlattr *elem, struct nf_expr *ret);
const struct nlattr *nf_expr_attr(const struct nlattr *nest, unsigned int type);
__u32 nf_expr_be32(const struct nlattr *a); /* host byte order; 0: none */

/* @reg: attribute that names the register. */
void nf_run_put(struct nf_run *r, const struct nlattr *reg,
		const struct nf_bits *b, size_t len);
struct nf_bits nf_run_get(const struct nf_run *r, const struct nlattr *reg);
bool nf_bits_known(const struct nf_bits *b, size_t len);

/* One more condition. */
void nf_run_perhaps(struct nf_run *r, bool unsure);
void nf_run_unsure(struct nf_run *r);
/* @op: enum nft_cmp_ops */
void nf_run_compare(struct nf_run *r, const struct nf_bits *b, __u32 op,
		    const void *with, size_t len);
void nf_run_lookup(struct nf_run *r, const struct nf_expr *e);
void nf_run_does(struct nf_run *r, enum nf_deed deed);
/* It writes to the network header, or a TCP option: struct nf_rewrite. */
void nf_run_writes_header(struct nf_run *r, const struct nf_expr *e);
void nf_run_writes_option(struct nf_run *r, const struct nf_expr *e);
void nf_run_verdict(struct nf_run *r, int code, const char *target);

#endif
