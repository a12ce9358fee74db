/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the seccomp filter of confine.h is classic BPF: one
 * comparison per denied number. The kernel caches which numbers such a filter
 * always allows (Linux 5.11), so allowed calls do not run it. Hand-written,
 * because the list is all there is to it: libseccomp would be another
 * dependency for a loop of twenty lines.
 *
 * ABIs other than the build's (32-bit calls on x86-64) reach the same calls
 * under other numbers. The daemon has no use for them, so all of theirs are
 * denied.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "confine.h"
#include "log.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define ARCH_NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH_NATIVE AUDIT_ARCH_AARCH64
#else
#define ARCH_NATIVE 0 /* order of clone()'s arguments not checked */
#endif

/* On x86-64, numbers from here on belong to the x32 ABI. */
#define X32_BIT 0x40000000

static const int denied[] = {
	/* programs and processes */
	__NR_execve,
	__NR_execveat,
#ifdef __NR_fork
	__NR_fork,
	__NR_vfork,
#endif
	__NR_ptrace,
	__NR_process_vm_readv,
	__NR_process_vm_writev,
	__NR_pidfd_getfd,
	__NR_kcmp,
	__NR_personality,
	/* mounts and namespaces */
	__NR_mount,
	__NR_umount2,
	__NR_pivot_root,
	__NR_chroot,
	__NR_open_tree,
	__NR_move_mount,
	__NR_fsopen,
	__NR_fsconfig,
	__NR_fsmount,
	__NR_fspick,
	__NR_mount_setattr,
	__NR_setns,
	__NR_unshare,
	__NR_open_by_handle_at,
	/* the kernel's code, and the machine */
	__NR_init_module,
	__NR_finit_module,
	__NR_delete_module,
	__NR_kexec_load,
#ifdef __NR_kexec_file_load
	__NR_kexec_file_load,
#endif
	__NR_reboot,
	__NR_swapon,
	__NR_swapoff,
	__NR_acct,
	__NR_quotactl,
	__NR_syslog,
	__NR_sethostname,
	__NR_setdomainname,
#ifdef __NR_iopl
	__NR_iopl,
	__NR_ioperm,
	__NR_modify_ldt,
#endif
	/* the clock */
	/* not adjtimex: says whether the clock is synchronised */
	__NR_settimeofday,
	__NR_clock_settime,
	__NR_clock_adjtime,
	/* frequent entry points of kernel exploits */
	__NR_add_key,
	__NR_request_key,
	__NR_keyctl,
	__NR_perf_event_open,
	__NR_userfaultfd,
	__NR_io_uring_setup,
	__NR_io_uring_enter,
	__NR_io_uring_register,
	__NR_fanotify_init,
/* special files */
#ifdef __NR_mknod
	__NR_mknod,
#endif
	__NR_mknodat,
};

enum { N_DENIED = sizeof(denied) / sizeof(denied[0]) };

#define LOAD(member)                       \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
		 offsetof(struct seccomp_data, member))
#define IF(test, value, then, otherwise) \
	BPF_JUMP(BPF_JMP | (test) | BPF_K, value, then, otherwise)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define REFUSE(err)   RETURN(SECCOMP_RET_ERRNO | (err))

void confine_memory(void)
{
	const struct rlimit none = {};

	/* may fail under the unit, which sets it itself (LimitCORE) */
	setrlimit(RLIMIT_CORE, &none);
	if (prctl(PR_SET_DUMPABLE, 0))
		log_warn("cannot disable core dumps, which would contain the "
			 "keys");
}

/*
 * Allows threads but no processes: denies clone() without CLONE_THREAD. The
 * flags of clone3() are in memory, which a filter cannot read; if it returns
 * ENOSYS, libc falls back to clone().
 */
static const struct sock_filter head[] = {
	LOAD(arch),
	IF(BPF_JEQ, ARCH_NATIVE, 1, 0),
	REFUSE(EPERM),
	LOAD(nr),
	IF(BPF_JGE, X32_BIT, 0, 1),
	REFUSE(EPERM),
	IF(BPF_JEQ, __NR_clone3, 0, 1),
	REFUSE(ENOSYS),
	IF(BPF_JEQ, __NR_clone, 0, 4),
	LOAD(args[0]), /* the low half: little-endian */
	IF(BPF_JSET, CLONE_THREAD, 0, 1),
	RETURN(SECCOMP_RET_ALLOW),
	REFUSE(EPERM),
};

enum { N_HEAD = sizeof(head) / sizeof(head[0]) };

int confine_syscalls(void)
{
	struct sock_filter code[N_HEAD + 2 * N_DENIED + 1], *at = code;
	struct sock_fprog filter = { .filter = code };
	size_t i;

	if (!ARCH_NATIVE)
		return -ENOSYS;
	for (i = 0; i < N_HEAD; i++)
		*at++ = head[i];
	for (i = 0; i < N_DENIED; i++) {
		*at++ = (struct sock_filter)IF(BPF_JEQ, denied[i], 0, 1);
		*at++ = (struct sock_filter)REFUSE(EPERM);
	}
	*at++ = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	filter.len = (unsigned short)(at - code);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		return errno == EINVAL ? -ENOSYS : -errno;
	return 0;
}
