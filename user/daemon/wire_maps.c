/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the parts of the data path, wired as wiring.h says:
 * maps, what is written into them, and where the programs are attached.
 */
#include <string.h>

#include "kernel/syncookies.h"
#include "log.h"
#include "maps/settings.h"
#include "state.h"
#include "service/bypass.h"
#include "session/former.h"
#include "wiring.h"

int wire_loader_start(struct daemon *d)
{
	return loader_open(&d->loader, &d->config);
}

void wire_loader_detach(struct daemon *d, enum part_detach what)
{
	if (what == DETACH_ALL)
		loader_unpin(&d->loader);
}

void wire_loader_stop(struct daemon *d)
{
	loader_close(&d->loader);
}

int wire_settings_start(struct daemon *d)
{
	int err = settings_map(&d->loader, &d->settings);

	return err ? err : settings_init(d->settings, &d->loader, &d->config);
}

void wire_settings_detach(struct daemon *d, enum part_detach what)
{
	if (what == DETACH_ALL)
		syncookies_restore(d->settings, 0);
}

void wire_settings_configured(struct daemon *d)
{
	settings_configure(d->settings, &d->config);
}

void wire_settings_stop(struct daemon *d)
{
	settings_unmap(d->settings);
}

int wire_sources_start(struct daemon *d)
{
	int fd, err = sources_build(&d->sources, &fd);

	if (!err)
		err = sources_publish(&d->loader, d->settings, fd);
	sources_forget(&d->sources);
	return err;
}

int wire_cluster_start(struct daemon *d)
{
	return cluster_start(&d->cluster,
			     loader_map_fd(&d->loader, MAP_EPOCH_KEYS),
			     d->settings, &d->config);
}

void wire_cluster_tick(struct daemon *d)
{
	cluster_tick(&d->cluster);
}

void wire_cluster_stop(struct daemon *d)
{
	cluster_stop(&d->cluster);
}

int wire_keys_start(struct daemon *d)
{
	return keys_init(&d->keys, loader_map_fd(&d->loader, MAP_KEYS),
			 d->settings, d->config.key_lifetime_ms * 1000000ULL,
			 d->loader.kept_keys, &d->cluster);
}

void wire_keys_configured(struct daemon *d)
{
	keys_set_lifetime(&d->keys, d->config.key_lifetime_ms * 1000000ULL);
}

int wire_host_start(struct daemon *d)
{
	host_init(&d->host, d->settings,
		  loader_map_fd(&d->loader, MAP_LOCAL_ADDRS));
	return 0;
}

void wire_host_stop(struct daemon *d)
{
	host_free(&d->host);
}

int wire_host_refresh(struct daemon *d)
{
	int err = host_poll(&d->host);

	/* an earlier instance may have been killed while it drained */
	if (!err && !d->ending)
		settings_clear(d->settings, SETTING_DISARMED);
	return err;
}

int wire_next_hops_start(struct daemon *d)
{
	const struct route_metrics_maps maps = {
		.settings = d->settings,
		.metrics = loader_map_fd(&d->loader, MAP_ROUTE_METRICS),
		.rules = loader_map_fd(&d->loader, MAP_ROUTE_RULES),
		.ruled = loader_map_fd(&d->loader, MAP_RULED_METRICS),
	};

	next_hops_init(&d->next_hops, d->settings, &maps);
	return 0;
}

int wire_next_hops_refresh(struct daemon *d)
{
	if (!d->ending)
		next_hops_poll(&d->next_hops);
	return 0;
}

void wire_next_hops_detach(struct daemon *d, enum part_detach what)
{
	if (what == DETACH_ALL)
		next_hops_restore(&d->next_hops);
}

void wire_next_hops_stop(struct daemon *d)
{
	next_hops_free(&d->next_hops);
}

int wire_sessions_start(struct daemon *d)
{
	int err = totals_map(&d->loader, &d->totals);

	return err ? err
		   : sessions_init(&d->sessions, &d->loader, d->settings,
				   &d->totals, watch_tell, &d->watch);
}

