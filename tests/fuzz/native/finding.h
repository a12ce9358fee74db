/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FUZZ_FINDING_H
#define FUZZ_FINDING_H

/* Ends the process as a finding. */
__attribute__((noreturn, format(printf, 1, 2))) void finding(const char *fmt,
							     ...);

#endif
