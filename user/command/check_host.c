/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: what the machine must offer whatever the interface,
 * see check.h. That the function in the kernel is there counts, its version
 * is only a hint, since distributions carry features back.
 */
#include <bpf/btf.h>
#include <cap-ng.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include "check.h"

enum { KERNEL_MAJOR = 6, KERNEL_MINOR = 9 }; /* own cookies */

bool check_kfunc(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool found = btf &&
		     btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) >= 0;

	btf__free(btf);
	return found;
}

static void check_privileges(json_t *findings)
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
		check_add(findings, "privileges", CHECK_FAIL,
			  "run as root; what follows may be wrong without",
			  "lacking%s", lacking);
	else
		check_add(findings, "privileges", CHECK_OK, NULL, "sufficient");
}

static void check_kernel(json_t *findings)
{
	unsigned int major = 0, minor = 0;
	struct utsname uts;
	bool recent;

	if (uname(&uts) || sscanf(uts.release, "%u.%u", &major, &minor) != 2) {
		check_add(findings, "kernel", CHECK_WARN,
			  "6.9 or later is needed", "unknown version");
		return;
	}
	recent = major > KERNEL_MAJOR ||
		 (major == KERNEL_MAJOR && minor >= KERNEL_MINOR);
	check_add(findings, "kernel", recent ? CHECK_OK : CHECK_WARN,
		  "6.9 or later is needed, unless the function below is there",
		  "%s", uts.release);
}

static void check_btf(json_t *findings)
{
	struct btf *btf = btf__load_vmlinux_btf();

	check_add(findings, "BTF", btf ? CHECK_OK : CHECK_FAIL,
		  "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those "
		  "of the distributions are",
		  "/sys/kernel/btf/vmlinux %s",
		  btf ? "can be read" : "is missing or cannot be read");
	if (btf) {
		bool there = btf__find_by_name_kind(btf,
						    "bpf_sk_assign_tcp_reqsk",
						    BTF_KIND_FUNC) >= 0;

		check_add(findings, "socket from cookie",
			  there ? CHECK_OK : CHECK_FAIL,
			  "use Linux 6.9 or later with CONFIG_SYN_COOKIES=y",
			  "bpf_sk_assign_tcp_reqsk is %s",
			  there ? "there" : "missing");
	}
	btf__free(btf);
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (__u32)fs.f_type == BPF_FS_MAGIC;
}

static void check_bpffs(json_t *findings, const char *pin_dir)
{
	char copy[PATH_MAX], mend[PATH_MAX + 32];
	const char *parent;

	snprintf(copy, sizeof(copy), "%s", pin_dir);
	parent = dirname(copy);
	snprintf(mend, sizeof(mend), "mount -t bpf bpf %s", parent);
	if (is_bpffs(pin_dir) || is_bpffs(parent))
		check_add(findings, "bpf file system", CHECK_OK, NULL,
			  "mounted at %s", parent);
	else if (!strcmp(parent, "/sys/fs/bpf"))
		check_add(findings, "bpf file system", CHECK_OK, NULL,
			  "not mounted at %s; synkeeperd mounts it", parent);
	else
		check_add(findings, "bpf file system", CHECK_FAIL, mend,
			  "not mounted at %s", parent);
}

/* 0 if it cannot be read: then it is as good as off. */
static int read_sysctl(const char *name)
{
	char path[128];
	int value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%d", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

/* What this host does not want is not offered to clients either. */
static void check_sysctl(json_t *findings, const char *name, const char *loss)
{
	char mend[192];
	bool on = read_sysctl(name);

	snprintf(mend, sizeof(mend), "%s; sysctl -w net.ipv4.%s=1", loss, name);
	check_add(findings, name, on ? CHECK_OK : CHECK_WARN, mend, "%s",
		  on ? "on" : "off");
}

void check_host(json_t *findings, const char *pin_dir)
{
	check_privileges(findings);
	check_kernel(findings);
	check_btf(findings);
	check_bpffs(findings, pin_dir);
	check_sysctl(findings, "tcp_timestamps",
		     "clients are not offered timestamps, and cookies have 25 "
		     "bits of MAC instead of 54");
	check_sysctl(findings, "tcp_window_scaling",
		     "clients are not offered window scaling: slow over long "
		     "distances");
	check_sysctl(
		findings, "tcp_sack",
		"clients are not offered SACK: slow where packets are lost");
}
