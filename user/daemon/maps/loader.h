/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the life cycle of the BPF object. loader_open() claims
 * the pin directory (by a lock on the directory itself, which the kernel
 * releases however the daemon exits), takes over the maps that an earlier
 * instance left there, loads the programs and pins everything:
 *
 *	PIN_DIR/xdp, xdp_frags, tc, egress	programs
 *	PIN_DIR/maps/NAME		maps
 *	PIN_DIR/links/xdp_N, tc_N, ...	attachments, see attach.h
 *
 * State (settings, keys, sessions, ...) is taken over. Maps that the daemon
 * derives from the host and its configuration are replaced by new ones if their
 * layout is another version's, and so are the session table and the totals of
 * an ABI before 9, which are moved later (session/former.h, totals.h). If the
 * layout of other state is another's, all maps are replaced: the sessions are
 * adopted again from their sockets, and the cookie keys are kept if their
 * layout is the same, so cookies in flight stay valid. In either case, the new
 * programs take the place of the old ones once their maps are filled, so there
 * is no gap.
 */
#ifndef LOADER_H
#define LOADER_H

#include "config/config.h"
#include "kernel/feature.h"
#include "synkeeper/abi.h"

struct bpf_map;
struct synkeeper_bpf;

/*
 * Maps by their role; file descriptors owned by the loader. Those that no
 * successor needs, and nobody reads, are not among them.
 */
enum loader_map {
	MAP_SETTINGS,
	MAP_KEYS,
	MAP_EPOCH_KEYS,
	MAP_PORTS,
	MAP_ENDPOINTS,
	MAP_LOCAL_ADDRS,
	MAP_ROUTE_METRICS,
	MAP_ROUTE_RULES,
	MAP_RULED_METRICS,
	MAP_IFACES,
	MAP_SERVICES,
	MAP_COUNTERS,
	MAP_MONITORED,
	MAP_PREFIXES,
	MAP_SOURCES,
	MAP_SESSION_TAGS,
	MAP_SESSION_SUMMARY,
	MAP_INCOMPLETE_SETS,
	MAP_SESSIONS,
	MAP_TOTALS,
	MAP_EVENTS,
	MAP_SAMPLES,
	MAP_TC_PROGRAMS,
	MAP_SPLICES,
	MAP_SERVERS,
	MAP_COUNT
};

struct loader {
	struct synkeeper_bpf *skel;
	const char *pin_dir; /* the config's */
	int lock_fd;	     /* the pin directory */
	/* the table of an instance with another layout, see former.h; or -1 */
	int former_tags_fd, former_sessions_fd;
	int former_totals_fd; /* with other rows, see totals.h; or -1 */
	bool made_dir;
	bool took_over; /* an earlier instance's maps are in use */
	bool replaces;	/* some of them, or all, are new */
	bool kept_keys; /* its keys are in the maps */
	bool splices;	/* there is room for spliced connections */
	/* after a takeover: the earlier instance's did not fit */
	bool fresh[MAP_COUNT];
	bool has[FEATURES]; /* of the kernel */
};

/* A closed loader: loader_close() has nothing to close. */
#define LOADER_CLOSED                                                          \
	{                                                                      \
		.lock_fd = -1, .former_tags_fd = -1, .former_sessions_fd = -1, \
		.former_totals_fd = -1,                                        \
	}

/*
 * Returns 0 or -errno, logged. A failed loader_open() leaves nothing behind;
 * -EBUSY: another instance holds the pin directory.
 */
int loader_open(struct loader *l, const struct config *c);
int loader_pin(struct loader *l);
int loader_map_fd(const struct loader *l, enum loader_map map);
/* Rows of @map, which has one for each CPU, or for a few. */
__u32 loader_rows(const struct loader *l, enum loader_map map);
/* How many clients' first data can be held. */
__u32 loader_holds(const struct loader *l);
const char *loader_map_name(const struct loader *l, enum loader_map map);
/*
 * Maps the first @size bytes of @map into memory, read-write. Returns NULL and
 * errno on failure. loader_munmap() accepts NULL.
 */
void *loader_mmap(const struct loader *l, enum loader_map map, size_t size);
void loader_munmap(void *at, size_t size);
int loader_xdp_fd(
	const struct loader *l); /* for skb mode, or if attached by hand */
int loader_xdp_frags_fd(const struct loader *l); /* for native mode */
/* -1 without FEATURE_ASSIGN and splices: nothing to do on ingress. */
int loader_tc_fd(const struct loader *l);
int loader_egress_fd(const struct loader *l);
/*
 * The second instance of the ingress or egress tc program, for moving in front
 * of a foreign one (see attach.h). -1 if there is none.
 */
int loader_front_fd(const struct loader *l, enum tc_program which);

/* The skeleton's. NULL: @l is not open. */
struct bpf_map *loader_map(const struct loader *l, enum loader_map map);

/*
 * takeover.c: uses an earlier instance's maps, or finds that some or all must
 * be replaced (@l->took_over, @l->replaces, @l->fresh). Called between opening
 * and loading the skeleton. Returns -errno if they cannot be used.
 */
int loader_take_over(struct loader *l);
/* Copies what those hold that are replaced beside others that are not. */
void loader_carry(struct loader *l);
/* Copies keys and epoch if all are replaced, see @l->kept_keys. */
void loader_inherit_keys(struct loader *l);
/* Writes where a map of ABI_TAKEN_OVER was pinned; false: where it still is. */
bool loader_former_path(const struct loader *l, enum loader_map map, char *path,
			size_t size);

/*
 * claim.c. Makes sure that the pin directory's parent is a bpffs; mounts the
 * default one. Returns 0 or -errno, logged.
 */
int loader_ensure_bpffs(const char *pin_dir);
/* Creates the directory if there is none, and locks it; -EBUSY as above. */
int loader_claim(struct loader *l);
/* Is the locked pin directory still the one at its path? */
bool loader_holds_dir(const struct loader *l);

/*
 * repin.c: restores missing pins, and the directory itself if its file system
 * is still mounted. Returns how many pins, or -errno:
 * -ENOENT: the file system is gone; -EBUSY: another instance has the directory.
 */
int loader_repin(struct loader *l);

/* Removes every pin; the last reference to a pinned link detaches it. */
void loader_unpin(struct loader *l);
/* Releases the lock and the descriptors; pins stay. */
void loader_close(struct loader *l);

#endif
