// SPDX-License-Identifier: GPL-2.0-only
/*
 * Theory of operation: two TCP ends close a connection as in RFC 9293 section
 * 3.6, and the transition table observes. Packets are sent, lost, repeated and
 * reordered in every possible way: not at random, but by visiting and checking
 * all reachable worlds.
 *
 *	client <--- network ---> XDP, tc egress <--- backlog ---> server
 *
 * The program is close to the server, yet sees a packet before the server does,
 * and afterwards packets that the server sent earlier. Sequence numbers have
 * been checked already, so a packet is reduced to what it says about FINs:
 * whether it is one, and whether it acknowledges the other's.
 *
 * An unordered network keeps everything that was sent and delivers any of it at
 * any time. An ordered one has two slots per direction and may lose the first.
 */
#include "testmain.h"

#include "sessionfacts.h"

enum { FIN = 1, ACK = 2, KINDS = 4 }; /* ACK: of the other side's FIN */

enum { EMPTY = 1 }; /* of up to two packets: a 1, then two bits each */

/* Ends are in one of enum kernel_state, KERNEL_CLOSE when all is done. */
struct world {
	uint8_t client, server;
	uint8_t table;	  /* enum session_state */
	uint8_t net[2];	  /* to the program, to the client */
	uint8_t queue[2]; /* from the program to the server, and back */
};

enum { IN, OUT };

/* In order of discovery, so that a failure can print how it got there. */
struct search {
	bool ordered;
	uint32_t n, slots;
	struct world *worlds;
	struct step {
		uint32_t from;
		const char *by;
	} * steps;
	uint32_t *hash; /* index + 1 */
	uint32_t lags;	/* worlds at rest that only the kernel could explain */
};

enum { WORLDS_MAX = 1 << 21 };

/* What an end did and knows, by its state. */
static bool fin_sent(uint8_t end)
{
	return end != KERNEL_ESTABLISHED && end != KERNEL_CLOSE_WAIT;
}

static bool fin_received(uint8_t end)
{
	return end == KERNEL_CLOSE_WAIT || end == KERNEL_CLOSING ||
	       end == KERNEL_LAST_ACK || end == KERNEL_TIME_WAIT ||
	       end == KERNEL_CLOSE;
}

static bool done(uint8_t end)
{
	return end == KERNEL_TIME_WAIT || end == KERNEL_CLOSE;
}

/* Has the end a FIN to send, for the first time or again? */
static bool owes_fin(uint8_t end)
{
	return end == KERNEL_FIN_WAIT1 || end == KERNEL_CLOSING ||
	       end == KERNEL_LAST_ACK;
}

static uint8_t end_closes(uint8_t end)
{
	if (end == KERNEL_ESTABLISHED)
		return KERNEL_FIN_WAIT1;
	return end == KERNEL_CLOSE_WAIT ? KERNEL_LAST_ACK : end;
}

static uint8_t end_receives(uint8_t end, uint8_t packet)
{
	static const uint8_t on_ack[] = {
		[KERNEL_FIN_WAIT1] = KERNEL_FIN_WAIT2,
		[KERNEL_CLOSING] = KERNEL_TIME_WAIT,
		[KERNEL_LAST_ACK] = KERNEL_CLOSE,
		[KERNEL_NEW_SYN_RECV] = 0,
	};
	static const uint8_t on_fin[] = {
		[KERNEL_ESTABLISHED] = KERNEL_CLOSE_WAIT,
		[KERNEL_FIN_WAIT1] = KERNEL_CLOSING,
		[KERNEL_FIN_WAIT2] = KERNEL_TIME_WAIT,
		[KERNEL_NEW_SYN_RECV] = 0,
	};

	if (packet & ACK && on_ack[end])
		end = on_ack[end];
	if (packet & FIN && on_fin[end])
		end = on_fin[end];
	return end;
}

static bool has_room(uint8_t queue)
{
	return queue < 1 << 4;
}

static uint8_t put(uint8_t queue, uint8_t packet)
{
	return queue << 2 | packet;
}

static uint8_t head(uint8_t queue)
{
	return queue >> (queue < 1 << 4 ? 0 : 2) & 3;
}

static uint8_t rest(uint8_t queue)
{
	return queue < 1 << 4 ? EMPTY : EMPTY << 2 | (queue & 3);
}

static void story(const struct search *s, uint32_t i)
{
	const struct world *w = &s->worlds[i];

	if (i)
		story(s, s->steps[i].from);
	print_error("%-30s client %s, server %s, table %s\n",
		    i ? s->steps[i].by : "start:", kernel[w->client].name,
		    kernel[w->server].name, state_names[w->table]);
}

