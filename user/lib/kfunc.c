/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: see kfunc.h. */
#include <bpf/btf.h>
#include <errno.h>

#include "kfunc.h"

int kfunc_find(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int err = 0;

	if (!btf)
		return -ENOTSUP;
	if (btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) < 0)
		err = -ENOENT;
	btf__free(btf);
	return err;
}
