/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: `synkeeper status`, the one screen to look at first.
 * Problems come last, next to the prompt, and are the only part in full
 * sentences; the exit status says whether everything is protected that should
 * be.
 */
#include "cmd.h"
#include "service/cmd_service.h"
#include "cmd_status.h"
#include "kernel/links.h"
#include "out/print.h"
#include "text/reason.h"

static const struct column iface_columns[] = {
	{ "INTERFACE", "name", CELL_STRING },
	{ "MODE", "mode", CELL_STRING },
	{ "BY HAND", "by_hand", CELL_YES_NO },
	{ "WHY", "why", CELL_STRING },
};

/* Looked up here: the daemon has dropped the capability that names need. */
static void put_ahead(FILE *out, const json_t *ifaces)
{
	json_t *iface, *row;
	char name[LINKS_NAME_LEN];
	size_t i, k;

	json_array_foreach (ifaces, i, iface) {
		json_array_foreach (json_object_get(iface, "ahead"), k, row) {
			__u32 id = (__u32)json_integer_value(
				json_object_get(row, "id"));

			fprintf(out,
				"%s: tc %s: %s, id %u, runs before "
				"Synkeeper's program\n",
				json_string_value(
					json_object_get(iface, "name")),
				json_string_value(json_object_get(row, "tc")),
				program_name(id, name), id);
		}
	}
}

static const struct column attack_columns[] = {
	{ "UNDER ATTACK", "listen", CELL_STRING },
	{ "NAME", "name", CELL_STRING },
	{ "KIND", "kind", CELL_STRING },
	{ "PER SECOND", "rate", CELL_COUNT },
	{ "PEAK", "peak", CELL_COUNT },
	{ "PACKETS", "total", CELL_COUNT },
	{ "DURATION", "duration_s", CELL_DURATION },
};

static double number(const json_t *o, const char *member)
{
	return json_number_value(json_object_get(o, member));
}

static void put_daemon(FILE *out, const json_t *status)
{
	const char *version =
		json_string_value(json_object_get(status, "version"));
	char up[PRINT_CELL_MAX];

	fprintf(out, "synkeeperd %s, pid %.0f, up %s\n\n",
		version ? version : "?", number(status, "pid"),
		print_duration(number(status, "uptime_s"), up));
}

/* The states add up to the first number; empty ones are omitted. */
void status_put_sessions(FILE *out, const json_t *status)
{
	static const struct {
		const char *member, *text;
	} states[] = {
		{ "established", "established" }, { "pending", "pending" },
		{ "half_closed", "half-closed" }, { "closing", "closing" },
		{ "time_wait", "in TIME-WAIT" },
	};
	const size_t n_states = sizeof(states) / sizeof(states[0]);
	const json_t *s = json_object_get(status, "sessions");
	char cell[PRINT_CELL_MAX], max[PRINT_CELL_MAX];
	json_int_t all = 0;
	json_t *sum;
	size_t i;

	for (i = 0; i < n_states; i++)
		all += (json_int_t)number(s, states[i].member);
	sum = json_integer(all);
	fprintf(out, "%s of %s", print_count(sum, cell),
		print_count(json_object_get(s, "max"), max));
	json_decref(sum);
	for (i = 0; i < n_states; i++)
		if (!i || number(s, states[i].member) > 0)
			fprintf(out, "%s %s %s", i ? "," : ":",
				print_count(
					json_object_get(s, states[i].member),
					cell),
				states[i].text);
}

static void put_key(FILE *out, const json_t *status)
{
	const json_t *key = json_object_get(status, "key");
	char age[PRINT_CELL_MAX], life[PRINT_CELL_MAX];

	fprintf(out, "key       epoch %.0f, %s old, rotated every %s\n",
		number(key, "epoch"), print_duration(number(key, "age_s"), age),
		print_duration(number(key, "lifetime_s"), life));
}

static void put_packets(FILE *out, const json_t *status)
{
	const json_t *total = json_object_get(status, "total");
	json_t *drops = json_integer(reason_sum(total, REASON_DROP));
	json_t *none = json_integer(0);
	json_t *answered = json_object_get(total, "answered");
	json_t *admitted = json_object_get(total, "admitted");
	char a[PRINT_CELL_MAX], b[PRINT_CELL_MAX], d[PRINT_CELL_MAX];

	fprintf(out, "packets   %s answered, %s admitted, %s dropped\n",
		print_count(answered ? answered : none, a),
		print_count(admitted ? admitted : none, b),
		print_count(drops, d));
	json_decref(drops);
	json_decref(none);
}

static void put_health(FILE *out, const json_t *status)
{
	const json_t *health = json_object_get(status, "health");
	size_t i;
	json_t *sentence;

	if (!json_array_size(health))
		fputs("health    ok\n", out);
	json_array_foreach (health, i, sentence) {
		fprintf(out, "%s%s\n", i ? "          " : "health    ",
			json_string_value(sentence));
	}
}

static void put_attacks(FILE *out, const json_t *status)
{
	const json_t *attacks = json_object_get(status, "attacks");

	if (!json_array_size(attacks))
		return;
	print_table(out, attacks, attack_columns,
		    sizeof(attack_columns) / sizeof(attack_columns[0]));
	fputc('\n', out);
}

static void status_text(FILE *out, const json_t *status)
{
	put_daemon(out, status);
	print_table(out, json_object_get(status, "interfaces"), iface_columns,
		    sizeof(iface_columns) / sizeof(iface_columns[0]));
	put_ahead(out, json_object_get(status, "interfaces"));
	fputc('\n', out);
	cmd_service_table(out, json_object_get(status, "services"));
	fputc('\n', out);
	put_attacks(out, status);
	fputs("sessions  ", out);
	status_put_sessions(out, status);
	fputc('\n', out);
	put_key(out, status);
	put_packets(out, status);
	put_health(out, status);
}

static int status_run(const struct cmd *c, const struct cmd_args *args)
{
	json_t *result;
	bool all;

	(void)args;
	if (cmd_call(c, "status", NULL, &result))
		return CMD_FAILED;
	all = !json_is_false(json_object_get(result, "protected"));
	cmd_show(c, result, status_text);
	return all ? CMD_DONE : CMD_FAILED;
}

const struct cmd_object cmd_status = {
	.name = "status",
	.help = "interfaces, services, sessions, key, health",
	.verb = {
		{ .name = "",
		  .help = "the daemon's state on one screen",
		  .run = status_run },
	},
};
