// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: runs frames through the whole data path, natively (see
 * native/native.h, scenario.h). For each frame:
 *
 *	nothing outside of the frame is accessed (ASan)
 *	one reason is counted, and the verdict is that of reason_table.h
 *	what passes or is dropped is unchanged; metadata only where admitted
 *	an answer satisfies answer.h
 *	if the kernel is asked, then for the packet's own 4-tuple
 *	a listener makes a cookie for a SYN that gets it, and for no other
 *
 * and after all steps the session stats agree with the table, and a good client
 * is served as if there had been no frames (stranger.h).
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"
#include "stranger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strangers strangers;
	struct scenario s;
	struct play play;
	struct step step;

	strangers_absent(&strangers, data, size);
	scenario_begin(&s, data, size);
	play_begin(&play, &s);
	while (scenario_next(&s, &step))
		play_step(&play, &step);
	play_end(&play);
	strangers_gone(&strangers, &play);
	play_end(&play);
	return 0;
}