void wire_sessions_stop(struct daemon *d)
{
	sessions_free(&d->sessions);
	totals_unmap(&d->totals);
}

int wire_owner_start(struct daemon *d)
{
	int err = rawtcp_open(&d->raw);

	d->splices = (struct splices){
		.fd = loader_map_fd(&d->loader, MAP_SPLICES),
		.raw = &d->raw,
	};
	return err ? err : owner_open(&d->splices, &d->owner);
}

void wire_owner_stop(struct daemon *d)
{
	owner_close(d->owner);
	rawtcp_close(&d->raw);
}

static bool is_behind(const struct tuple *t, void *services)
{
	return services_flags_at(services, t->server, t->server_port) &
	       ENDPOINT_BEHIND;
}

/* Connections from before the interface was attached are unknown. */
static void on_iface_came(void *daemon)
{
	struct daemon *d = daemon;

	resync_now(&d->resync, false);
}

int wire_ifaces_start(struct daemon *d)
{
	const struct ifaces_deps deps = { .loader = &d->loader,
					  .hops = &d->next_hops,
					  .config = &d->config,
					  .came = on_iface_came,
					  .data = d };

	ifaces_init(&d->ifaces, &deps);
	return 0;
}

int wire_attachments_start(struct daemon *d)
{
	return ifaces_attach(&d->ifaces);
}

/* What was not moved, or came since it was, is entered from its socket. */
int wire_former_start(struct daemon *d)
{
	if (former_move(&d->loader, &d->sessions, &d->totals))
		resync_now(&d->resync, false);
	return 0;
}

int wire_ifaces_refresh(struct daemon *d)
{
	ifaces_poll(&d->ifaces);
	return 0;
}

void wire_ifaces_detach(struct daemon *d, enum part_detach what)
{
	if (what == DETACH_RETIRED)
		ifaces_detach_retired(&d->ifaces);
	else
		ifaces_detach(&d->ifaces, what == DETACH_ALL);
}

void wire_ifaces_stop(struct daemon *d)
{
	ifaces_close(&d->ifaces);
}

int wire_nat_start(struct daemon *d)
{
	int err = nat_init(&d->totals, &d->nat);

	if (err)
		log_err("cannot set up the services: %s", strerror(-err));
	return err;
}

void wire_nat_stop(struct daemon *d)
{
	nat_free(d->nat);
}

int wire_services_start(struct daemon *d)
{
	size_t i;
	int err;

	err = services_init(&d->loader, &d->totals, d->nat, &d->services);
	if (!err)
		services_hold(d->services, d->config.gateway.hold);
	if (!err)
		err = bypasses_init(&d->bypasses);
	for (i = 0; i < d->config.n_services && !err; i++)
		err = services_add(d->services, &d->config.services[i], NULL);
	if (err) {
		log_err("cannot set up the services: %s", strerror(-err));
		return err;
	}
	services_drain_rest(d->services, keys_cookie_life(&d->keys));
	owner_set_behind(d->owner, is_behind, d->services);
	return 0;
}

int wire_services_refresh(struct daemon *d)
{
	struct endpoints_changes changes;
	int err;

	services_reached_by(d->services, ifaces_only(&d->ifaces));
	services_look(d->services);
	bypasses_look(d->bypasses, d->nat, &d->ifaces, d->services);
	err = services_apply(d->services, d->owner, &d->host.net, d->settings,
			     &changes);
	if (!err && (changes.armed || changes.own))
		resync_now(&d->resync, changes.own);
	if (d->host.proxies != nat_proxies(d->nat)) {
		d->host.proxies = !d->host.proxies;
		host_poll(&d->host);
	}
	return err;
}

void wire_services_stop(struct daemon *d)
{
	owner_set_behind(d->owner, NULL, NULL);
	bypasses_free(d->bypasses);
	services_free(d->services);
}

int wire_pins_start(struct daemon *d)
{
	pin_watch_init(&d->pins, &d->loader, &d->ifaces);
	return loader_pin(&d->loader);
}

void wire_pins_tick(struct daemon *d)
{
	if (!d->ending)
		pin_watch_look(&d->pins);
}
