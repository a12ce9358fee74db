/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: answers of a daemon as `synkeeper top` gets them, for
 * the tests of what it makes of them.
 */
#ifndef TOPLOOKS_H
#define TOPLOOKS_H

#include "testmain.h"

#include "top/top_model.h"

static void expect(const char *what, const char *expected, const char *got)
{
	if (strcmp(expected, got))
		fail_msg("%s: expected \"%s\", got \"%s\"", what, expected,
			 got);
}

/* ' stands for " */
static json_t *json(const char *text)
{
	char copy[4096], *c;
	json_t *value;

	snprintf(copy, sizeof(copy), "%s", text);
	for (c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_loads(copy, 0, NULL);
	assert_non_null(value);
	return value;
}

#define STATUS                                                          \
	"{'version':'1','interfaces':[{'name':'eth0','mode':'native'}," \
	"{'name':'eth1','mode':'skb'}],'services':["                    \
	"{'listen':'*:80','name':'','policy':'on','armed':true},"       \
	"{'listen':'192.0.2.1:443','name':'web','policy':'monitor',"    \
	"'armed':false},"                                               \
	"{'listen':'*:22','name':'','policy':'off','armed':false}],"    \
	"'sessions':{'max':1000,'pending':1,'established':20},"         \
	"'health':['this is wrong','that, too']}"

/* Answers as of second 10 and, two seconds later, what grew. */
static void two_looks(struct top *t)
{
	assert_int_equal(
		top_update(t, json(STATUS),
			   json("{'services':[{'listen':'*:80','packets':{"
				"'answered':100}},{'listen':'-','packets':{"
				"'no_service':5}}],'total':{'answered':100,"
				"'no_service':5}}"),
			   json("{'services':[],'total':{'opened':7,'ended':{"
				"'closed':3}}}"),
			   10),
		0);
	assert_int_equal(
		top_update(t, json(STATUS),
			   json("{'services':[{'listen':'*:80','packets':{"
				"'answered':120,'bad_cookie':10,'refused':4}},"
				"{'listen':'-','packets':{'no_service':7}},"
				"{'listen':'192.0.2.1:443','packets':{"
				"'disarmed_syn':60},'monitored':{"
				"'answered':8,'bad_cookie':2}}],'total':{'"
				"answered':120,"
				"'bad_cookie':10,'refused':4,'no_service':7,"
				"'disarmed_syn':60}}"),
			   json("{'services':[{'listen':'*:80','alive':{"
				"'pending':1,'established':20}}],'total':{"
				"'opened':10,'ended':{'closed':3,'reset':1}}}"),
			   12),
		0);
}

#endif
