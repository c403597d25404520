/* NATS JetStream, as RELAY 2 to 5 found it to work: a stream INV_<relay> of its own for each gslb-relay, in its region's domain; a durable pull
 * consumer on every other one's stream, reached through the leaf link by that domain; no sources and no mirrors. Receipts are core messages,
 * said again every second, so that a lost one does no harm.
 *
 * libnats blocks, and calls back in threads of its own: the main thread only ever takes from and puts into queues under a lock. One
 * thread publishes, in order, so that an origin's numbers come without gaps; one thread for each other relay fetches. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "relay/bus_nats_fetch.h"
#include "relay/bus_nats_link.h"
#include "relay/bus_nats_publish.h"
#include "relay/bus_queue.h"
#include "relay/conf_bus.h"
#include "relay/resend.h"

enum {
	PUBLISH_MS = 2000,
	FLUSH_MS = 500,
};

struct nats {
	SLIST_ENTRY(nats) ended;
	const struct relay_conf *conf;
	struct store *store;
	natsConnection *connection;
	natsConnection *later; /* for what has a millisecond of time; NULL: there is none */
	natsSubscription
		*words[2 * CONF_RELAYS_MAX +
			EVENT_REGIONS_MAX]; /* receipts and states of each relay, periodic states of each region */
	size_t nwords;
	struct nats_fetcher fetcher[CONF_RELAYS_MAX];
	size_t nfetchers;
	pthread_t publisher;
	bool publishing;
	struct bus_queue queue;
	struct nats_publisher out;
	/* the main thread's */
	const char *others[CONF_RELAYS_MAX]; /* the fetchers' relays */
	struct resend resend;
	struct heard_list taken; /* fetched, and not committed yet */
};

/* ---- words ---- */

static void take_word(natsConnection *connection, natsSubscription *sub, natsMsg *msg, void *arg)
{
	struct heard *heard =
		heard_word(natsMsg_GetSubject(msg), natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg));
	struct nats *nats = arg;

	(void)connection;
	(void)sub;
	if (heard != NULL && !bus_queue_hear(&nats->queue, heard))
		heard_free(heard);
	natsMsg_Destroy(msg);
}

/* ---- opening and closing ---- */

static void on_disconnect(natsConnection *connection, void *arg)
{
	struct nats *nats = arg;

	(void)connection;
	if (bus_queue_stops(&nats->queue))
		return;
	bus_queue_connected(&nats->queue, false);
	log_warning("bus=nats state=disconnected: events wait in the log");
}

static void on_connect(natsConnection *connection, void *arg)
{
	struct nats *nats = arg;

	(void)connection;
	bus_queue_connected(&nats->queue, true);
	log_notice("bus=nats state=connected");
}

/* Of each relay by itself: a hub that lets a region's server say only what is of its region does not pass on that somebody wants to hear of
 * any ("gslb.rcpt.*.eu"). */
static natsStatus hear(struct nats *nats, const char *kind, const char *relay)
{
	char subject[NATS_SUBJECT_MAX];

	snprintf(subject, sizeof subject, "gslb.%s.%s.%s", kind, relay, nats->conf->name);
	return natsConnection_Subscribe(&nats->words[nats->nwords++], nats->connection, subject, take_word, nats);
}

/* Of our own region, too: it may have other hosts. */
static natsStatus hear_said(struct nats *nats, const char *region)
{
	char subject[NATS_SUBJECT_MAX];

	snprintf(subject, sizeof subject, "gslb.state.%s.>", region);
	return natsConnection_Subscribe(&nats->words[nats->nwords++], nats->connection, subject, take_word, nats);
}

