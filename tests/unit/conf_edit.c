// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: edits of a configuration file, compared byte by byte:
 * comments, blank lines, order and line endings must be preserved.
 */
#include "testmain.h"

#include <errno.h>

#include "service/conf_edit.h"

#define HEAD "# mine\n[daemon]\ninterface = eth0 ; the one\n\n"
#define WEB                                                                \
	"[service web]   ; shop\n# both families\nlisten = 192.0.2.1:80\n" \
	"  listen: [2001:db8::1]:80 ; v6\npolicy = auto ; of late\n\n"
#define SSH "[service ssh]\nlisten = *:22\n# end\n"

enum op { ADD, DEL, POLICY };

static const struct edit {
	enum op op;
	const char *before, *name, *listen, *policy, *after;
	int err;
} edits[] = {
	/* an own section at the end */
	{ ADD, HEAD SSH, "dns", "*:53", "on",
	  HEAD SSH "\n[service dns]\nlisten = *:53\n" },
	{ ADD, HEAD SSH, "dns", "*:53", "monitor",
	  HEAD SSH "\n[service dns]\nlisten = *:53\npolicy = monitor\n" },
	{ ADD, HEAD "[keys]\nlifetime = 9s", "dns", "*:53", "on",
	  HEAD "[keys]\nlifetime = 9s\n\n[service dns]\nlisten = *:53\n" },
	{ ADD, "[keys]\r\n", "", "*:53", "auto",
	  "[keys]\r\n\r\n[service port-53]\r\nlisten = *:53\r\npolicy = "
	  "auto\r\n" },
	{ ADD, "", "", "*:53", "on", "[service port-53]\nlisten = *:53\n" },
	{ ADD, "[service port-53]\nlisten = *:52\n", "", "*:53", "on",
	  "[service port-53]\nlisten = *:52\n\n[service port-53-2]\nlisten = "
	  "*:53\n" },
	/* the section of that name */
	{ ADD, HEAD WEB SSH, "web", "*:80", "auto",
	  HEAD "[service web]   ; shop\n# both families\nlisten = "
	       "192.0.2.1:80\n  listen: [2001:db8::1]:80 ; v6\nlisten = "
	       "*:80\npolicy = auto ; of late\n\n" SSH },
	{ ADD, "[service ssh]\nlisten = *:22", "ssh", "*:2222", "on",
	  "[service ssh]\nlisten = *:22\nlisten = *:2222\n" },
	{ ADD, HEAD WEB SSH, "web", "*:80", "on", NULL, -EINVAL },
	{ ADD, HEAD WEB SSH, "x", "*:22", "on", NULL, -EEXIST },
	{ ADD, HEAD WEB SSH, "x", "[2001:db8::1]:80", "on", NULL, -EEXIST },
	/* not mistaken for a listen line */
	{ ADD, "#listen = *:53\n[x]\n;listen = *:53\n", "y", "*:53", "on",
	  "#listen = *:53\n[x]\n;listen = *:53\n\n[service y]\nlisten = "
	  "*:53\n" },

	{ DEL, HEAD WEB SSH, "", "192.0.2.1:80", "",
	  HEAD "[service web]   ; shop\n# both families\n  listen: "
	       "[2001:db8::1]:80 ; v6\npolicy = auto ; of late\n\n" SSH },
	{ DEL, HEAD SSH WEB, "", "*:22", "", HEAD "# end\n" WEB },
	{ DEL, HEAD SSH, "", "*:23", "", NULL, -ENOENT },
	{ DEL, "[service a]\ncookies = own\n\n# why\nlisten = *:1", "", "*:1",
	  "", "\n# why\n" },

	{ POLICY, HEAD SSH, "", "*:22", "monitor",
	  HEAD "[service ssh]\nlisten = *:22\npolicy = monitor\n# end\n" },
	{ POLICY, "[service a]\n  policy = on  ; x\nlisten = *:1", "", "*:1",
	  "off", "[service a]\n  policy = off  ; x\nlisten = *:1" },
	{ POLICY, "[service a]\r\nlisten = *:1\r\n", "", "*:1", "off",
	  "[service a]\r\nlisten = *:1\r\npolicy = off\r\n" },
	{ POLICY, HEAD SSH, "", "*:22", "on", NULL, -EEXIST },
	{ POLICY, HEAD WEB, "", "192.0.2.1:80", "auto", NULL, -EEXIST },
	{ POLICY, HEAD WEB, "", "192.0.2.1:80", "on", NULL, -EINVAL },
	{ POLICY, HEAD WEB, "", "*:80", "on", NULL, -ENOENT },
};

static int run(const struct edit *e, char **ret, char *why)
{
	struct listen l;
	const char *wrong;

	assert_int_equal(listen_parse(e->listen, &l, &wrong), 0);
	switch (e->op) {
	case ADD:
		return conf_add(e->before, e->name, &l, e->policy, ret, why);
	case DEL:
		return conf_del(e->before, &l, ret, why);
	default:
		return conf_policy(e->before, &l, e->policy, ret, why);
	}
}

static void test_edits(void **state)
{
	char why[CONF_WHY_MAX] = "";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		const struct edit *e = &edits[i];
		char *after = NULL;
		int err;

		*why = '\0';
		err = run(e, &after, why);
		if (err != e->err || (after && strcmp(after, e->after)) ||
		    !after != !e->after)
			fail_msg("edit %zu, %s: expected %d and:\n%s\ngot %d "
				 "and:\n%s",
				 i, e->listen, e->err, e->after, err, after);
		if ((err == -EINVAL) != (*why != '\0'))
			fail_msg("edit %zu: error %d, why \"%s\"", i, err, why);
		free(after);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_edits),
};

TEST_MAIN(tests)
