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

bool pins_on_bpffs(const char *path);

/* Returns the number of pins removed, -ENOENT if it is not ours, or -errno. */
int pins_remove(const char *pin_dir);

#endif
