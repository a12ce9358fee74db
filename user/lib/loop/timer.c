/* SPDX-License-Identifier: GPL-2.0-only */
#include <time.h>

#include "timer.h"

int timer_add(sd_event *loop, sd_event_source **ret,
	      enum timer_accuracy accuracy, sd_event_time_handler_t on,
	      void *data)
{
	int err;

	*ret = NULL;
	err = sd_event_add_time_relative(loop, ret, CLOCK_MONOTONIC, 0,
					 accuracy, on, data);

	if (err >= 0)
		err = sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
	if (err < 0)
		*ret = timer_free(*ret);
	return err < 0 ? err : 0;
}

int timer_set(sd_event_source *timer, __u64 us)
{
	int err = sd_event_source_set_time_relative(timer, us);

	if (err >= 0)
		err = sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
	return err < 0 ? err : 0;
}

bool timer_is_set(sd_event_source *timer)
{
	int enabled;

	return sd_event_source_get_enabled(timer, &enabled) > 0;
}

sd_event_source *timer_free(sd_event_source *timer)
{
	return sd_event_source_disable_unref(timer);
}