static natsStatus connect_nats(struct nats *nats)
{
	natsOptions *options = NULL;
	jsOptions js_options;
	natsStatus s = nats_options(nats->conf, true, &options);

	jsOptions_Init(&js_options);
	js_options.Domain = nats->conf->region;
	js_options.Wait = PUBLISH_MS;
	js_options.PublishAsync.AckHandler = nats_publisher_ack;
	js_options.PublishAsync.AckHandlerClosure = &nats->out;
	if (s == NATS_OK)
		s = natsOptions_SetRetryOnFailedConnect(options, true, on_connect, nats);
	if (s == NATS_OK)
		s = natsOptions_SetDisconnectedCB(options, on_disconnect, nats);
	if (s == NATS_OK)
		s = natsOptions_SetReconnectedCB(options, on_connect, nats);
	if (s == NATS_OK) {
		s = natsConnection_Connect(&nats->connection, options);
		bus_queue_connected(&nats->queue, s == NATS_OK);
		s = s == NATS_NOT_YET_CONNECTED ? NATS_OK : s;
	}
	if (s == NATS_OK)
		s = natsConnection_JetStream(&nats->out.js, nats->connection, &js_options);
	for (size_t i = 0; i < nats->conf->nregions && s == NATS_OK; i++)
		s = hear_said(nats, nats->conf->regions[i]);
	for (size_t i = 0; i < nats->conf->nrelays; i++) {
		const char *relay = nats->conf->relays[i].name;

		if (strcmp(relay, nats->conf->name) == 0)
			continue;
		if (s == NATS_OK)
			s = hear(nats, "rcpt", relay);
		if (s == NATS_OK)
			s = hear(nats, "rcptx", relay);
	}
	natsOptions_Destroy(options);
	return s;
}

static void start_threads(struct nats *nats)
{
	const struct relay_conf *conf = nats->conf;

	nats->publishing = pthread_create(&nats->publisher, NULL, nats_publisher_main, &nats->out) == 0;
	for (size_t i = 0; i < conf->nrelays; i++) {
		if (strcmp(conf->relays[i].name, conf->name) == 0)
			continue;
		nats->others[nats->nfetchers] = conf->relays[i].name;
		nats->fetcher[nats->nfetchers] = (struct nats_fetcher){
			.conf = conf, .relay = &conf->relays[i], .connection = nats->connection, .queue = &nats->queue
		};
		nats_fetcher_start(&nats->fetcher[nats->nfetchers++]);
	}
}

static void give_back_all(struct nats *nats)
{
	struct heard *heard;

	while ((heard = bus_queue_event(&nats->queue)) != NULL) {
		nats_give_back(nats->connection, heard->reply);
		heard_free(heard);
	}
}

static void join_threads(struct nats *nats)
{
	if (nats->publishing)
		pthread_join(nats->publisher, NULL);
	for (size_t i = 0; i < nats->nfetchers; i++)
		nats_fetcher_join(&nats->fetcher[i]);
}

/* libnats may call back yet, in threads of its own, with what it was given: that stays until the library has ended. */
static pthread_mutex_t ended_lock = PTHREAD_MUTEX_INITIALIZER;
static SLIST_HEAD(, nats) ended = SLIST_HEAD_INITIALIZER(ended);

static void nats_close(void *bus)
{
	struct nats *nats = bus;

	bus_queue_stop(&nats->queue);
	join_threads(nats);
	for (size_t i = 0; i < nats->nwords; i++)
		natsSubscription_Destroy(nats->words[i]);
	give_back_all(nats);
	heard_free_all(&nats->taken);
	if (nats->connection != NULL)
		natsConnection_FlushTimeout(nats->connection, FLUSH_MS);
	jsCtx_Destroy(nats->out.js);
	natsConnection_Destroy(nats->later);
	natsConnection_Destroy(nats->connection);
	pthread_mutex_lock(&ended_lock);
	SLIST_INSERT_HEAD(&ended, nats, ended);
	pthread_mutex_unlock(&ended_lock);
}

/* What the same servers have taken, with the same signatures, they are not offered again, but for what was on its way: that they keep only once. */
static void take_over(struct nats *nats, struct nats *old)
{
	bool same = conf_bus_same_servers(nats->conf, old->conf);
	uint64_t least;

	bus_queue_stop(&old->queue); /* what it is given from now on it gives back */
	bus_queue_inherit(&nats->queue, &old->queue);
	nats_publisher_inherit(&nats->out, &old->out, same);
	if (!same || !sign_same(nats->conf->sign, old->conf->sign)) {
		nats->resend.again = old->resend.again;
		return;
	}
	nats->resend = old->resend;
	least = bus_queue_least(&old->queue, nats->resend.epoch);
	if (least <= nats->resend.offered)
		nats->resend.offered = least - 1;
}

