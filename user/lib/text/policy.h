/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the policies of a service and their names, for the
 * configuration, the daemon's messages and the command's help alike.
 */
#ifndef POLICY_H
#define POLICY_H

#define SYNKEEPER_POLICIES(X) \
	X(on, ON)             \
	X(auto, AUTO)         \
	X(monitor, MONITOR)   \
	X(off, OFF)

enum config_policy {
#define X(word, name) POLICY_##name,
	SYNKEEPER_POLICIES(X)
#undef X
};

/* "on|auto|monitor|off", and the error for any other word */
#define POLICY_BAR(word, name)	 "|" #word
#define POLICY_BLANK(word, name) " " #word
#define POLICY_WORDS		 (&SYNKEEPER_POLICIES(POLICY_BAR)[1])
#define POLICY_WHY		 "must be one of:" SYNKEEPER_POLICIES(POLICY_BLANK)

#endif
