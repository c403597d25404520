#include "tests/fleet/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "relay/resend.h"
#include "tests/fleet/oracle.h"

enum {
	ACK_WAIT_MS = 30000,
	LATER_MS = 1000,
	ROOM = 1024,
	MESSAGES_MAX = 512,
	AGAIN_MS = 250,
	TIMEOUT_MS = 2000,
	WORD_WAKES_MS = 100,
	KNOWN_MS = 600000, /* so long an id is known that was stored: RELAY 5.2 */
};

struct message {
	uint32_t epoch;
	uint64_t oseq;
	const char *bytes; /* in the arena */
	size_t len;
	uint64_t stored_ms;
};

/* One host's durable consumer of a stream. */
struct consumer {
	uint8_t acked[MESSAGES_MAX];
	uint64_t due_ms[MESSAGES_MAX]; /* when it is brought, or brought again */
	size_t floor;                  /* all below it are acknowledged */
	struct loop_timer timer;
	unsigned origin, host;
};

struct stream {
	struct message list[MESSAGES_MAX];
	size_t n, most; /* most: it once had */
	struct consumer consumer[ENGINE_HOSTS_MAX];
};

/* Something under way. */
struct flight {
	struct loop_timer timer;
	enum { FLIGHT_PUBLISH, FLIGHT_PUBACK, FLIGHT_BRING, FLIGHT_ACK, FLIGHT_WORD } kind;
	unsigned from, to;
	uint32_t life; /* of the end that it goes to */
	struct message message;
	size_t index; /* in the stream; FLIGHT_PUBACK: 0 is the first */
	bool good, duplicate;
	void (*take)(unsigned to, unsigned from, const void *bytes, size_t len);
	LIST_ENTRY(flight) link;
};

/* An event that came in, or a receipt. */
struct arrival {
	unsigned from;
	struct message message;
	size_t index;
	bool errors;
	STAILQ_ENTRY(arrival) link;
};
STAILQ_HEAD(arrivals, arrival);

struct stream_end {
	unsigned host;
	uint32_t life;
	const struct relay_conf *conf;
	struct store *store;
	void (*woken)(unsigned host, uint64_t in_ms);
	const char *others[ENGINE_HOSTS_MAX];
	size_t nothers, waiting, next_index;
	bool lost, known;
	/* its log and the stream as they were at first */
	uint32_t epoch;
	uint64_t last_oseq;
	size_t had;
	struct resend resend;
	struct arrivals events, receipts, taken;
};

static struct stream streams[ENGINE_HOSTS_MAX];
static struct stream_end *ends[ENGINE_HOSTS_MAX];
static uint32_t lives;
static LIST_HEAD(, flight) flights;
static struct arena *arena;
struct stream_totals stream_totals;

/* ---- what is under way ---- */

static void land(struct loop_timer *timer);

static struct flight *depart(const struct flight *from, uint64_t ms)
{
	struct flight *flight = mem_dup(from, sizeof *from);

	flight->timer = (struct loop_timer){ .fire = land };
	LIST_INSERT_HEAD(&flights, flight, link);
	engine_in(ENGINE_NOBODY, &flight->timer, ms);
	return flight;
}

static void keep(struct message *message)
{
	message->bytes = arena_dup(arena, message->bytes, message->len);
}

/* The one that it is meant for, and not another that was started since. */
static bool is_alive(unsigned host, uint32_t life)
{
	return ends[host] != NULL && ends[host]->life == life;
}

/* ---- the server ---- */

static void pump(struct consumer *consumer)
{
	struct stream *stream = &streams[consumer->origin];
	uint64_t now_ms = engine_now_ms(), next_ms = UINT64_MAX;
	bool open = ends[consumer->host] != NULL && world_links(consumer->origin, consumer->host);

	while (consumer->floor < stream->n && consumer->acked[consumer->floor])
		consumer->floor++;
	for (size_t i = consumer->floor; open && i < stream->n; i++) {
		unsigned times = engine_chance(world.twice) ? 2 : 1;

		if (consumer->acked[i])
			continue;
		if (consumer->due_ms[i] > now_ms) {
			next_ms = consumer->due_ms[i] < next_ms ? consumer->due_ms[i] : next_ms;
			continue;
		}
		stream_totals.again += consumer->due_ms[i] > 0;
		consumer->due_ms[i] = now_ms + ACK_WAIT_MS;
		next_ms = consumer->due_ms[i] < next_ms ? consumer->due_ms[i] : next_ms;
		while (times-- > 0)
			depart(&(struct flight){ .kind = FLIGHT_BRING,
				       .from = consumer->origin,
				       .to = consumer->host,
				       .life = ends[consumer->host]->life,
				       .message = stream->list[i],
				       .index = i },
				world_delay_ms(consumer->origin, consumer->host));
	}
	if (next_ms != UINT64_MAX)
		engine_in(ENGINE_NOBODY, &consumer->timer, next_ms - now_ms);
}

