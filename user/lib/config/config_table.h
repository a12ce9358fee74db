/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: the table of sections and keys of the configuration
 * file. To generate something from it, define the macros of the rows that are
 * needed and include this file; all are undefined at the end. No include guard:
 * it is included several times. Generated from it are the defaults, parsing and
 * its errors, what a reload may change, dist/synkeeper.conf and the table in
 * synkeeper.conf(5). scripts/draw-config generates the last two, and `make
 * lint` checks that they are up to date.
 *
 *	SECTION(name, its argument in the example or NULL, "comment" or NULL)
 *
 *	VALUE(section, "key", type, member of struct config, default, least,
 *	      most, change, "how it is written", example, "comment")
 *	LIST(section, "key", type, "how it is written", example, "comment")
 *	PART(section, "key", type, default, least, most, "how it is written",
 *	     "comment")
 *
 * VALUE is a member of struct config. LIST: each value is added to a list; the
 * key may repeat and must be given at least once. PART belongs to what a LIST
 * adds, or to another key's member.
 *
 * type: config_keys.c has its set_TYPE(), config_diff.c its text_TYPE().
 * default, least, most: as written in the file. NULL: not set without the key;
 * no bound. For a path, most is a length in bytes.
 * change: LIVE, by a reload, or what it requires: RESTART of the daemon, or
 * DOWN and a new start.
 * example: shown instead of the default, if that is NULL or says little.
 *
 * The comments are those of dist/synkeeper.conf. They are wrapped, except for
 * lines that begin with blanks, and the bounds are appended to them.
 */

#ifndef SECTION
#define SECTION(...)
#endif
#ifndef VALUE
#define VALUE(...)
#endif
#ifndef LIST
#define LIST(...)
#endif
#ifndef PART
#define PART(...)
#endif

SECTION(daemon, NULL, NULL)

LIST(daemon, "interface", interfaces, "NAME...", "eth0",
     "Interfaces on which SYNs arrive: one or more names; the line may be "
     "repeated.")

VALUE(daemon, "mode", mode, mode, "auto", NULL, NULL, DOWN, "auto|native|skb",
      NULL,
      "Where the XDP program runs: native is in the driver and fast, skb works "
      "everywhere and is slow, auto tries native first.")

VALUE(daemon, "on-exit", on_exit, on_exit, "keep", NULL, NULL, LIVE,
      "keep|detach", NULL,
      "What happens when the daemon exits: keep leaves the protection in place "
      "(a restart or upgrade takes it over), detach removes it.")

VALUE(daemon, "replace", yes_no, replace, "no", NULL, NULL, LIVE, "no|yes",
      NULL,
      "Whether an XDP program that someone else attached to the interface may "
      "be replaced.")

VALUE(daemon, "pin-dir", path, pin_dir, PIN_DIR_DEFAULT, NULL, "255", DOWN,
      "DIR", NULL, "Where maps and programs are pinned.")

VALUE(daemon, "control", path, control, CONTROL_PATH_DEFAULT, NULL, "107",
      RESTART, "PATH", NULL, "The socket for the synkeeper command.")

VALUE(daemon, "control-group", group, control_group, NULL, NULL, NULL, RESTART,
      "GROUP", "adm",
      "Group whose members may use the synkeeper command, besides root. The "
      "systemd unit then needs SupplementaryGroups=adm in a drop-in.")

VALUE(daemon, "metrics", address, metrics, NULL, NULL, NULL, RESTART,
      "ADDRESS:PORT", "127.0.0.1:9790",
      "Serve Prometheus metrics over HTTP at this address: see "
      "docs/METRICS.md. Not served by default. *:9790 is every address; anyone "
      "who can connect can read the metrics.")

SECTION(keys, NULL, NULL)

VALUE(keys, "lifetime", duration, key_lifetime_ms, "60s", "5s", "24h", LIVE,
      "DURATION", NULL,
      "How often the cookie key is renewed. A client has between one and two "
      "lifetimes to answer the SYN-ACK, and an attacker has as long to collect "
      "cookies and use them all at once: above 10m the daemon warns.")

