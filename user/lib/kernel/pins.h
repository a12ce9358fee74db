/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the end of a pin directory, for the daemon and for
 * `synkeeper down` after one that died. First the programs are told to pass
 * everything, then links go, which detaches them, and what was attached by
 * hand; programs and maps last. A directory that is not Synkeeper's (it has no
 * maps/settings, or is no bpf file system) is left alone. The caller holds the
 * directory's lock, see loader.h.
 */
#ifndef PINS_H
#define PINS_H

#include <stdbool.h>

/* The programs' names in the directory. */
enum { PINS_PROGRAMS = 4 };
extern const char *const pins_programs[PINS_PROGRAMS];

enum { PINS_NAME_LEN = 16 };

/*
 * Is XDP program @prog_fd one of ours, whichever instance loaded it? Told by
 * the beginning of its name, which @ret_name gets, "?" if the kernel does not
 * tell.
 */
bool pins_is_ours(int prog_fd, char ret_name[PINS_NAME_LEN]);

/*
 * Before the end: no cookie is made any more, and those in flight have
 * PINS_DRAIN_MS to come back.
 */
enum { PINS_DRAIN_MS = 2000 };
void pins_disarm(const char *pin_dir);

/*
 * After the end: what the daemon changed of net.ipv4.tcp_syncookies. Returns
 * the value that was restored, or -1: nothing was to be done. *@ret_forwarding:
 * forwarding_restore()'s.
 */
int pins_restore(const char *pin_dir, unsigned int *ret_forwarding);

bool pins_on_bpffs(const char *path);

/*
 * Opens a pin directory, which whoever can change it owns: programs and links
 * are taken from it, and its lock says who runs. So it and the two in it must
 * belong to root or to this process' user and be closed to others, nobody else
 * may be able to replace a directory above it, and no part of the path may be a
 * symbolic link. Returns a descriptor, which is the caller's, or -errno; with
 * -EPERM, @ret_why says what is wrong and the way out.
 */
enum { PINS_WHY_MAX = 512 };
int pins_open(const char *pin_dir, char ret_why[PINS_WHY_MAX]);

/* Who has the lock on the directory open as @dir_fd; 0: not known. */
int pins_holder(int dir_fd);

/*
 * Returns the number of pins removed, -ENOENT if it is not ours, or -errno as
 * pins_open().
 */
int pins_remove(const char *pin_dir);

#endif
