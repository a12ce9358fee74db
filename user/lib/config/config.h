/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the daemon's configuration, from flags and an INI file,
 * in one struct. config_load() reads a file into it, the flags in synkeeperd.c
 * set the same members; nothing else knows where a value came from. A
 * configuration that is incomplete or invalid is not used at all.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <net/if.h>
#include <stddef.h>
#include <stdio.h>

#include "synkeeper/control.h" /* for config_table.h: its defaults */
#include "text/addr.h"
#include "text/policy.h"
#include "text/words.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum config_mode { MODE_AUTO, MODE_NATIVE, MODE_SKB };
enum config_exit { EXIT_KEEP, EXIT_DETACH };
enum config_cookies { COOKIES_BY_AUTO, COOKIES_BY_OWN, COOKIES_BY_KERNEL };
enum config_owner { OWNER_BY_AUTO, OWNER_BY_SOCKET, OWNER_BY_SPLICE };

enum {
	CONFIG_IFACES_MAX = 64,
	CONFIG_ERR_MAX = 1024,
	CONFIG_PIN_DIR_MAX = 256, /* bytes with the final NUL */
	CONFIG_LIST_MAX = 4096,
	CONFIG_CONTROL_MAX = 108, /* sun_path of unix(7) */
};

/* One listen line; a section with several makes several of these. */
struct config_service {
	char name[NAME_MAX_LEN]; /* of the section; "" for -s */
	struct listen listen;
	enum config_policy policy;
	enum config_cookies cookies;
	enum config_owner owner;
	unsigned int line; /* of the file; 0: not from a file */
	bool by_hand;	   /* added at runtime: not configured */
};

/* When a service of policy auto is armed, see arming.h of the daemon. */
struct arming_limits {
	unsigned int syn_rate; /* a second; disarms below half of it */
	unsigned int queue;    /* percent of the backlog; the same */
	unsigned int calm_ms;  /* before it disarms */
};

/* Of connections whose server is behind, see synkeeper/splice.h. */
struct config_gateway {
	unsigned int connections; /* at a time */
	unsigned int holds;	  /* clients whose first data are held */
	unsigned int hold;	  /* bytes of each */
	unsigned int opening_timeout_ms;
	unsigned int idle_timeout_ms;
};

struct config {
	char ifaces[CONFIG_IFACES_MAX][IF_NAMESIZE];
	size_t n_ifaces;
	enum config_mode mode;
	enum config_exit on_exit;
	bool replace;	       /* a foreign XDP program as well */
	char *file;	       /* owned; where it was read from, or NULL */
	char *pin_dir;	       /* owned */
	char *control;	       /* owned; path of the unix socket */
	char *control_group;   /* owned; the socket's group, or NULL */
	struct listen metrics; /* by HTTP; port 0: not served */
	unsigned int key_lifetime_ms; /* one epoch */
	char *key_secret; /* owned; file shared with other nodes, or NULL */
	unsigned int sessions_max;
	unsigned int pending_timeout_ms;
	unsigned int idle_timeout_ms; /* of established sessions */
	unsigned int half_closed_timeout_ms;
	unsigned int closing_timeout_ms;
	unsigned int time_wait_timeout_ms;
	unsigned int resets_per_second; /* for stray segments; 0: drop */
	struct arming_limits arming;
	struct config_gateway gateway;
	char *allow, *deny;		 /* owned; files of prefixes, or NULL */
	unsigned int synacks_per_second; /* to a source prefix; 0: no cap */
	unsigned int source_bits4, source_bits6;
	struct config_service *services; /* owned */
	size_t n_services;
};

/* Writes the message to @err (CONFIG_ERR_MAX bytes); returns @ret. */
int config_refuse(char *err, int ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Defaults; never fails. config_free() frees what the members own. */
void config_init(struct config *c);
void config_free(struct config *c);

/*
 * All return 0 or -errno (-EINVAL: the value, -E2BIG: one too many, others from
 * the system) with one line in @err (CONFIG_ERR_MAX bytes) that says what is
 * wrong and what to do: from an add or set "'VALUE': what is wrong", for the
 * caller to put after the flag's name; from a file "FILE:LINE: [section] key:
 * 'VALUE': what is wrong". A failed add or set leaves @c unchanged; after a
 * failed config_load() it can only be freed.
 */
int config_load(struct config *c, const char *path, char *err);
/* Does nothing if the interface is there already. */
int config_add_iface(struct config *c, const char *name, char *err);
/* @section: the service's name, or "". Duplicates are found later. */
int config_add_service(struct config *c, const char *section,
		       const char *listen, enum config_policy policy,
		       char *err);
int config_set_mode(struct config *c, const char *value, char *err);
int config_set_metrics(struct config *c, const char *value, char *err);
int config_set_group(struct config *c, const char *value, char *err);
int config_set_string(char **member, const char *value);

/* May any service be spliced? @forwards: the host forwards packets. */
bool config_has_splices(const struct config *c, bool forwards);
/* Checks the whole: no interface, no service, a service twice. */
int config_validate(const struct config *c, char *err);

const char *config_mode_name(enum config_mode mode);
const char *config_policy_name(enum config_policy policy);
/* The reverse; on failure *ret_why is a static sentence. */
int config_parse_policy(const char *text, enum config_policy *ret,
			const char **ret_why);

const char *config_owner_name(enum config_owner owner);
int config_parse_owner(const char *text, enum config_owner *ret,
		       const char **ret_why);
const char *config_cookies_name(enum config_cookies cookies);
int config_parse_cookies(const char *text, enum config_cookies *ret,
			 const char **ret_why);

/* 0, -ENOMEM, or -EEXIST: *ret_twin has the same listen as *ret_first. */
int config_find_twin(const struct config *c,
		     const struct config_service **ret_first,
		     const struct config_service **ret_twin);
/*
 * Can the open file @f be trusted? It controls a daemon that runs as root.
 * Returns NULL, or a static sentence if it is world-writable. Warns if it
 * belongs to anyone but root and this process' user.
 */
const char *config_check_file(FILE *f, const char *path);
/* Warns about what is valid, but unwise. */
void config_warn(const struct config *c);
/* Returns NULL or a static sentence. @max: bytes with the final NUL. */
const char *config_check_path(const char *path, size_t max);

#endif