VALUE(keys, "secret", path, key_secret, NULL, NULL, "4095", RESTART, "PATH",
      "/etc/synkeeper/cluster.key",
      "A secret that several nodes share, so that each accepts the cookies of "
      "all: see docs/CLUSTER.md. Keys then follow the time of day, lifetime "
      "has no effect, and the clock must be synchronised. The file is made by "
      "synkeeper key generate; only root may have access to it. A reload reads "
      "it again.")

SECTION(sessions, NULL, NULL)

VALUE(sessions, "max", count, sessions_max, "1048576", "1024", "16777216", DOWN,
      "COUNT", NULL,
      "Size of the session table, in sessions. When it is full, the least "
      "useful session is evicted; no legitimate connection is refused. Each "
      "session takes two slots of 129 bytes, a quarter of a gigabyte by "
      "default.")

VALUE(sessions, "pending-timeout", duration, pending_timeout_ms, "10s", "1s",
      "10m", LIVE, "DURATION", NULL,
      "How long a client with a valid cookie may take until its connection is "
      "seen to be open.")

/* RFC 5382 */
VALUE(sessions, "idle-timeout", duration, idle_timeout_ms, "2h4m", "1s", "30d",
      LIVE, "DURATION", NULL,
      "How long an open connection may be idle before it is dropped from the "
      "session table; its next packet adds it again.")

VALUE(sessions, "half-closed-timeout", duration, half_closed_timeout_ms, "1h",
      "1s", "30d", LIVE, "DURATION", NULL,
      "Idle timeout of a session that one side has closed.")

VALUE(sessions, "closing-timeout", duration, closing_timeout_ms, "2m", "1s",
      "1d", LIVE, "DURATION", NULL,
      "Idle timeout of a session that both sides have closed but not both have "
      "acknowledged.")

VALUE(sessions, "time-wait-timeout", duration, time_wait_timeout_ms, "60s",
      "1s", "10m", LIVE, "DURATION", NULL,
      "How long a closed session stays in the table, in case its client "
      "reopens it.")

SECTION(service, "web",
	"A service is what to protect: an address and a port of this host. A "
	"section may have several listen lines, and there may be many "
	"sections.")

LIST(service, "listen", listen, "ADDRESS:PORT", "*:443",
     "*:443 is port 443 on every address. Or list the addresses:\n"
     "  listen = 192.0.2.10:443\n"
     "  listen = [2001:db8::10]:443")

PART(service, "policy", policy, "on", NULL, NULL, "on|auto|monitor|off",
     "on: SYNs are always answered with cookies: for hosts that are attacked "
     "often, and where not even the first moment of a flood may be felt. auto: "
     "only during a flood, see [arming]; otherwise the kernel answers, with "
     "all that its firewall, routes and listeners say about a SYN: for "
     "everyone else. monitor: nothing is answered or dropped, but what would "
     "have been is counted. off: SYNs pass. With every policy sessions are "
     "tracked and cookies in flight are honoured.")

PART(service, "cookies", cookies, "auto", NULL, NULL, "auto|own|kernel",
     "Which SYN cookies to send: own, kernel, or auto, which uses own wherever "
     "possible.")

PART(service, "owner", owner, "auto", NULL, NULL, "auto|socket|splice",
     "Who has the connections. socket: this host's kernel. splice: the server "
     "itself, which may be behind this host; it is sent a SYN once the "
     "client's "
     "cookie is valid, and from then on packets are translated. auto: splice "
     "for addresses that this host forwards to, and where NAT leads to another "
     "host; otherwise socket.")

SECTION(gateway, NULL, "For services with owner = splice.")

VALUE(gateway, "connections", count, gateway.connections, "65536", "64",
      "4194304", DOWN, "COUNT", NULL,
      "How many connections can be spliced at a time, 150 bytes each. Further "
      "ones pass as if there were no protection.")

