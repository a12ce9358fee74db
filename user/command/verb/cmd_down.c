/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper down` ends the protection and leaves nothing
 * behind. The daemon does the work; if none is running, the pins that one left
 * are removed here, which detaches the programs. The daemon's lock on the pin
 * directory tells the two cases apart, whatever socket it listens on, and
 * pins_remove() touches only a directory of Synkeeper's own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "cmd.h"
#include "kernel/device.h"
#include "kernel/links.h"
#include "kernel/pins.h"
#include "kernel/forwarding.h"
#include "kernel/syncookies.h"

enum { WAIT_GONE_S = 10 };

static void put_names(FILE *out, const json_t *names, const char *what)
{
	json_t *name;
	size_t i;

	json_array_foreach (names, i, name) {
		fprintf(out, "%s %s\n", what, json_string_value(name));
	}
}

static void daemon_text(FILE *out, const json_t *result)
{
	put_names(out, json_object_get(result, "interfaces"), "detached from");
	put_names(out, json_object_get(result, "restored"), "restored");
	put_names(out, json_object_get(result, "left"), "still present:");
	if (json_array_size(json_object_get(result, "left")))
		return;
	fputs(json_is_true(json_object_get(result, "gone"))
		      ? "everything removed\n"
		      : "the daemon is exiting\n",
	      out);
}

static void leftover_text(FILE *out, const json_t *result)
{
	fputs("no daemon is running\n", out);
	put_names(out, json_object_get(result, "links"), "detached");
	put_names(out, json_object_get(result, "restored"), "restored");
	fprintf(out, "removed %" JSON_INTEGER_FORMAT " pins from %s\n",
		json_integer_value(json_object_get(result, "pins")),
		json_string_value(json_object_get(result, "pin_dir")));
}

/*
 * The pin "xdp_2" as "xdp from ifindex 2 (eth0 here)": the index belongs to the
 * network namespace of the daemon, which may be another one.
 */
static json_t *link_of(const char *pin)
{
	char hook[16], name[IF_NAMESIZE], text[64];
	unsigned int ifindex;

	if (sscanf(pin, "%15[a-z]_%u", hook, &ifindex) != 2)
		return json_string(pin);
	if (if_indextoname(ifindex, name))
		snprintf(text, sizeof(text), "%s from ifindex %u (%s here)",
			 hook, ifindex, name);
	else
		snprintf(text, sizeof(text), "%s from ifindex %u", hook,
			 ifindex);
	return json_string(text);
}

/* The links that are pinned in @pin_dir. */
static json_t *links_in(const char *pin_dir)
{
	json_t *links = json_array();
	char path[PATH_MAX];
	struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/links", pin_dir);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			json_array_append_new(links, link_of(e->d_name));
	if (dir)
		closedir(dir);
	return links;
}

/* Restores the host's settings; returns what was restored. */
static json_t *restore(const char *pin_dir)
{
	json_t *restored = json_array();
	unsigned int forwarding;
	int value = pins_restore(pin_dir, &forwarding);

	if (value >= 0)
		json_array_append_new(
			restored, json_string(value ? SYNCOOKIES_RESTORED "1"
						    : SYNCOOKIES_RESTORED "0"));
	if (forwarding & FORWARDING_RAISED4)
		json_array_append_new(restored,
				      json_string(FORWARDING4_NAME " = 0"));
	if (forwarding & FORWARDING_RAISED6)
		json_array_append_new(restored,
				      json_string(FORWARDING6_NAME " = 0"));
	return restored;
}

static int remove_leftover(const struct cmd *c)
{
	const struct timespec drain = { .tv_sec = PINS_DRAIN_MS / 1000 };
	char why[PINS_WHY_MAX];
	int fd = pins_open(c->pin_dir, why), pins;
	json_t *links, *restored;

	if (fd == -EPERM)
		return cmd_failed(c, NULL, "%s", why);
	if (fd < 0 && fd != -ENOENT)
		return cmd_failed(c, fd == -EACCES ? "run as root" : NULL,
				  "%s: %s", c->pin_dir, strerror(-fd));
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return cmd_failed(c, "give its socket with --control PATH",
				  "no daemon is listening on %s, but one is "
				  "using %s",
				  c->control, c->pin_dir);
	}
	links = links_in(c->pin_dir);
	pins_disarm(c->pin_dir);
	if (json_array_size(links))
		nanosleep(&drain, NULL);
	restored = restore(c->pin_dir);
	pins = pins_remove(c->pin_dir);
	if (fd >= 0)
		close(fd);
	if (pins >= 0)
		return cmd_show(c,
				json_pack("{s:s, s:o, s:o, s:i}", "pin_dir",
					  c->pin_dir, "links", links,
					  "restored", restored, "pins", pins),
				leftover_text);
	json_decref(links);
	json_decref(restored);
	if (pins != -ENOENT)
		return cmd_failed(c, NULL, "%s: %s", c->pin_dir,
				  strerror(-pins));
	return cmd_failed(
		c,
		"nothing to do, unless you meant another --control or "
		"--pin-dir",
		"no daemon is running, and nothing is pinned in %s",
		c->pin_dir);
}

static bool is_among(__u32 id, const json_t *ids)
{
	const json_t *one;
	size_t i;

	json_array_foreach (ids, i, one) {
		if (id && json_integer_value(one) == id)
			return true;
	}
	return false;
}

/* Adds the daemon's programs that are still attached to @name. */
static void add_left(json_t *left, const char *name, const json_t *ids)
{
	static const struct {
		int type;
		const char *name;
	} ways[] = { { LINKS_TCX_INGRESS, "tc ingress" },
		     { LINKS_TCX_EGRESS, "tc egress" } };
	struct tcx_programs p;
	struct device d;
	size_t i;
	__u32 k;

	if (device_get(name, 0, &d))
		return;
	if (is_among(d.xdp_native, ids) || is_among(d.xdp_skb, ids))
		json_array_append_new(left, json_sprintf("XDP on %s", name));
	for (i = 0; i < 2; i++) {
		if (tcx_query(d.ifindex, ways[i].type, &p))
			continue;
		for (k = 0; k < p.n; k++)
			if (is_among(p.ids[k], ids))
				json_array_append_new(
					left, json_sprintf("%s on %s",
							   ways[i].name, name));
	}
}

static json_t *what_is_left(const json_t *result, const char *pin_dir)
{
	const json_t *ids = json_object_get(result, "programs");
	json_t *left = json_array(), *name;
	size_t i;

	if (access(pin_dir, F_OK) == 0)
		json_array_append_new(left, json_string(pin_dir));
	json_array_foreach (json_object_get(result, "interfaces"), i, name) {
		add_left(left, json_string_value(name), ids);
	}
	return left;
}

/*
 * Waits until the kernel and the file system show that the daemon has removed
 * everything; its socket goes last. Returns what is left, at the latest after
 * WAIT_GONE_S; NULL if we may not look into the pin directory.
 */
static json_t *wait_gone(const struct cmd *c, const json_t *result,
			 const char *pin_dir)
{
	const struct timespec nap = { .tv_nsec = 20000000 };
	json_t *left = NULL;
	int i;

	if (access(pin_dir, F_OK) && errno != ENOENT)
		return NULL;
	for (i = 0; i < WAIT_GONE_S * 50; i++) {
		json_decref(left);
		left = what_is_left(result, pin_dir);
		if (!json_array_size(left) && access(c->control, F_OK))
			return left;
		nanosleep(&nap, NULL);
	}
	return left;
}

static int down_run(const struct cmd *c, const struct cmd_args *args)
{
	const char *pin_dir;
	json_t *result, *left = NULL;
	bool gone, failed;
	int err;

	err = cmd_try_call(c, "down",
			   args->option[0] ? json_pack("{s:b}", "force", 1)
					   : NULL,
			   &result);
	if (cmd_no_daemon(err))
		return remove_leftover(c);
	if (err)
		return CMD_FAILED;
	pin_dir = json_string_value(json_object_get(result, "pin_dir"));
	if (pin_dir)
		left = wait_gone(c, result, pin_dir);
	gone = left && !json_array_size(left);
	failed = left && !gone;
	json_object_set_new(result, "gone", json_boolean(gone));
	if (failed)
		json_object_set_new(result, "left", left);
	else
		json_decref(left);
	json_object_del(result, "programs");
	cmd_show(c, result, daemon_text);
	return failed ? CMD_FAILED : CMD_DONE;
}

const struct cmd_object cmd_down = {
	.name = "down",
	.help = "end the protection; connections continue",
	.verb = {
		{ .name = "",
		  .help = "detach, unpin, stop the daemon; --force: break "
			  "spliced connections",
		  .option = { { "--force" } },
		  .run = down_run },
	},
};
