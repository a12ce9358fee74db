/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: confine.c in a child, whose exit code reports the result
 * of a call. Needs no namespace, daemon or privileges.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/confine.h"
#include "testmain.h"

enum { NOT_CONFINED = 99, NO_FILTERS = 98 };

/* What @call returns behind the filter: 0, or the errno it failed with. */
static int confined(int (*call)(void))
{
	int status, err;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		err = confine_syscalls();
		if (err)
			_exit(err == -ENOSYS ? NO_FILTERS : NOT_CONFINED);
		_exit(call() < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), NOT_CONFINED);
	if (WEXITSTATUS(status) == NO_FILTERS) {
		fputs("this kernel or architecture has no filters\n", stderr);
		skip();
	}
	return WEXITSTATUS(status);
}

static int run_true(void)
{
	char *args[] = { "true", NULL }, *env[] = { NULL };

	return execve("/bin/true", args, env);
}

static int make_process(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid;
}

static int make_by_vfork(void)
{
	return (int)syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0,
			    0, 0);
}

static int leave_netns(void)
{
	return unshare(CLONE_NEWNET);
}

static int mount_tmpfs(void)
{
	return mount("none", "/nonexistent", "tmpfs", 0, NULL);
}

static int trace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int load_module(void)
{
	return (int)syscall(SYS_init_module, NULL, 0, "");
}

static int use_uring(void)
{
	return (int)syscall(SYS_io_uring_setup, 0, NULL);
}

static int read_keys(void)
{
	return (int)syscall(SYS_keyctl, 0, 0, 0, 0, 0);
}

static void test_what_is_never_needed_is_refused(void **state)
{
	int (*const calls[])(void) = { run_true,    make_process, make_by_vfork,
				       leave_netns, mount_tmpfs,  trace,
				       load_module, use_uring,	  read_keys };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (confined(calls[i]) != EPERM)
			fail_msg("call %zu: expected EPERM, got %d", i,
				 confined(calls[i]));
}

static void *count(void *data)
{
	*(int *)data += 1;
	return NULL;
}

static int make_thread(void)
{
	pthread_t thread;
	int n = 0, err = pthread_create(&thread, NULL, count, &n);

	errno = err;
	return err || pthread_join(thread, NULL) || n != 1 ? -1 : 0;
}

static int use_files_and_sockets(void)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fd;
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? fd : close(fd);
}

static void test_the_rest_works(void **state)
{
	(void)state;
	assert_int_equal(confined(make_thread), 0);
	assert_int_equal(confined(use_files_and_sockets), 0);
}

static int core_is_forbidden(void)
{
	struct rlimit r;

	confine_memory();
	errno = EPROTO;
	return getrlimit(RLIMIT_CORE, &r) || r.rlim_cur || r.rlim_max ||
			       prctl(PR_GET_DUMPABLE)
		       ? -1
		       : 0;
}

static void test_core_dump_would_hold_the_keys(void **state)
{
	(void)state;
	assert_int_equal(confined(core_is_forbidden), 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_what_is_never_needed_is_refused),
	cmocka_unit_test(test_the_rest_works),
	cmocka_unit_test(test_core_dump_would_hold_the_keys),
};

TEST_MAIN(tests)
