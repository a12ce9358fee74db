/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "pin_watch.h"
#include "process/reserve.h"

void pin_watch_init(struct pin_watch *w, struct loader *l,
		    const struct ifaces *ifaces)
{
	*w = (struct pin_watch){ .loader = l, .ifaces = ifaces };
}

/* Restores missing pins. Returns how many, or -errno. */
static int put_back(const struct pin_watch *w)
{
	int n = loader_repin(w->loader), more;

	if (n < 0)
		return n;
	more = ifaces_repin(w->ifaces);
	return more < 0 ? more : n + more;
}

void pin_watch_look(struct pin_watch *w)
{
	const char *dir = w->loader->pin_dir;
	int n;

	if (w->gone && !backoff_due(&w->retry))
		return;
	reserve_give();
	n = put_back(w);
	reserve_take();
	if (n > 0)
		log_warn("%s: %d pins had been removed and were restored", dir,
			 n);
	if (n == -ENOENT && !w->gone)
		log_warn("%s is gone (was its file system unmounted?): "
			 "protection goes on, but ends with this process: "
			 "restart synkeeperd when convenient",
			 dir);
	else if (n < 0 && !w->gone)
		log_warn("%s: pins were removed and cannot be restored: %s: "
			 "protection goes on, but ends with this process",
			 dir, strerror(-n));
	w->gone = n < 0;
}
