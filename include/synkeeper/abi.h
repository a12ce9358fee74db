/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: keys and values of the maps, shared by the BPF programs
 * and user space. The daemon writes all of them except counters, tags, sessions
 * and events. Padding is explicit and sizes are asserted, because maps outlive
 * the process that created them: whoever changes a layout changes ABI_VERSION.
 *
 *   settings      [0]            what applies to the whole host
 *   keys          [slot]         cookie keys: two live ones, two that ended
 *   epoch_keys    [place][epoch%64] keys by time, of shared secrets
 *   ports         [port]         is there a service at this port, and which
 *   endpoints     address:port   services at an exact address
 *   local_addrs   prefix         this host's addresses, if it also forwards
 *   route_metrics prefix         what routes say of SYN-ACKs, if any does
 *   route_rules   [v6]           where policy rules lead, if they are not plain
 *   ruled_metrics rule, prefix   what routes say that they lead to
 *   ifaces        [ifindex%256]  what an answer needs to know of the interface
 *   services      [service]      what an id stands for; not used by programs
 *   counters      [service]      per CPU, by reason
 *   monitored     [stats_index()] by reason: what monitoring would have
 *                                dropped or answered
 *   prefixes      [0]            trie of allowed and denied sources; or none
 *   sources       [hash%65536]   SYN-ACKs and RSTs to a prefix in this second
 *   queues        [service]      what was seen of its accept queues; not pinned
 *   refused_sources [hash%4096]  marks, see bpf/path/refused.bpf.h; not pinned
 *   session_tags  [set]          16 bits per session, see session_table.h
 *   session_summary [word]       two summaries of them, see session_summary.h
 *   incomplete_sets [set/64]     one bit per set that may lack a connection
 *   sessions      [way*sets+set] one cache line per session
 *   totals        [stats_index()] its session stats, see stats_rows.h
 *   splices       tuple          connections with a server behind, see splice.h
 *   holds         [hash%holds]   their first data; not pinned
 *   servers       address:port   what servers behind offer
 *   events        ring buffer    events and requests for user space
 *   samples       ring buffer    dropped packets, during a capture
 *   tc_programs   [tc_program]   tail-called by their second instances
 */
#ifndef SYNKEEPER_ABI_H
#define SYNKEEPER_ABI_H

#include "accept_queue.h"
#include "epoch.h"
#include "limits.h"
#include "reasons.h"
#include "synkeeper/session_state.h"
#include "route_maps.h"
#include "session_totals.h"
#include "siphash.h"
#include "splice.h"
#include "types.h"

/*
 * From ABI_TAKEN_OVER on, state (settings, keys, sessions, ...) has the same
 * layout, so it is taken over. 6 has other names of maps (5: "would",
 * "session_marks"), 7 a larger struct endpoint, 8 a larger struct
 * route_metrics, 9 wider tags, a summary of them, and sessions in another
 * order, 10 more maps.
 */
enum { ABI_VERSION = 10, ABI_TAKEN_OVER = 5 };

/*
 * The clock for sessions: CLOCK_MONOTONIC in units of 2^24 ns (16.8 ms), which
 * wraps in 32 bits after two years and dirties a session's cache line at most
 * sixty times a second. Always compare differences.
 */
enum { TICK_SHIFT = 24 };

static __always_inline __u32 ns_to_ticks(__u64 ns)
{
	return (__u32)(ns >> TICK_SHIFT);
}

static __always_inline __u64 ticks_to_ms(__u32 ticks)
{
	return ((__u64)ticks << TICK_SHIFT) / 1000000;
}

/* Time since @then; another CPU may have written a @then ahead of @now. */
static __always_inline __u64 ms_since(__u32 now, __u32 then)
{
	return (__s32)(now - then) < 0 ? 0 : ticks_to_ms(now - then);
}

