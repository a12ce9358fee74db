/* SPDX-License-Identifier: GPL-2.0-only */
/* Theory of operation: what requests tell of interfaces and attachments. */
#include "kernel/links.h"
#include "requests.h"

/* Who runs before ours at tc. */
static json_t *json_ahead(const struct attachment *a)
{
	json_t *list = json_array();
	enum tc_way way;

	for (way = 0; way < WAYS; way++)
		if (a->ahead[way])
			json_array_append_new(
				list,
				json_pack("{s:s,s:I}", "tc", tc_names[way],
					  "id", (json_int_t)a->ahead[way]));
	return list;
}

json_t *requests_ifaces(const struct daemon *d)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < d->n_ifaces; i++) {
		const struct attachment *a = &d->ifaces[i];

		json_array_append_new(
			list,
			json_pack("{s:o,s:i,s:s,s:b,s:o,s:b,s:o}", "name",
				  requests_text(a->name), "ifindex", a->ifindex,
				  "mode", attachment_mode(a), "protected",
				  attachment_protects(a), "why",
				  requests_text(attachment_why(a)), "by_hand",
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
		json_array_append_new(list, requests_text(line));
	}
	for (way = 0; way < WAYS; way++) {
		if (!a->ahead[way])
			continue;
		snprintf(line, sizeof(line),
			 "%s: program id %u runs before ours at tc %s: what it "
			 "accepts ours does not see",
			 a->name, a->ahead[way], tc_names[way]);
		json_array_append_new(list, requests_text(line));
	}
}

void requests_iface_health(const struct daemon *d, json_t *list)
{
	size_t i;

	for (i = 0; i < d->n_ifaces; i++)
		health_iface(list, &d->ifaces[i]);
}

json_t *requests_programs(const struct daemon *d)
{
	const struct loader *l = &d->loader;
	const int fds[] = { loader_xdp_fd(l), loader_xdp_frags_fd(l),
			    loader_tc_fd(l),  loader_egress_fd(l),
			    l->spare[0],      l->spare[1] };
	json_t *ids = json_array();
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			json_array_append_new(
				ids,
				json_integer((json_int_t)link_program(fds[i])));
	return ids;
}