/* What the log has up to now another connection may have published, as the stream had it when this one was made. */
static void nats_begin(void *bus, struct store *store, void *from)
{
	struct nats *nats = bus;

	nats->store = store;
	nats_publisher_begin(&nats->out, store_epoch(store), store_last(store));
	if (from != NULL)
		take_over(nats, from);
	bus_queue_begin(&nats->queue);
}

/* All are closed. */
static void nats_end(void)
{
	struct nats *nats;

	if (SLIST_EMPTY(&ended))
		return;
	nats_CloseAndWait(2000);
	while ((nats = SLIST_FIRST(&ended)) != NULL) {
		SLIST_REMOVE_HEAD(&ended, ended);
		bus_queue_fini(&nats->queue);
		free(nats);
	}
}

static void *nats_open(const struct relay_conf *conf, int event_fd, struct err *err)
{
	struct nats *nats = mem_alloc(sizeof *nats);
	natsStatus status;

	nats->conf = conf;
	bus_queue_init(&nats->queue, event_fd);
	nats_publisher_init(&nats->out, conf, &nats->queue);
	STAILQ_INIT(&nats->taken);
	status = connect_nats(nats);
	if (status != NATS_OK) {
		nats_why(conf, status, err);
		nats_close(nats);
		return NULL;
	}
	if (natsConnection_Status(nats->connection) ==
		NATS_CONN_STATUS_CONNECTED) /* the server knows what we want to hear */
		natsConnection_FlushTimeout(nats->connection, FLUSH_MS);
	nats->later = nats_connect_later(conf);
	start_threads(nats);
	return nats;
}

/* ---- for the main thread: out ---- */

static void offer(void *arg, uint32_t epoch, uint64_t oseq, const char *bytes, size_t len)
{
	struct nats *nats = arg;
	struct buf made = { 0 };

	if (nats->conf->sign == NULL) {
		bus_queue_offer(&nats->queue, epoch, oseq, bytes, len);
		return;
	}
	sign_event(nats->conf->sign, nats->conf->name, bytes, len, &made);
	bus_queue_offer(&nats->queue, epoch, oseq, made.text, made.len);
	buf_fini(&made);
}

static uint64_t nats_publish(void *bus, uint64_t now_ms)
{
	struct nats *nats = bus;
	size_t waiting = bus_queue_rows(&nats->queue);

	return resend_run(&nats->resend, nats->store,
		&(struct resend_way){
			.relays = nats->others,
			.nrelays = nats->nfetchers,
			.waiting = waiting,
			.room = waiting < BUS_ROWS_MAX ? BUS_ROWS_MAX - waiting : 0,
			.lost = bus_queue_regressed(&nats->queue),
			.offer = offer,
			.arg = nats,
		},
		now_ms);
}

static void say(struct nats *nats, const char *subject, const char *text)
{
	natsConnection_Publish(nats->connection, subject, text, (int)strlen(text)); /* a lost one is said again */
}

static bool nats_receipt(void *bus, const struct store_mark *done, bool errors, struct err *err)
{
	struct nats *nats = bus;
	char subject[NATS_SUBJECT_MAX], text[WORD_TEXT_MAX];

	if (strcmp(done->origin, nats->conf->name) == 0)
		return store_receipt(nats->store, nats->conf->name, done->epoch, done->oseq, errors, err);
	snprintf(subject, sizeof subject, "gslb.rcpt.%s.%s", nats->conf->name, done->origin);
	word_receipt(done, errors, text);
	say(nats, subject, text);
	return true;
}

static void nats_state(void *bus, const char *origin, const struct work_state *state)
{
	struct nats *nats = bus;
	char subject[NATS_SUBJECT_MAX], text[WORD_TEXT_MAX];

	if (strcmp(origin, nats->conf->name) == 0)
		return;
	snprintf(subject, sizeof subject, "gslb.rcptx.%s.%s", nats->conf->name, origin);
	word_state(state, text);
	say(nats, subject, text);
}

