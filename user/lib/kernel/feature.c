/* SPDX-License-Identifier: GPL-2.0-only */
#include <bpf/btf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "feature.h"

const struct feature_info feature_infos[FEATURES] = {
	[FEATURE_XDP_LINK] = { "bpf_link for XDP", "5.9",
			       "programs stay attached, are replaced in place",
			       NULL, "bpf_link_type", "BPF_LINK_TYPE_XDP" },
	[FEATURE_RINGBUF] = { "BPF ring buffer", "5.8",
			      "session events, samples of drops", NULL,
			      "bpf_map_type", "BPF_MAP_TYPE_RINGBUF" },
	[FEATURE_LOOP] = { "bpf_loop()", "5.17", "unusual TCP options", NULL,
			   "bpf_func_id", "BPF_FUNC_loop" },
	[FEATURE_FRAGS] = { "bpf_xdp_load_bytes()", "5.18",
			    "frames in fragments (MTU above a page)", NULL,
			    "bpf_func_id", "BPF_FUNC_xdp_load_bytes" },
	[FEATURE_TCX] = { "tcx", "6.6", "tc programs as links",
			  "filters on a clsact qdisc", "bpf_attach_type",
			  "BPF_TCX_INGRESS" },
	[FEATURE_ASSIGN] = { "bpf_sk_assign_tcp_reqsk()", "6.9",
			     "sockets from Synkeeper's own cookies",
			     "the kernel's cookies", NULL,
			     "bpf_sk_assign_tcp_reqsk" },
	[FEATURE_LISTENERS] = { "BPF iterator over TCP sockets", "5.9",
				"the settings of listeners (TTL, TOS, ...)",
				"the host's settings", NULL, "bpf_iter_tcp" },
};

static bool enum_has(const struct btf *btf, const char *name,
		     const char *symbol)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_ENUM), i;
	const struct btf_type *type = btf__type_by_id(btf, id > 0 ? id : 0);
	const struct btf_enum *e;

	if (id <= 0)
		return false;
	for (i = 0, e = btf_enum(type); i < btf_vlen(type); i++, e++)
		if (!strcmp(btf__name_by_offset(btf, e->name_off), symbol))
			return true;
	return false;
}

int feature_probe(bool ret_has[FEATURES])
{
	struct btf *btf = btf__load_vmlinux_btf();
	int i;

	if (!btf)
		return -ENOTSUP;
	for (i = 0; i < FEATURES; i++) {
		const struct feature_info *f = &feature_infos[i];

		ret_has[i] =
			f->in_enum ? enum_has(btf, f->in_enum, f->symbol)
				   : btf__find_by_name_kind(btf, f->symbol,
							    BTF_KIND_FUNC) > 0;
	}
	btf__free(btf);
	return 0;
}

const char *feature_btf_fix(void)
{
	if (access("/sys/kernel", F_OK))
		return "/sys is not mounted: mount -t sysfs sysfs /sys";
	return "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as "
	       "distributions' kernels are";
}