VALUE(gateway, "holds", count, gateway.holds, "1024", "16", "65535", RESTART,
      "COUNT", NULL,
      "How many clients' first data can be held at a time, until the server "
      "has answered; 14 kB each. Others send theirs again.")

VALUE(gateway, "hold", count, gateway.hold, "11680", "1460", "11680", RESTART,
      "BYTES", NULL,
      "How many bytes a client may send before the server has answered.")

VALUE(gateway, "opening-timeout", duration, gateway.opening_timeout_ms, "5s",
      "1s", "2m", LIVE, "DURATION", NULL,
      "How long a server may take to answer; then its client is reset.")

VALUE(gateway, "idle-timeout", duration, gateway.idle_timeout_ms, "5d", "1m",
      "30d", LIVE, "DURATION", NULL,
      "How long a spliced connection may be idle. Unlike one of a socket, it "
      "cannot continue afterwards.")

SECTION(arming, NULL, NULL)

VALUE(arming, "syn-rate", count, arming.syn_rate, "1k", "10", "1000000000",
      LIVE, "COUNT", NULL,
      "For services with policy = auto. They are armed when at least this many "
      "SYNs arrived in the last second ...")

VALUE(arming, "queue", percent, arming.queue, "50%", "1%", "100%", LIVE,
      "PERCENT", NULL,
      "... or when the listener's queue of half-open connections or of "
      "connections waiting to be accepted is filled to this percentage of its "
      "backlog, or the kernel overflowed one. Arming costs legitimate clients "
      "nothing: better too early than too late.")

VALUE(arming, "calm", duration, arming.calm_ms, "60s", "1s", "1d", LIVE,
      "DURATION", NULL,
      "They are disarmed when both have been below half of that for this long.")

SECTION(sources, NULL, NULL)

VALUE(sources, "allow", path, allow, NULL, NULL, "4095", LIVE, "FILE",
      "/etc/synkeeper/allow",
      "deny: a file of prefixes whose hosts may not open connections to any "
      "service, unless its policy is off. allow: prefixes allowed even inside "
      "a denied one. One prefix per line, 192.0.2.0/24 or 2001:db8::1; '#' "
      "begins a comment. The longest matching prefix decides. Existing "
      "connections continue: see synkeeper session kill. A reload re-reads the "
      "files; if one has an error, the lists in force stay unchanged. Neither "
      "these files nor this one may be world-writable.")

VALUE(sources, "deny", path, deny, NULL, NULL, "4095", LIVE, "FILE",
      "/etc/synkeeper/deny", NULL)

/* 0, which no file can say: no cap */
VALUE(sources, "synacks-per-second", cap, synacks_per_second, NULL, "1",
      "1000000000", LIVE, "COUNT", "1000",
      "Limits what a reflection attack through this host can do to its victim: "
      "the number of SYN-ACKs per second to any one prefix of the lengths "
      "below; unlimited if not set. Allowed sources are not limited. The "
      "price: an attacker who forges SYNs from a prefix uses up its budget, "
      "and nobody there can connect meanwhile.")

VALUE(sources, "ipv4-prefix", count, source_bits4, "24", "8", "32", LIVE,
      "BITS", NULL, NULL)

VALUE(sources, "ipv6-prefix", count, source_bits6, "56", "16", "64", LIVE,
      "BITS", NULL, NULL)

SECTION(answer, NULL, NULL)

VALUE(answer, "invalid-ack", invalid_ack, resets_per_second, "reset", NULL,
      NULL, LIVE, "reset|drop", NULL,
      "An ACK that belongs to no connection and carries no valid cookie is "
      "passed to the kernel, which resets its client, or dropped.")

PART(answer, "resets-per-second", rate, "1k", "1", "1000000", "COUNT",
     "With invalid-ack = reset: maximum number of resets per second on each "
     "CPU, half of them for one source prefix. Beyond that, as in a flood, "
     "such ACKs are dropped.")

#undef SECTION
#undef VALUE
#undef LIST
#undef PART