static void nats_say(void *bus, const char *node, enum state_kind kind, const void *bytes, size_t len)
{
	struct nats *nats = bus;
	char subject[NATS_SUBJECT_MAX];

	/* libnats would keep it until the bus is back, and then send all of them, old as they are */
	if (natsConnection_Status(nats->connection) != NATS_CONN_STATUS_CONNECTED)
		return;
	snprintf(subject, sizeof subject, "gslb.state.%s.%s.%s", nats->conf->region, node, state_kind_name(kind));
	natsConnection_Publish(nats->connection, subject, bytes, (int)len);
}

/* ---- for the main thread: in ---- */

static bool nats_fetch(void *bus, size_t max,
	enum bus_taken (*take)(void *arg, const char *from, const char *bytes, size_t len), void *arg, struct err *err)
{
	struct nats *nats = bus;
	enum bus_taken taken = BUS_TAKEN;
	struct heard *heard;

	if (!bus_own(nats->store, nats->conf->name, max, take, arg, err))
		return false;
	while (max-- > 0 && taken != BUS_STOP && (heard = bus_queue_event(&nats->queue)) != NULL) {
		taken = take(arg, heard->relay, (const char *)heard->bytes, heard->len);
		if (taken == BUS_TAKEN) {
			STAILQ_INSERT_TAIL(&nats->taken, heard, link);
			continue;
		}
		heard_free(heard); /* not acknowledged: it comes again after NATS_ACK_WAIT_S */
	}
	return true;
}

/* By its subject, which is good for any connection. One that is lost makes the event come again, which does no harm. */
static void acknowledge(struct nats *nats, const char *reply)
{
	if (nats->later == NULL || natsConnection_PublishString(nats->later, reply, "+ACK") != NATS_OK)
		natsConnection_PublishString(nats->connection, reply, "+ACK");
}

static void nats_acknowledge(void *bus, bool committed)
{
	struct nats *nats = bus;
	const struct heard *heard;

	STAILQ_FOREACH(heard, &nats->taken, link)
	{
		if (committed)
			acknowledge(nats, heard->reply);
		else /* at once would be a loop for as long as the disk is full */
			natsConnection_PublishString(nats->connection, heard->reply, "-NAK {\"delay\":1000000000}");
	}
	heard_free_all(&nats->taken);
}

static void nats_listen(void *bus, const struct bus_ear *ear)
{
	struct nats *nats = bus;
	struct heard *heard;

	while ((heard = bus_queue_word(&nats->queue)) != NULL) {
		if (heard->kind == HEARD_RECEIPT)
			ear->receipt(ear->arg, heard->relay, heard->epoch, heard->oseq, heard->errors);
		else if (heard->kind == HEARD_STATE)
			ear->state(ear->arg, heard->relay, &heard->state);
		else
			ear->said(ear->arg, heard->region, heard->node, heard->state_kind, heard->bytes, heard->len);
		heard_free(heard);
	}
	if (bus_queue_knew(&nats->queue))
		ear->known(ear->arg);
}

static void nats_status_of(void *bus, struct bus_status *status)
{
	struct nats *nats = bus;

	pthread_mutex_lock(&nats->queue.lock);
	*status = (struct bus_status){
		.connected = nats->queue.connected,
		.ended = natsConnection_Status(nats->connection) == NATS_CONN_STATUS_CLOSED,
		.offered = nats->resend.offered,
		.resent = nats->resend.again,
		.regressions = nats->queue.regressions,
	};
	snprintf(status->trouble, sizeof status->trouble, "%s", nats->queue.trouble);
	pthread_mutex_unlock(&nats->queue.lock);
	status->published = nats_publisher_took(&nats->out);
}

const struct bus_ops bus_nats = {
	.name = "nats",
	.open = nats_open,
	.begin = nats_begin,
	.reach = nats_reach,
	.close = nats_close,
	.end = nats_end,
	.publish = nats_publish,
	.fetch = nats_fetch,
	.acknowledge = nats_acknowledge,
	.receipt = nats_receipt,
	.state = nats_state,
	.say = nats_say,
	.listen = nats_listen,
	.status = nats_status_of,
};
