/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: removes a pin directory, for the daemon, and for
 * `synkeeper down` when the daemon has died. First the programs are set to pass
 * everything; then links go, which detaches programs, and those that were
 * attached by hand are detached; programs and maps go last. A directory that is
 * not Synkeeper's (it has no maps/settings, or is not on a bpf file system) is
 * left alone. The caller holds the directory's lock, see loader.h.
 */
#ifndef PINS_H
#define PINS_H

#include <stdbool.h>

/* The programs' names in the directory. */
enum { PINS_PROGRAMS = 4 };
extern const char *const pins_programs[PINS_PROGRAMS];

enum { PINS_NAME_LEN = 16 };

/*
 * Is XDP program @prog_fd one of ours, from any instance? The prefix of its
 * name decides; @ret_name gets the name, "?" if unknown.
 */
bool pins_is_ours(int prog_fd, char ret_name[PINS_NAME_LEN]);

/*
 * Before pins_remove(): no more cookies are made, and those in flight have
 * PINS_DRAIN_MS to come back.
 */
enum { PINS_DRAIN_MS = 2000 };
void pins_disarm(const char *pin_dir);

/*
 * Restores net.ipv4.tcp_syncookies if the daemon changed it. Returns the
 * restored value, or -1: nothing to do. *@ret_forwarding:
 * forwarding_restore()'s.
 */
int pins_restore(const char *pin_dir, unsigned int *ret_forwarding);

bool pins_on_bpffs(const char *path);

/*
 * Opens a pin directory. Whoever can change it controls Synkeeper: programs and
 * links are taken from it, and its lock says which daemon runs. So it and the
 * two directories in it must belong to root or to this process' user and be
 * closed to others, nobody else may be able to replace a directory above it,
 * and no part of the path may be a symbolic link. Returns a descriptor, which
 * the caller closes, or -errno; with -EPERM, @ret_why says what is wrong and
 * what to do.
 */
enum { PINS_WHY_MAX = 512 };
int pins_open(const char *pin_dir, char ret_why[PINS_WHY_MAX]);

/* The process that holds the lock of the directory @dir_fd; 0: unknown. */
int pins_holder(int dir_fd);

/*
 * Returns the number of pins removed, -ENOENT if the directory is not ours, or
 * -errno as pins_open().
 */
int pins_remove(const char *pin_dir);

#endif