enum setting_flags {
	SETTING_READY = 1 << 0,	       /* keys and services are in place */
	SETTING_FORWARDING = 1 << 1,   /* check wildcards in local_addrs */
	SETTING_NO_META = 1 << 2,      /* admit without XDP metadata */
	SETTING_TS = 1 << 3,	       /* net.ipv4.tcp_timestamps */
	SETTING_WSCALE = 1 << 4,       /* net.ipv4.tcp_window_scaling */
	SETTING_SACK = 1 << 5,	       /* net.ipv4.tcp_sack */
	SETTING_ECN = 1 << 6,	       /* net.ipv4.tcp_ecn is not 0 */
	SETTING_DISARMED = 1 << 7,     /* all services: shutting down */
	SETTING_WATCHED = 1 << 8,      /* somebody reads session events */
	SETTING_COMPLETE = 1 << 9,     /* except incomplete_sets */
	SETTING_PREFIXES = 1 << 10,    /* check SYNs against prefixes */
	SETTING_SAMPLED = 1 << 11,     /* somebody captures drops */
	SETTING_KERNEL_TS = 1 << 12,   /* net.ipv4.tcp_timestamps is 2 */
	SETTING_REFLECT_TOS = 1 << 13, /* net.ipv4.tcp_reflect_tos */
	SETTING_GUARDED = 1 << 14,     /* any endpoint is armed */
	SETTING_REFUSED = 1 << 15,     /* a source is marked as refused */
	SETTING_QUEUES = 1 << 16,      /* an accept queue is watched */
	SETTING_METRICS = 1 << 17,     /* look into route_metrics */
	SETTING_ROUTE_SCALE = 1 << 18, /* ... for the scale, too */
	SETTING_FLOW_LABEL = 1 << 19,  /* net.ipv6.auto_flowlabels: 1 or 3 */
	SETTING_SPLICE = 1 << 20,      /* an endpoint, or a splice left */
	SETTING_CLUSTER = 1 << 21,     /* keys are those in epoch_keys */
	SETTING_TWO_SECRETS = 1 << 22, /* the other place counts, too */
	SETTING_PLACE_1 = 1 << 23,     /* place 1 makes cookies, not 0 */
};

/* Where the summaries of the session table are, see session_summary.h. */
union summary_places {
	struct {
		__u32 now;
		__u32 next; /* being built; 0: none */
	};
	__u64 both;
};

/* The first three keep their place in all versions: a successor reads them. */
struct settings {
	__u32 abi;
	__u32 flags;	/* enum setting_flags */
	__u32 epoch;	/* lowest bit: slot of the key that makes cookies */
	__u32 set_mask; /* sets - 1; 0: no session table yet */
	__u64 hash_seed;
	__u64 hash_mul; /* odd */
	__u8 ttl;	/* net.ipv4.ip_default_ttl */
	__u8 hop_limit; /* net.ipv6.conf.default.hop_limit */
	__u16 holds;	/* as many there are; since ABI 10 */
	/*
	 * Until this tick an ACK may carry a cookie of the kernel's, from
	 * before the endpoint was armed, although the endpoint uses our own.
	 */
	__u32 kernel_cookies_until;
	__u32 resets_per_second;  /* per CPU, for stray segments; 0: none */
	__u32 synacks_per_second; /* to one source prefix; 0: no cap */
	__u8 source_bits4;	  /* length of that prefix, 1..32 */
	__u8 source_bits6;	  /* 1..64 */
	__u16 sample_service;	  /* sample only this one; 0: all */
	__u32 samples_per_second; /* per CPU */
	__u8 syncookies_before;	  /* enum syncookies: what to restore */
	__u8 forwarding_raised;	  /* enum forwarding_raised, likewise */
	__u8 pad2[2];
	__u64 sample_reasons; /* bit per reason */
	__u32 netns;	      /* inode of the daemon's network namespace */
	__u32 refused_last;   /* ticks; when a source was last marked */
	union summary_places summary; /* since ABI 9 */
	__u32 rows_mask;     /* rows of totals and monitored - 1, likewise */
	__s32 utc_offset_ms; /* UTC less CLOCK_TAI; with SETTING_CLUSTER */
};
_Static_assert(sizeof(struct settings) == 96, "abi");

/* What net.ipv4.tcp_syncookies was before the daemon raised it. */
enum syncookies {
	SYNCOOKIES_KEPT, /* not raised */
	SYNCOOKIES_WAS_0,
	SYNCOOKIES_WAS_1,
};
/* net.ipv4 and ipv6.conf.lo.forwarding, which the daemon found to be 0. */
enum forwarding_raised {
	FORWARDING_RAISED4 = 1 << 0,
	FORWARDING_RAISED6 = 1 << 1,
};
_Static_assert(REASON_COUNT <= 64, "abi");

/* Packed into one byte rather than a __u8, so that bpftool shows the name. */
enum __attribute__((packed)) endpoint_mode {
	ENDPOINT_NONE,	   /* no service */
	ENDPOINT_DISARMED, /* tracks sessions, honours cookies in flight */
	ENDPOINT_ARMED,
	ENDPOINT_MONITOR, /* evaluated as if armed, but passed */
	ENDPOINT_OFF,	  /* disarmed, and the deny list does not apply */
};