static void pump_again(struct loop_timer *timer)
{
	pump(LOOP_OWNER(timer, struct consumer, timer));
}

static size_t find(const struct stream *stream, const struct message *message, uint64_t from_ms)
{
	size_t at = 0;

	while (at < stream->n && !(stream->list[at].epoch == message->epoch && stream->list[at].oseq == message->oseq &&
					 stream->list[at].stored_ms >= from_ms))
		at++;
	return at;
}

static void take_publish(const struct flight *flight)
{
	struct stream *stream = &streams[flight->from];
	struct flight answer = *flight;
	uint64_t now_ms = engine_now_ms();

	if (world.unbused[flight->from] > 0) {
		if (is_alive(flight->from, flight->life))
			depart(flight, AGAIN_MS);
		return;
	}
	answer.kind = FLIGHT_PUBACK;
	answer.index = find(stream, &flight->message, now_ms > KNOWN_MS ? now_ms - KNOWN_MS : 0);
	answer.duplicate = answer.index < stream->n;
	if (!answer.duplicate) {
		assert(stream->n < MESSAGES_MAX);
		stream->list[stream->n] = flight->message;
		stream->list[stream->n++].stored_ms = now_ms;
		stream->most = stream->n > stream->most ? stream->n : stream->most;
		stream_totals.published++;
		for (unsigned i = 0; i < world.nhosts; i++)
			if (i != flight->from)
				pump(&stream->consumer[i]);
	}
	depart(&answer, 1);
}

static void take_ack(const struct flight *flight)
{
	struct stream *stream = &streams[flight->to];
	struct consumer *consumer = &stream->consumer[flight->from];

	if (flight->index >= stream->n || !world_links(flight->from, flight->to))
		return;
	if (flight->good)
		consumer->acked[flight->index] = 1;
	else
		consumer->due_ms[flight->index] = engine_now_ms() + LATER_MS;
	pump(consumer);
}

/* What it had not sent yet is lost with it. */
static void recall(unsigned origin, size_t n)
{
	struct flight *flight;

	LIST_FOREACH(flight, &flights, link)
	if (flight->kind == FLIGHT_BRING && flight->from == origin && flight->index >= n)
		flight->life = 0; /* to nobody */
}

void stream_roll_back(unsigned origin, unsigned messages)
{
	struct stream *stream = &streams[origin];
	size_t n = stream->n > messages ? stream->n - messages : 0;

	trace("server of h%u loses %zu messages", origin, stream->n - n);
	stream_totals.rolled_back += stream->n - n;
	stream->n = n;
	recall(origin, n);
	for (unsigned i = 0; i < world.nhosts; i++) {
		struct consumer *consumer = &stream->consumer[i];

		consumer->floor = consumer->floor < n ? consumer->floor : n;
		memset(&consumer->acked[n], 0, MESSAGES_MAX - n);
		memset(&consumer->due_ms[n], 0, (MESSAGES_MAX - n) * sizeof consumer->due_ms[0]);
	}
}

/* ---- the host's side ---- */

static struct arrival *arrive(struct arrivals *list, const struct flight *flight)
{
	struct arrival *arrival = mem_alloc(sizeof *arrival);

	*arrival = (struct arrival){ .from = flight->from, .message = flight->message, .index = flight->index };
	STAILQ_INSERT_TAIL(list, arrival, link);
	return arrival;
}

static void send_row(struct stream_end *end, const struct message *message, uint64_t ms)
{
	end->waiting++;
	depart(&(struct flight){ .kind = FLIGHT_PUBLISH,
		       .from = end->host,
		       .to = end->host,
		       .life = end->life,
		       .message = *message },
		ms);
}

/* Until its server has answered, a row is sent again and again, as bus_nats_publish.c does; its numbers only rise, else it has lost some. */
static void take_puback(struct stream_end *end, const struct flight *flight)
{
	end->waiting--;
	if (!flight->duplicate) {
		end->lost = end->lost || flight->index < end->next_index;
		end->next_index = flight->index + 1;
		end->had = flight->index < end->had ? flight->index : end->had;
	} else if (flight->message.epoch == end->epoch && flight->message.oseq > end->last_oseq &&
		   flight->index < end->had) {
		end->known = true;
	}
	end->woken(end->host, 0);
}

static void take_word(struct stream_end *end, const struct flight *flight)
{
	if (flight->take != NULL) {
		flight->take(flight->to, flight->from, flight->message.bytes, flight->message.len);
		return;
	}
	arrive(&end->receipts, flight)->errors = !flight->good;
	end->woken(end->host, WORD_WAKES_MS);
}

