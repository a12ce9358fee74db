/* SPDX-License-Identifier: GPL-2.0-only */
#include "ifaces_json.h"
#include "kernel/links.h"

/* Programs that run before ours at tc. */
static json_t *json_ahead(const struct attachment *a)
{
	json_t *list = json_array();
	enum tc_way way;

	for (way = 0; way < WAYS; way++)
		if (a->ahead[way])
			json_array_append_new(
				list, json_pack("{s:s,s:I}", "tc",
						attach_tc_names[way], "id",
						(json_int_t)a->ahead[way]));
	return list;
}

json_t *ifaces_json(const struct ifaces *f)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < f->n; i++) {
		const struct attachment *a = &f->list[i];

		json_array_append_new(
			list,
			json_pack("{s:o,s:i,s:s,s:b,s:o,s:b,s:o}", "name",
				  request_text(a->name), "ifindex", a->ifindex,
				  "mode", attachment_mode(a), "protected",
				  attachment_protects(a), "why",
				  request_text(attachment_why(a)), "by_hand",
				  a->by_hand, "ahead", json_ahead(a)));
	}
	return list;
}

static void health_iface(json_t *list, const struct attachment *a)
{
	char line[512];
	enum tc_way way;

	if (!attachment_protects(a)) {
		snprintf(line, sizeof(line), "%s is %s%s", a->name,
			 a->lost ? "" : "not protected: ", attachment_why(a));
		json_array_append_new(list, request_text(line));
	}
	for (way = 0; way < WAYS; way++) {
		if (!a->ahead[way])
			continue;
		snprintf(line, sizeof(line),
			 "%s: program id %u runs before Synkeeper's program at "
			 "tc %s, which does not see what that one accepts",
			 a->name, a->ahead[way], attach_tc_names[way]);
		json_array_append_new(list, request_text(line));
	}
}

void ifaces_health(const struct ifaces *f, json_t *list)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		health_iface(list, &f->list[i]);
}

json_t *ifaces_names(const struct ifaces *f)
{
	json_t *names = json_array();
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->list[i].ifindex)
			json_array_append_new(names,
					      request_text(f->list[i].name));
	return names;
}

json_t *ifaces_programs(const struct ifaces *f)
{
	const struct loader *l = f->deps.loader;
	const int fds[] = { loader_xdp_fd(l),
			    loader_xdp_frags_fd(l),
			    loader_tc_fd(l),
			    loader_egress_fd(l),
			    loader_front_fd(l, TC_PROGRAM_IN),
			    loader_front_fd(l, TC_PROGRAM_OUT) };
	json_t *ids = json_array();
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			json_array_append_new(
				ids,
				json_integer((json_int_t)link_program(fds[i])));
	return ids;
}
