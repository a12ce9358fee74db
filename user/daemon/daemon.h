/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon's whole state. daemon.c builds it step
 * by step and runs the loop; requests.c answers the operator from it.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include <jansson.h>
#include <systemd/sd-event.h>

#include "iface/attach.h"
#include "control/control_server.h"
#include "kernel/device.h"
#include "keys/keys.h"
#include "metrics/metrics_server.h"
#include "host/nat.h"
#include "session/reaper.h"
#include "service/services.h"
#include "session/sessions.h"
#include "service/sources.h"

struct ring_buffer;

/* census.c: what the kernel has, to know that the table is complete. */
struct census {
	struct sockdiag *diag; /* its own: a dump may be half read */
	sd_event_source *timer;
	__u8 family; /* being dumped; 0: none */
	bool enter;  /* what is unknown; else mark its set */
	bool again;  /* something was armed meanwhile */
};

/* The devices of this namespace, see devices.c. */
struct devices {
	struct device *all;
	size_t n;
	struct mnl_socket *nl;
};

struct daemon {
	struct config config;
	struct source_list sources; /* its lists; entries until in force */
	/*
	 * Reads flags and file anew. As config_load(); @ret is to be freed
	 * only if it returned 0.
	 */
	int (*configure)(struct config *ret, char *err);
	struct loader loader;
	struct settings *settings; /* the map, mapped */
	struct netconf net;
	struct keys keys;
	struct nat *nat;
	struct services *services;
	struct sessions sessions;
	struct reaper reaper;
	struct census census;
	struct arm *arm;
	struct attacks *attacks;
	struct sockdiag *diag;
	struct ring_buffer *events;
	__u64 events_until_ns; /* end of the slice in which they are read */
	struct devices devices;
	struct mnl_socket *link_events;
	sd_event_source *link_source, *link_timer;
	__u64 link_looked_ns;
	struct attachment ifaces[2 * CONFIG_IFACES_MAX]; /* and retired */
	size_t n_ifaces;
	struct control_server *control;
	struct metrics_server *metrics; /* NULL: not served */
	sd_event *loop;
	sd_event_source *key_timer;
	sd_event_source *tick_timer;
	__u64 started_ns;
	time_t started_s;	/* since 1970 */
	bool adrift;		/* the pins are gone, see follow_pins() */
	struct backoff to_pin;	/* and are to be put back */
	bool ending;		/* disarmed; detaches when the drain is over */
	__u64 looked_again_ns;	/* because of an event, see events.c */
	__u64 offer_changed_ns; /* when the host's TCP options last changed */
	__u64 cookies_sent;	/* the kernel's own, and when last */
	__u64 cookies_sent_ns;
};

/* Protects until it is told to end. Logs what failed and returns -errno. */
int daemon_run(struct daemon *d);
void daemon_free(struct daemon *d);

/* Reads listeners and settings anew and applies what changed. */
int daemon_refresh(struct daemon *d);

/*
 * Ends the loop: at once and leaving the data path (EXIT_KEEP), or after the
 * cookies in flight came back (EXIT_DETACH), so that nobody's handshake is cut.
 * Called again, it ends at once.
 */
void daemon_end(struct daemon *d, enum config_exit how);

/*
 * reload.c: reads the configuration anew and applies what is different. All of
 * it, and *@ret_report (see control.h) is the caller's; or nothing, and @err
 * (CONFIG_ERR_MAX bytes) says why.
 */
int daemon_reload(struct daemon *d, json_t **ret_report, char *err);

/* Sets the key's timer to when its lifetime ends. */
void daemon_time_key(struct daemon *d);

/* Rotates the key and sets the timer for the next time. */
int daemon_rotate(struct daemon *d);

/* settings.c: maps the settings; makes what is made once; follows the host. */
int settings_map(struct daemon *d);
int settings_init(struct daemon *d);
void settings_configure(struct daemon *d);

/* Returns 0, or -errno if nothing is known of the host yet. */
int settings_follow(struct daemon *d);

/* devices.c. 0, or -errno and the list is as it was. */
int devices_read(struct devices *d);
void devices_free(struct devices *d);
/* NULL: unknown, which is in no trouble. */
const struct device *devices_find(const struct devices *d, int ifindex);
bool devices_works(const struct devices *d, int ifindex,
		   struct device_trouble *ret);
/* The host's address in frames that arrive at a device; false: unknown. */
bool devices_mac(const struct devices *d, int ifindex, __u8 ret[6]);
/* The bond that a device is a port of, or 0. */
int devices_bond(const struct devices *d, int ifindex);

/* link_events.c: ifaces_follow() as soon as something changes. */
int link_events_start(struct daemon *d);
void link_events_stop(struct daemon *d);

/* ifaces.c. @found: also what was attached before this start. */
int ifaces_attach(struct daemon *d);
/*
 * One more, as @c wants it; one that is missing is waited for. Logs what failed;
 * nothing is attached then.
 */
int ifaces_add(struct daemon *d, const struct config *c, const char *name);
/* At once. */
void ifaces_remove(struct daemon *d, const char *name);
/* When cookies in flight have come back; returns whether that takes a while. */
bool ifaces_retire(struct daemon *d, const char *name);
/*
 * Gone, back, renamed, with another MAC; detached by others or not first any
 * more; retired and due.
 */
void ifaces_follow(struct daemon *d);
bool ifaces_protect(const struct daemon *d);
void ifaces_detach(struct daemon *d, bool found);
void ifaces_detach_retired(struct daemon *d);
void ifaces_close(struct daemon *d);

/*
 * Answers one request (see control.h). Returns the reply, to be released with
 * json_decref().
 */
json_t *request_answer(struct control_client *client, const char *line,
		       size_t len, void *daemon);

/*
 * stats.c: what MAP_COUNTERS (summed over the CPUs) or MAP_WOULD has of the
 * services @first and up, @n of them. Service 0: traffic to none.
 */
int stats_read(const struct daemon *d, enum loader_map map, __u32 first,
	       __u32 n, struct counters *ret);
/* Of all there are, by id; an array of SERVICES_MAX that is the caller's. */
int stats_read_all(const struct daemon *d, enum loader_map map,
		   struct counters **ret);

/* Takes what the BPF programs report; an sd-event source on the ring. */
int events_start(struct daemon *d);

int census_start(struct daemon *d);
void census_stop(struct daemon *d);
/*
 * A service was armed just now: enters every connection there is. @kernels: it
 * answered with the kernel's cookies so far.
 */
void census_now(struct daemon *d, bool kernels);

/* arm.c: policy auto. arm_follow(): there may be services of it now. */
int arm_start(struct daemon *d);
void arm_follow(struct daemon *d);
void arm_stop(struct daemon *d);

/* watch.c: tells watchers; turns the events on while there are any. */
void watch_tell(void *daemon, const struct event *e);
void watch_follow(struct daemon *d);
/*
 * Makes a client a watcher of what @f matches. Returns 0, -ENOMEM or -EBUSY:
 * there are as many as may be.
 */
int watch_add(struct daemon *d, struct control_client *c,
	      const struct filter *f);

/* Which drops a client wants samples of. */
struct watch_samples {
	__u64 reasons;	   /* bit per reason */
	__u16 service;	   /* 0: all */
	unsigned int rate; /* a second */
};

void watch_sample(struct daemon *d, const struct sample *s);
int watch_add_samples(struct daemon *d, struct control_client *c,
		      const struct watch_samples *want);

/* Keeps CAP_NET_ADMIN and CAP_BPF, drops the rest for good. */
int caps_drop(void);

#endif
