/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper check IFACE`, to be run before the attack:
 * would Synkeeper work there, how well, and how is that fixed? It needs no
 * daemon, but asks a running one for its services.
 */
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cmd.h"
#include "text/json_text.h"

static const char *const state_names[] = {
	[CHECK_OK] = "ok",
	[CHECK_WARN] = "warn",
	[CHECK_FAIL] = "fail",
};

void check_add(struct check *c, const char *what, enum check_state state,
	       const char *fix, const char *found, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, found);
	vsnprintf(text, sizeof(text), found, ap);
	va_end(ap);
	json_array_append_new(c->findings,
			      json_pack("{s:s, s:s, s:s, s:s}", "what", what,
					"state", state_names[state], "found",
					text, "fix",
					state != CHECK_OK && fix ? fix : ""));
}

static bool has_failed(const json_t *finding)
{
	return !strcmp(json_text(finding, "state"), state_names[CHECK_FAIL]);
}

static void check_text(FILE *out, const json_t *result)
{
	json_t *finding;
	size_t i;

	json_array_foreach (json_object_get(result, "findings"), i, finding) {
		const char *fix = json_text(finding, "fix");

		fprintf(out, "%-4s  %-18s  %s\n",
			has_failed(finding) ? "FAIL"
					    : json_text(finding, "state"),
			json_text(finding, "what"),
			json_text(finding, "found"));
		if (*fix)
			fprintf(out, "      %-18s  -> %s\n", "", fix);
	}
	fprintf(out, "\n%s: %s\n", json_text(result, "interface"),
		json_is_true(json_object_get(result, "ready"))
			? "ready for synkeeperd"
			: "not ready: fix the failures above");
}

typedef void check_fn(struct check *c);

static check_fn *const checks[] = {
	check_privileges, check_kernel,	  check_bpf,	 check_bpffs,
	check_syncookies, check_options,  check_backlog, check_mptcp,
	check_listeners,  check_services, check_ipvs,	 check_firewall,
	check_bypass,	  check_programs, check_ipsec,	 check_reverse_path,
	check_interface,  check_device,
};

/* Only for existing Ethernet interfaces. */
static check_fn *const link_checks[] = {
	check_driver,  check_native, check_attached, check_tc,	 check_queues,
	check_merging, check_mtu,    check_vlan,     check_veth, check_routes,
};

static json_t *services_of(const struct cmd *cmd)
{
	json_t *result, *services;

	if (cmd_try_call(cmd, "service.list", NULL, &result))
		return NULL;
	services = json_incref(json_object_get(result, "services"));
	json_decref(result);
	return services;
}

/* Collects what several checks need. */
static void look_around(struct check *c)
{
	c->link_err = device_get(c->name, 0, &c->link);
	if (!c->link_err)
		c->xdp_err = check_xdp_get(c->link.ifindex, &c->xdp);
	c->services = services_of(c->cmd);
	check_find_listeners(c);
	check_find_settings(c);
}

static void run_checks(struct check *c)
{
	bool ethernet = !c->link_err && c->link.type == ARPHRD_ETHER;
	size_t i;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](c);
	for (i = 0;
	     ethernet && i < sizeof(link_checks) / sizeof(link_checks[0]); i++)
		link_checks[i](c);
}

static int check_run(const struct cmd *cmd, const struct cmd_args *args)
{
	struct check c = { .cmd = cmd,
			   .findings = json_array(),
			   .name = args->operand[0] };
	json_t *finding, *result;
	bool ready = true;
	size_t i;

	look_around(&c);
	run_checks(&c);
	json_decref(c.services);
	free(c.listeners);
	free(c.settings);
	json_array_foreach (c.findings, i, finding) {
		ready = ready && !has_failed(finding);
	}
	result = json_pack("{s:s, s:b, s:o}", "interface", c.name, "ready",
			   ready, "findings", c.findings);
	if (!result)
		return cmd_usage(cmd, NULL, "invalid UTF-8: %s", c.name);
	cmd_show(cmd, result, check_text);
	return ready ? CMD_DONE : CMD_FAILED;
}

const struct cmd_object cmd_check = {
	.name = "check",
	.help = "whether Synkeeper would work on an interface",
	.verb = {
		{ .name = "",
		  .operand = { "IFACE" },
		  .help = "report what is missing (root)",
		  .run = check_run },
	},
};
