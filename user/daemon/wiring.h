/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the functions named in the table of daemon.c: each gives
 * a part what it needs and nothing else. wire_PART_HOOK() is PART's HOOK, see
 * part.h.
 */
#ifndef WIRING_H
#define WIRING_H

#include "part.h"

/* ---- wire_maps.c: the data path ---- */

int wire_loader_start(struct daemon *d);
void wire_loader_detach(struct daemon *d, enum part_detach what);
void wire_loader_stop(struct daemon *d);
int wire_settings_start(struct daemon *d);
void wire_settings_detach(struct daemon *d, enum part_detach what);
void wire_settings_configured(struct daemon *d);
void wire_settings_stop(struct daemon *d);
int wire_sources_start(struct daemon *d);
int wire_cluster_start(struct daemon *d);
void wire_cluster_tick(struct daemon *d);
void wire_cluster_stop(struct daemon *d);
int wire_keys_start(struct daemon *d);
void wire_keys_configured(struct daemon *d);
int wire_host_start(struct daemon *d);
int wire_host_refresh(struct daemon *d);
void wire_host_stop(struct daemon *d);
int wire_next_hops_start(struct daemon *d);
int wire_next_hops_refresh(struct daemon *d);
void wire_next_hops_detach(struct daemon *d, enum part_detach what);
void wire_next_hops_stop(struct daemon *d);
int wire_sessions_start(struct daemon *d);
void wire_sessions_stop(struct daemon *d);
int wire_owner_start(struct daemon *d);
void wire_owner_stop(struct daemon *d);
int wire_ifaces_start(struct daemon *d);
int wire_attachments_start(struct daemon *d);
int wire_former_start(struct daemon *d);
int wire_ifaces_refresh(struct daemon *d);
void wire_ifaces_detach(struct daemon *d, enum part_detach what);
void wire_ifaces_stop(struct daemon *d);
int wire_nat_start(struct daemon *d);
void wire_nat_stop(struct daemon *d);
int wire_services_start(struct daemon *d);
int wire_services_refresh(struct daemon *d);
void wire_services_stop(struct daemon *d);
int wire_pins_start(struct daemon *d);
void wire_pins_tick(struct daemon *d);

/* ---- wire_loop.c: what works on the loop ---- */

int wire_key_timer_start(struct daemon *d);
void wire_key_timer_stop(struct daemon *d);
int wire_nat_events_start(struct daemon *d);
int wire_events_start(struct daemon *d);
void wire_events_stop(struct daemon *d);
int wire_reaper_start(struct daemon *d);
void wire_reaper_configured(struct daemon *d);
void wire_reaper_stop(struct daemon *d);
int wire_lingering_start(struct daemon *d);
void wire_lingering_stop(struct daemon *d);
int wire_summary_start(struct daemon *d);
void wire_summary_stop(struct daemon *d);
int wire_resync_start(struct daemon *d);
void wire_resync_stop(struct daemon *d);
int wire_arm_start(struct daemon *d);
int wire_arm_refresh(struct daemon *d);
void wire_arm_stop(struct daemon *d);
int wire_link_events_start(struct daemon *d);
int wire_route_events_start(struct daemon *d);
void wire_link_events_stop(struct daemon *d);
int wire_attacks_start(struct daemon *d);
void wire_attacks_stop(struct daemon *d);
int wire_control_start(struct daemon *d);
void wire_control_stop(struct daemon *d);
int wire_watch_start(struct daemon *d);
void wire_watch_tick(struct daemon *d);
void wire_watch_stop(struct daemon *d);
int wire_metrics_start(struct daemon *d);
void wire_metrics_stop(struct daemon *d);

#endif