/* Who makes an endpoint's cookies. */
enum __attribute__((packed)) cookie_backend {
	COOKIES_OWN,
	COOKIES_KERNEL,
};

enum endpoint_flags {
	ENDPOINT_OFFERS_SACK = 1 << 0, /* only within the programs: */
	ENDPOINT_OFFERS_TS = 1 << 7,   /* what the server is known to offer */
	ENDPOINT_DEFER = 1 << 1, /* TCP_DEFER_ACCEPT: data open connections */
	ENDPOINT_NEEDS_ECN = 1 << 2, /* congestion control such as DCTCP */
	ENDPOINT_FASTOPEN = 1 << 3,  /* TCP_FASTOPEN */
	ENDPOINT_CLAMPED = 1 << 4,   /* TCP_WINDOW_CLAMP: no route's counts */
	ENDPOINT_SPLICE = 1 << 5,    /* the splice owns its connections */
	/* not this host's: any MAC and address, and no socket is asked */
	ENDPOINT_BEHIND = 1 << 6,
};

/*
 * What answering a SYN needs to know of the service and its listener; small
 * enough to be embedded in ports, and aligned so that two loads copy it. Until
 * ABI 6, it ended after the first eight bytes.
 */
struct endpoint {
	__u16 service __attribute__((aligned(8))); /* id, index of counters */
	enum endpoint_mode mode;
	__u8 wscale;	 /* what the server offers */
	__u16 announced; /* the most, as MSS of the SYN-ACK; 0: no bound */
	enum cookie_backend cookies;
	__u8 flags;	/* enum endpoint_flags */
	__u16 mss;	/* the most, in both directions; 0: no bound */
	__u8 hop_limit; /* or TTL, of the SYN-ACK; 0: the host's */
	__u8 tos;	/* or traffic class, of the SYN-ACK */
	__u32 window;	/* of the SYN-ACK, before it is cut to segments */
};
_Static_assert(sizeof(struct endpoint) == 16, "abi");

enum { ENDPOINT_SIZE_6 = 8 };

struct port_services {
	struct endpoint any4; /* wildcard service, IPv4 */
	struct endpoint any6;
	__u32 exact; /* endpoints with this port; 0: do not look */
	__u32 pad;
};
_Static_assert(sizeof(struct port_services) == 40, "abi");

/* Addresses in keys are bytes, so that bpftool shows 192,0,2,1. */
struct endpoint_key {
	__u8 addr[16] __attribute__((aligned(4))); /* IPv4 v4-mapped */
	__be16 port;
	__u16 pad;
};
_Static_assert(sizeof(struct endpoint_key) == 20, "abi");

/* Values of prefixes; keys are struct local_key. The longest prefix decides. */
enum source_kind {
	SOURCE_ALLOWED = 1, /* even inside a denied prefix; no cap */
	SOURCE_DENIED,
};

/*
 * Where a value of sources has what: the second (2^30 ns, modulo 2^16), and
 * what was sent to the prefix in it.
 */
enum source_share { SOURCE_SYNACKS = 0, SOURCE_RESETS = 24 };
enum { SOURCE_SECOND = 48, SOURCE_COUNT_MASK = 0xffffff };

/* Sources behind no gateway, or not behind the usual one. */
enum { HOP_PREFIXES = 8 };

/* The first 64 bits of an address, an IPv4 one in front, as on the wire. */
struct hop_prefix {
	__u64 net;
	__u64 mask;
};

enum __attribute__((packed)) hop_kind {
	HOP_SENDER, /* nothing is known: answers go to the sender */
	HOP_ROUTED, /* the kernel's routes are asked */
	HOP_USUAL,  /* ... but for sources outside of prefixes, and gateway */
};

/* Where answers of one family to what arrives at an interface go. */
struct next_hop {
	__u8 gateway[6];
	enum hop_kind kind;
	__u8 n;	     /* of prefixes */
	__u32 seen;  /* ticks; when the daemon last confirmed it */
	__u8 throws; /* "no route" may be wrong */
	__u8 pad;
	__u16 vlan; /* of the gateway's device, above this one; 0: this one */
	struct hop_prefix prefixes[HOP_PREFIXES];
};
_Static_assert(sizeof(struct next_hop) == 144, "abi");

/*
 * Also written for the VLAN and macvlan devices on a protected one, to be
 * recognised in routes.
 */
