/* SPDX-License-Identifier: GPL-2.0-only */
#include "part.h"
#include "state.h"

int parts_start(struct daemon *d)
{
	const struct part *p;
	int err = 0;

	for (p = d->parts; p->name && !err; p++) {
		if (p->start)
			err = p->start(d);
		if (!err)
			d->started++;
	}
	return err;
}

void parts_stop(struct daemon *d)
{
	const struct part *p = d->parts + d->started;

	if (p->name && p->stop) /* stopped even if its start failed */
		p->stop(d);
	while (p-- > d->parts)
		if (p->stop)
			p->stop(d);
	d->started = 0;
}

void parts_detach(struct daemon *d, enum part_detach what)
{
	const struct part *p = d->parts + d->started;

	while (p-- > d->parts)
		if (p->detach)
			p->detach(d, what);
}

int parts_refresh(struct daemon *d)
{
	const struct part *p;
	int err = 0;

	for (p = d->parts; p < d->parts + d->started && !err; p++)
		if (p->refresh)
			err = p->refresh(d);
	return err;
}

void parts_tick(struct daemon *d)
{
	const struct part *p;

	parts_refresh(d);
	for (p = d->parts; p < d->parts + d->started; p++)
		if (p->tick)
			p->tick(d);
}

void parts_configured(struct daemon *d)
{
	const struct part *p;

	for (p = d->parts; p < d->parts + d->started; p++)
		if (p->configured)
			p->configured(d);
}
