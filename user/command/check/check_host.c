/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: what the host must provide, whatever the interface. */
#include <bpf/bpf.h>
#include <cap-ng.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check.h"
#include "kernel/feature.h"
#include "kernel/pins.h"

void check_privileges(struct check *c)
{
	static const struct {
		unsigned int cap;
		const char *name;
	} needed[] = {
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN" },
		{ CAP_BPF, "CAP_BPF" },
		{ CAP_PERFMON, "CAP_PERFMON" },
	};
	char lacking[128] = "";
	size_t i, n = 0;

	capng_get_caps_process();
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i].cap))
			n += snprintf(lacking + n, sizeof(lacking) - n, " %s",
				      needed[i].name);
	if (n)
		check_add(c, "privileges", CHECK_FAIL,
			  "run as root; the results below may be wrong "
			  "otherwise",
			  "missing%s", lacking);
	else
		check_add(c, "privileges", CHECK_OK, NULL, "sufficient");
}

/* One line if all are present, else one for each that is missing. */
static void check_features(struct check *c, const bool has[FEATURES])
{
	char fix[96];
	bool all = true;
	int i;

	for (i = 0; i < FEATURES; i++) {
		const struct feature_info *f = &feature_infos[i];

		if (has[i])
			continue;
		all = false;
		snprintf(fix, sizeof(fix), "requires Linux %s or later",
			 f->since);
		check_add(c, f->name, f->without ? CHECK_WARN : CHECK_FAIL, fix,
			  "missing: needed for %s%s%s", f->purpose,
			  f->without ? "; instead: " : "",
			  f->without ? f->without : "");
	}
	if (all)
		check_add(c, "kernel features", CHECK_OK, NULL,
			  "all %d present", FEATURES);
}

void check_kernel(struct check *c)
{
	bool has[FEATURES];
	struct utsname uts;
	int err = feature_probe(has);

	if (!uname(&uts))
		check_add(c, "kernel", CHECK_OK, NULL, "%s", uts.release);
	check_add(c, "BTF", err ? CHECK_FAIL : CHECK_OK, feature_btf_fix(),
		  "/sys/kernel/btf/vmlinux %s",
		  err ? "is missing or unreadable" : "is readable");
	if (!err)
		check_features(c, has);
}

/* Loads a minimal program. Returns its descriptor or -errno. */
static int load_probe(void)
{
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		  .imm = 2 }, /* XDP_PASS */
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "synkeeper_try", "GPL", pass,
			       sizeof(pass) / sizeof(pass[0]), NULL);

	return fd < 0 ? -errno : fd;
}

/* Whether bpf() is permitted shows only when it is tried. */
void check_bpf(struct check *c)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = load_probe();

	if (fd < 0) {
		check_add(c, "bpf()", CHECK_FAIL,
			  fd == -EPERM
				  ? "if privileges are sufficient, a "
				    "container's seccomp profile or a security "
				    "module (see its log) denies it: allow "
				    "bpf()"
				  : "use a kernel with CONFIG_BPF_SYSCALL=y",
			  "cannot load a program: %s", strerror(-fd));
		return;
	}
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		info.jited_prog_len = 1; /* unknown: no warning */
	close(fd);
	check_add(c, "bpf()", info.jited_prog_len ? CHECK_OK : CHECK_WARN,
		  "the interpreter is several times slower: sysctl -w "
		  "net.core.bpf_jit_enable=1",
		  "programs can be loaded%s",
		  info.jited_prog_len ? "" : ", but are not JIT-compiled");
}

void check_bpffs(struct check *c)
{
	char copy[PATH_MAX], fix[PATH_MAX + 32];
	const char *parent;

	snprintf(copy, sizeof(copy), "%s", c->cmd->pin_dir);
	parent = dirname(copy);
	snprintf(fix, sizeof(fix), "mount -t bpf bpf %s", parent);
	if (pins_on_bpffs(c->cmd->pin_dir) || pins_on_bpffs(parent))
		check_add(c, "bpf file system", CHECK_OK, NULL, "mounted at %s",
			  parent);
	else if (!strcmp(parent, "/sys/fs/bpf"))
		check_add(c, "bpf file system", CHECK_OK, NULL,
			  "not mounted at %s; synkeeperd will mount it",
			  parent);
	else
		check_add(c, "bpf file system", CHECK_FAIL, fix,
			  "not mounted at %s", parent);
}