struct iface {
	__u32 ifindex; /* 0: slot is free */
	__u8 mac[6];
	__u16 mtu;	 /* 0: about to be detached, make no cookies */
	__u32 device;	 /* what routes name; a bond, for its port */
	__u32 lower;	 /* a VLAN device's; 0: it is none */
	__u16 vlan;	 /* its id */
	__u8 hop_limit6; /* net.ipv6.conf.DEVICE.hop_limit; 0: the host's */
	__u8 pad;
	struct next_hop hop4;
	struct next_hop hop6;
};
_Static_assert(sizeof(struct iface) == 312, "abi");

struct counters {
	__u64 packets[REASON_COUNT];
};

/* The part of a session that changes as one, by compare-and-swap. */
union session_word {
	struct {
		enum session_state state;
		__u8 flags; /* enum session_flags */
		__u16 service;
		__u32 seen; /* ticks; last packet */
	};
	__u64 word;
};

enum session_flags {
	SESSION_REFUSED = 1 << 0, /* the kernel refused it: its RST may go */
	SESSION_RST = 1 << 1,	  /* client sent RST; kernel to be asked */
	/* client FIN seen, not yet confirmed by the kernel's socket */
	SESSION_FIN = 1 << 2,
	SESSION_FIN_BEFORE = 1 << 3,  /* ... since before the last walk */
	SESSION_KERNEL = 1 << 4,      /* opened by a cookie of the kernel's */
	SESSION_DATA_BEHIND = 1 << 5, /* sent data back to back with its ACK */
	SESSION_SPLICED = 1 << 6,     /* has a splice: never evicted */
};

struct session {
	union session_word live;
	struct tuple tuple;
	__u32 born; /* ticks */
	union {
		/*
		 * Pending: for probing the client. Host byte order; both ISNs
		 * 0: the kernel made the handshake.
		 */
		struct {
			__u32 client_isn;
			__u32 server_isn; /* the cookie */
			__u32 client_tsval;
			__u32 server_tsval; /* 0: no timestamps */
		};
		/*
		 * Later: the number that acknowledges each side's FIN, host
		 * byte order. 0: unknown, the FIN was inferred from the
		 * kernel's socket.
		 */
		struct {
			__u32 client_fin;
			__u32 server_fin;
		};
	};
};
_Static_assert(sizeof(struct session) == 64, "a session is one cache line");

/* What a service id stands for; a successor restores the ids from this. */
enum { SERVICE_NAME_MAX = 32 };

struct service_info {
	struct endpoint_key listen; /* wildcard: address zero */
	__u8 used;
	__u8 wildcard;
	__u8 pad[2];
	char name[SERVICE_NAME_MAX];
};
_Static_assert(sizeof(struct service_info) == 56, "abi");

enum { SET_WORDS = SET_WAYS / 4 };

struct session_set {
	__u64 tags[SET_WORDS]; /* 16 bits per way; 0: free */
};
_Static_assert(sizeof(struct session_set) == 32, "abi");

enum event_kind {
	EVENT_STALE_SOCKET = 1, /* request: end the tuple's stale socket */
	EVENT_REFUSED,		/* the listener refused the socket (error) */
	EVENT_SESSION,		/* what: enum session_event */
	EVENT_SOCKET_LOST, /* admitted, then reset (what: cookie_backend) */
	EVENT_SYN_RUSH,	   /* SYNs came to a service that is not armed */
};

struct event {
	__u8 kind; /* enum event_kind */
	__u8 what; /* of EVENT_SESSION, EVENT_SOCKET_LOST */
	__u8 left; /* the previous state */
	__u8 pad;
	__u16 service;
	__u16 pad2;
	__u64 when_ns; /* CLOCK_MONOTONIC */
	struct tuple tuple;
	union {
		__s32 error;
		__u32 age; /* of the session, ticks */
	};
};
_Static_assert(sizeof(struct event) == 56, "abi");

enum tc_program { TC_PROGRAM_IN, TC_PROGRAM_OUT, TC_PROGRAMS };

enum { SAMPLE_BYTES = 128 };

/* A dropped packet. */
struct sample {
	__u64 when_ns; /* CLOCK_MONOTONIC */
	__u32 ifindex;
	__u32 length; /* of the frame */
	__u16 service;
	__u8 reason;   /* enum reason */
	__u8 data_len; /* of data */
	struct tuple tuple;
	__u8 data[SAMPLE_BYTES]; /* from the Ethernet header on */
};
_Static_assert(sizeof(struct sample) == 184 && SAMPLE_BYTES < 256, "abi");

#endif