/* Not to one that has died since, nor to one that was cut off meanwhile. */
static void land_at(const struct flight *flight)
{
	struct stream_end *end = ends[flight->to];

	if (!is_alive(flight->to, flight->life))
		return;
	if (flight->kind == FLIGHT_PUBACK && world.unbused[flight->to] > 0) {
		struct flight again = *flight;

		again.kind = FLIGHT_PUBLISH; /* stored, and nobody was told */
		depart(&again, TIMEOUT_MS);
		return;
	}
	if (!world_links(flight->from, flight->to))
		return;
	engine_be(flight->to);
	if (flight->kind == FLIGHT_PUBACK)
		take_puback(end, flight);
	if (flight->kind == FLIGHT_BRING) {
		stream_totals.brought++;
		arrive(&end->events, flight);
		end->woken(end->host, 0);
	}
	if (flight->kind == FLIGHT_WORD)
		take_word(end, flight);
	engine_be(ENGINE_NOBODY);
}

static void land(struct loop_timer *timer)
{
	struct flight *flight = LOOP_OWNER(timer, struct flight, timer);

	LIST_REMOVE(flight, link);
	switch (flight->kind) {
	case FLIGHT_PUBLISH:
		take_publish(flight);
		break;
	case FLIGHT_ACK:
		take_ack(flight);
		break;
	case FLIGHT_PUBACK:
	case FLIGHT_BRING:
	case FLIGHT_WORD:
		land_at(flight);
		break;
	}
	free(flight);
}

void stream_say(unsigned from, unsigned to, const void *bytes, size_t len,
	void (*take)(unsigned to, unsigned from, const void *bytes, size_t len))
{
	struct flight word = { .kind = FLIGHT_WORD, .from = from, .to = to, .take = take, .good = true };
	unsigned times = engine_chance(world.twice) ? 2 : 1;

	stream_totals.words++;
	if (ends[to] == NULL || !world_links(from, to) || engine_chance(world.loss)) {
		stream_totals.lost++;
		return;
	}
	word.life = ends[to]->life;
	word.message = (struct message){ .bytes = bytes, .len = len };
	keep(&word.message);
	while (times-- > 0)
		depart(&word, world_delay_ms(from, to));
}

bool stream_is_open(unsigned host)
{
	return ends[host] != NULL;
}

/* ---- as a bus ---- */

static void offer(void *arg, uint32_t epoch, uint64_t oseq, const char *bytes, size_t len)
{
	struct stream_end *end = arg;
	struct message message = { .epoch = epoch, .oseq = oseq, .bytes = bytes, .len = len };

	keep(&message);
	send_row(end, &message, 1);
}

static uint64_t end_publish(void *bus, uint64_t now_ms)
{
	struct stream_end *end = bus;
	bool lost = end->lost;

	end->lost = false;
	return resend_run(&end->resend, end->store,
		&(struct resend_way){ .relays = end->others,
			.nrelays = end->nothers,
			.waiting = end->waiting,
			.room = end->waiting < ROOM ? ROOM - end->waiting : 0,
			.lost = lost,
			.offer = offer,
			.arg = end },
		now_ms);
}

static bool end_fetch(void *bus, size_t max,
	enum bus_taken (*take)(void *arg, const char *from, const char *bytes, size_t len), void *arg, struct err *err)
{
	struct stream_end *end = bus;
	enum bus_taken taken = BUS_TAKEN;

	if (!bus_own(end->store, end->conf->name, max, take, arg, err))
		return false;
	while (max-- > 0 && taken != BUS_STOP && !STAILQ_EMPTY(&end->events)) {
		struct arrival *arrival = STAILQ_FIRST(&end->events);

		STAILQ_REMOVE_HEAD(&end->events, link);
		taken = take(arg, end->conf->relays[arrival->from].name, arrival->message.bytes, arrival->message.len);
		if (taken == BUS_TAKEN)
			STAILQ_INSERT_TAIL(&end->taken, arrival, link);
		else
			free(arrival);
	}
	return true;
}

static void end_acknowledge(void *bus, bool committed)
{
	struct stream_end *end = bus;

	while (!STAILQ_EMPTY(&end->taken)) {
		struct arrival *arrival = STAILQ_FIRST(&end->taken);

		STAILQ_REMOVE_HEAD(&end->taken, link);
		if (committed)
			oracle_acknowledged(end->host, arrival->from, arrival->message.epoch, arrival->message.oseq);
		depart(&(struct flight){ .kind = FLIGHT_ACK,
			       .from = end->host,
			       .to = arrival->from,
			       .index = arrival->index,
			       .good = committed },
			world_delay_ms(end->host, arrival->from));
		free(arrival);
	}
}

static unsigned number_of(const struct relay_conf *conf, const char *name)
{
	unsigned at = 0;

	while (at < conf->nrelays && strcmp(conf->relays[at].name, name) != 0)
		at++;
	return at;
}

