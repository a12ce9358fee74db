/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: after loading, the daemon needs CAP_NET_ADMIN (to end
 * sockets through sock_diag and to detach) and CAP_BPF (required by older
 * kernels for every map access), and nothing else, not even through exec of a
 * setuid program.
 */
#include <cap-ng.h>
#include <errno.h>
#include <sys/prctl.h>

#include "confine.h"
#include "log.h"

int caps_drop(void)
{
	capng_select_t sets = CAPNG_SELECT_CAPS;

	/* else the bounds are the unit's, and libcap-ng 0.8.5 fails */
	if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		sets = CAPNG_SELECT_BOTH;
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
			  CAP_NET_ADMIN, CAP_BPF, -1) ||
	    capng_apply(sets) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
		log_err("cannot drop capabilities");
		return -EPERM;
	}
	return 0;
}