#define expect(s, i, what)                                                  \
	do {                                                                \
		if (!(what)) {                                              \
			story(s, i);                                        \
			fail_msg("after the above: expected %s, got state " \
				 "%s",                                      \
				 #what, state_names[(s)->worlds[i].table]); \
		}                                                           \
	} while (0)

/* Does the table's state correspond to the server's? */
static bool means(uint8_t table, uint8_t server)
{
	if (server == KERNEL_CLOSING || server == KERNEL_LAST_ACK)
		return table >= SESSION_CLOSING && table < SESSION_TIME_WAIT;
	return table == (server == KERNEL_CLOSE ? SESSION_TIME_WAIT
						: kernel[server].session);
}

static void judge(struct search *s, uint32_t i)
{
	const struct world *w = &s->worlds[i];
	bool at_rest = w->queue[IN] == EMPTY && w->queue[OUT] == EMPTY;
	struct fins seen = fins_of(w->table);
	bool client_acked = w->table == SESSION_CLOSING_SERVER ||
			    w->table == SESSION_TIME_WAIT;
	bool server_acked = w->table == SESSION_CLOSING_CLIENT ||
			    w->table == SESSION_TIME_WAIT;
	uint8_t asked;
	__u64 events;

	/* never ahead of the facts */
	expect(s, i, !seen.client || fin_sent(w->client));
	expect(s, i, !seen.server || fin_sent(w->server));
	expect(s, i, !client_acked || fin_received(w->server));
	expect(s, i, !server_acked || fin_received(w->client));
	/* nor behind what has passed through the program */
	expect(s, i, seen.client || !fin_received(w->server));
	expect(s, i, seen.server || !fin_received(w->client));
	expect(s, i,
	       w->server != KERNEL_CLOSE || w->table == SESSION_TIME_WAIT);

	if (!at_rest)
		return;
	/* the kernel, asked now, agrees on every FIN */
	asked = session_steps(w->table,
			      w->server == KERNEL_CLOSE
				      ? 1U << INPUT_GONE
				      : session_seen_in(w->server),
			      &events);
	expect(s, i, means(asked, w->server));
	if (!done(w->client) || !done(w->server) ||
	    w->table == SESSION_TIME_WAIT)
		return;
	/*
	 * Over, but the table does not know: the client's last ACK overtook
	 * its own FIN. The table does not store the acknowledgement of one FIN
	 * before it has both, and no packet follows.
	 */
	expect(s, i, !s->ordered);
	expect(s, i, w->table == SESSION_CLOSING_SERVER);
	s->lags++;
}

static uint32_t *place_of(struct search *s, const struct world *w)
{
	uint64_t key = 0;
	uint32_t at;

	memcpy(&key, w, sizeof(*w));
	at = key * 0x9e3779b97f4a7c15ULL >> 40;
	while (s->hash[at & (s->slots - 1)] &&
	       memcmp(&s->worlds[s->hash[at & (s->slots - 1)] - 1], w,
		      sizeof(*w)))
		at++;
	return &s->hash[at & (s->slots - 1)];
}

static void reach(struct search *s, uint32_t from, const struct world *w,
		  const char *by)
{
	uint32_t *place = place_of(s, w);

	if (*place)
		return;
	if (s->n == WORLDS_MAX)
		fail_msg("more than %d worlds: the search has no end",
			 WORLDS_MAX);
	s->worlds[s->n] = *w;
	s->steps[s->n].from = from;
	s->steps[s->n].by = by;
	*place = ++s->n;
	judge(s, s->n - 1);
}

static bool tells_closed(uint64_t events)
{
	while (events && (events & 15) != EV_CLOSED)
		events >>= 4;
	return events;
}

/* The program sees a packet and feeds what it says. */
static void watch(struct search *s, uint32_t from, struct world *w,
		  uint32_t inputs)
{
	uint8_t was = w->table;
	__u64 events;

	w->table = session_steps(was, inputs, &events);
	expect(s, from,
	       tells_closed(events) == (was != SESSION_TIME_WAIT &&
					w->table == SESSION_TIME_WAIT));
	expect(s, from, was != SESSION_TIME_WAIT || was == w->table);
}

static void arrive_in(struct search *s, uint32_t from, struct world w,
		      uint8_t packet)
{
	if (!has_room(w.queue[IN]))
		return;
	watch(s, from, &w,
	      (packet & FIN ? 1U << INPUT_CLIENT_FIN : 0) |
		      (packet & ACK ? 1U << INPUT_SERVER_FIN_ACKED : 0));
	w.queue[IN] = put(w.queue[IN], packet);
	reach(s, from, &w, "XDP sees the client's packet:");
}

static void arrive_out(struct search *s, uint32_t from, struct world w,
		       uint8_t packet)
{
	w.client = end_receives(w.client, packet);
	reach(s, from, &w, "the client receives:");
}

static void net_send(const struct search *s, uint8_t *net, uint8_t packet)
{
	if (!s->ordered)
		*net |= 1 << packet;
	else if (has_room(*net))
		*net = put(*net, packet);
}

static void net_deliver(struct search *s, uint32_t from, int way,
			void (*arrive)(struct search *s, uint32_t from,
				       struct world w, uint8_t packet))
{
	struct world w = s->worlds[from];
	uint8_t net = w.net[way];
	int packet;

	if (!s->ordered) {
		for (packet = 0; packet < KINDS; packet++)
			if (net >> packet & 1)
				arrive(s, from, w, packet);
		return;
	}
	if (net == EMPTY)
		return;
	w.net[way] = rest(net);
	arrive(s, from, w, head(net));
	reach(s, from, &w, "a packet is lost:");
}

/* Everything an end sends acknowledges what it has received. */
static void explore_send(struct search *s, uint32_t from, uint8_t fin)
{
	const struct world now = s->worlds[from];
	struct world w = now;

	if (w.client != KERNEL_CLOSE && (!fin || owes_fin(w.client))) {
		net_send(s, &w.net[IN],
			 fin | (fin_received(w.client) ? ACK : 0));
		reach(s, from, &w, "the client sends:");
	}
	w = now;
	if (w.server != KERNEL_CLOSE && (!fin || owes_fin(w.server)) &&
	    has_room(w.queue[OUT])) {
		w.queue[OUT] = put(w.queue[OUT],
				   fin | (fin_received(w.server) ? ACK : 0));
		reach(s, from, &w, "the server sends:");
	}
}

static void explore(struct search *s, uint32_t from)
{
	const struct world now = s->worlds[from];
	struct world w = now;
	uint8_t packet;

	w.client = end_closes(w.client);
	reach(s, from, &w, "the client closes:");

	w = now;
	w.server = end_closes(w.server);
	reach(s, from, &w, "the server closes:");

	explore_send(s, from, 0);
	explore_send(s, from, FIN);

	w = now;
	if (w.queue[IN] != EMPTY) {
		w.server = end_receives(w.server, head(w.queue[IN]));
		w.queue[IN] = rest(w.queue[IN]);
		reach(s, from, &w, "the server receives:");
	}

	w = now;
	if (w.queue[OUT] != EMPTY) {
		packet = head(w.queue[OUT]);
		w.queue[OUT] = rest(w.queue[OUT]);
		watch(s, from, &w,
		      (packet & FIN ? 1U << INPUT_SERVER_FIN : 0) |
			      (packet & ACK ? 1U << INPUT_CLIENT_FIN_ACKED
					    : 0));
		net_send(s, &w.net[OUT], packet);
		reach(s, from, &w, "egress sees the server's:");
	}

	net_deliver(s, from, IN, arrive_in);
	net_deliver(s, from, OUT, arrive_out);
}

static void search(bool ordered)
{
	struct search s = { .ordered = ordered, .slots = WORLDS_MAX * 2 };
	struct world start = { KERNEL_ESTABLISHED,
			       KERNEL_ESTABLISHED,
			       SESSION_ESTABLISHED,
			       { ordered ? EMPTY : 0, ordered ? EMPTY : 0 },
			       { EMPTY, EMPTY } };
	uint32_t i;

	s.worlds = calloc(WORLDS_MAX, sizeof(*s.worlds));
	s.steps = calloc(WORLDS_MAX, sizeof(*s.steps));
	s.hash = calloc(s.slots, sizeof(*s.hash));
	assert_true(s.worlds && s.steps && s.hash);
	reach(&s, 0, &start, NULL);
	for (i = 0; i < s.n; i++)
		explore(&s, i);
	print_message("%u worlds, %u of them over without the table's knowing "
		      "before it asks\n",
		      s.n, s.lags);
	free(s.worlds);
	free(s.steps);
	free(s.hash);
}

static void order_kept_packets_lost(void **unused)
{
	(void)unused;
	search(true);
}

static void lost_repeated_overtaken(void **unused)
{
	(void)unused;
	search(false);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(order_kept_packets_lost),
	cmocka_unit_test(lost_repeated_overtaken),
};

TEST_MAIN(tests)