static bool end_receipt(void *bus, const struct store_mark *done, bool errors, struct err *err)
{
	struct stream_end *end = bus;
	unsigned to = number_of(end->conf, done->origin);
	struct flight word = { .kind = FLIGHT_WORD, .from = end->host, .to = to, .good = !errors };

	if (to == end->host)
		return store_receipt(end->store, end->conf->name, done->epoch, done->oseq, errors, err);
	stream_totals.words++;
	if (to >= world.nhosts || ends[to] == NULL || !world_links(end->host, to) || engine_chance(world.loss)) {
		stream_totals.lost++;
		return true;
	}
	word.life = ends[to]->life;
	word.message.epoch = done->epoch;
	word.message.oseq = done->oseq;
	depart(&word, world_delay_ms(end->host, to));
	return true;
}

static void end_state(void *bus, const char *origin, const struct work_state *state)
{
	(void)bus; /* a courtesy: receipts say the same */
	(void)origin;
	(void)state;
}

static void end_listen(void *bus, const struct bus_ear *ear)
{
	struct stream_end *end = bus;

	while (!STAILQ_EMPTY(&end->receipts)) {
		struct arrival *arrival = STAILQ_FIRST(&end->receipts);

		STAILQ_REMOVE_HEAD(&end->receipts, link);
		ear->receipt(ear->arg, end->conf->relays[arrival->from].name, arrival->message.epoch,
			arrival->message.oseq, arrival->errors);
		free(arrival);
	}
	if (end->known)
		ear->known(ear->arg);
	end->known = false;
}

static void end_status(void *bus, struct bus_status *status)
{
	const struct stream_end *end = bus;

	*status = (struct bus_status){ .connected = world.unbused[end->host] == 0 };
}

const struct bus_ops stream_ops = {
	.name = "stream",
	.publish = end_publish,
	.fetch = end_fetch,
	.acknowledge = end_acknowledge,
	.receipt = end_receipt,
	.state = end_state,
	.listen = end_listen,
	.status = end_status,
};

/* ---- life ---- */

struct stream_end *stream_open(
	unsigned host, const struct relay_conf *conf, struct store *store, void (*woken)(unsigned host, uint64_t in_ms))
{
	struct stream_end *end = mem_alloc(sizeof *end);

	end->host = host;
	end->life = ++lives;
	end->conf = conf;
	end->epoch = store_epoch(store);
	end->last_oseq = store_last(store);
	end->had = streams[host].n;
	end->store = store;
	end->woken = woken;
	STAILQ_INIT(&end->events);
	STAILQ_INIT(&end->receipts);
	STAILQ_INIT(&end->taken);
	for (size_t i = 0; i < conf->nrelays; i++)
		if (i != host)
			end->others[end->nothers++] = conf->relays[i].name;
	ends[host] = end;
	for (unsigned i = 0; i < world.nhosts; i++)
		if (i != host)
			pump(&streams[i].consumer[host]);
	return end;
}

static void drop(struct arrivals *list)
{
	while (!STAILQ_EMPTY(list)) {
		struct arrival *arrival = STAILQ_FIRST(list);

		STAILQ_REMOVE_HEAD(list, link);
		free(arrival);
	}
}

void stream_close(struct stream_end *end)
{
	if (end == NULL)
		return;
	ends[end->host] = NULL;
	drop(&end->events);
	drop(&end->receipts);
	drop(&end->taken);
	free(end);
}

void stream_heal(void)
{
	for (unsigned i = 0; i < world.nhosts; i++)
		for (unsigned k = 0; k < world.nhosts; k++)
			if (i != k)
				pump(&streams[i].consumer[k]);
}

bool stream_has(unsigned origin, uint32_t epoch, uint64_t oseq)
{
	const struct message message = { .epoch = epoch, .oseq = oseq };

	return find(&streams[origin], &message, 0) < streams[origin].n;
}

static void reset_stream(unsigned origin)
{
	struct stream *stream = &streams[origin];

	for (unsigned i = 0; i < ENGINE_HOSTS_MAX; i++) {
		struct consumer *consumer = &stream->consumer[i];

		memset(consumer->acked, 0, stream->most);
		memset(consumer->due_ms, 0, stream->most * sizeof consumer->due_ms[0]);
		consumer->floor = 0;
		consumer->timer = (struct loop_timer){ .fire = pump_again };
		consumer->origin = origin;
		consumer->host = i;
	}
	stream->n = stream->most = 0;
}

void stream_reset(void)
{
	while (!LIST_EMPTY(&flights)) {
		struct flight *flight = LIST_FIRST(&flights);

		LIST_REMOVE(flight, link);
		free(flight);
	}
	arena_free(arena);
	arena = arena_new();
	for (unsigned i = 0; i < ENGINE_HOSTS_MAX; i++)
		reset_stream(i);
	stream_totals = (struct stream_totals){ 0 };
}
