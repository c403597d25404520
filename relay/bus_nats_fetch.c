#include "relay/bus_nats_fetch.h"

#include <stdio.h>
#include <unistd.h>

enum {
	FETCH_MAX = 256,
	FETCH_MS = 1000,
	ANSWER_MS = 2000,
	RETRY_MS = 250,
	QUIET_LOOK = 5, /* fetches that brought nothing */
	LATE_ROUNDS = 8,
	LATE_MS = 50,
	LATE_FETCH_MS = 200,
};
#define SECOND_NS INT64_C(1000000000)

/* A consumer's name is ours alone: no other relay's has it, nor one of our own region. */
static void name_consumer(
	const struct nats_fetcher *fetcher, char stream[static NATS_SUBJECT_MAX], char durable[static NATS_SUBJECT_MAX])
{
	snprintf(stream, NATS_SUBJECT_MAX, "INV_%s", fetcher->relay->name);
	snprintf(durable, NATS_SUBJECT_MAX, "relay-%s", fetcher->conf->name);
}

/* A server that lost its files knows the consumer no more, and leaves what is asked of it unanswered. */
static bool is_forgotten(const struct nats_fetcher *fetcher, jsCtx *js)
{
	char stream[NATS_SUBJECT_MAX], durable[NATS_SUBJECT_MAX];
	jsConsumerInfo *info = NULL;
	jsErrCode code = 0;
	natsStatus status;

	name_consumer(fetcher, stream, durable);
	status = js_GetConsumerInfo(&info, js, stream, durable, NULL, &code);
	jsConsumerInfo_Destroy(info);
	return status == NATS_NOT_FOUND;
}

/* After a power loss a server may have forgotten a consumer, but not the file that says how far it was; one that is made anew then goes on from
 * there, and passes over what a stream that lost more has under these numbers now. True: that was so of this one, which was made just now and is
 * gone again. */
static bool knew_too_much(const struct nats_fetcher *fetcher, jsCtx *js)
{
	char stream[NATS_SUBJECT_MAX], durable[NATS_SUBJECT_MAX];
	jsConsumerInfo *info = NULL;
	jsErrCode code = 0;
	bool knew;

	name_consumer(fetcher, stream, durable);
	knew = js_GetConsumerInfo(&info, js, stream, durable, NULL, &code) == NATS_OK &&
	       (info->Delivered.Stream > 0 || info->AckFloor.Stream > 0);
	jsConsumerInfo_Destroy(info);
	return knew && js_DeleteConsumer(js, stream, durable, NULL, &code) == NATS_OK;
}

/* made: there was no such consumer. */
static natsStatus subscribe_once(struct nats_fetcher *fetcher, bool *made, jsCtx **js, natsSubscription **sub)
{
	char stream[NATS_SUBJECT_MAX], subject[NATS_SUBJECT_MAX], durable[NATS_SUBJECT_MAX];
	jsOptions options;
	jsSubOptions wanted;
	jsErrCode code = 0;
	natsStatus status;

	name_consumer(fetcher, stream, durable);
	snprintf(subject, sizeof subject, "gslb.inv.%s.>", fetcher->relay->name);
	jsOptions_Init(&options);
	options.Domain = fetcher->relay->region;
	options.Wait = ANSWER_MS;
	jsSubOptions_Init(&wanted);
	wanted.Stream = stream;
	wanted.Config.AckPolicy = js_AckExplicit;
	wanted.Config.AckWait = NATS_ACK_WAIT_S * SECOND_NS;
	wanted.Config.DeliverPolicy = js_DeliverAll;
	wanted.Config.MaxAckPending = BUS_QUEUE_MAX;
	status = natsConnection_JetStream(js, fetcher->connection, &options);
	*made = status == NATS_OK && is_forgotten(fetcher, *js);
	if (status == NATS_OK)
		status = js_PullSubscribe(sub, *js, subject, durable, &options, &wanted, &code);
	if (status != NATS_OK) {
		jsCtx_Destroy(*js);
		*js = NULL;
		*sub = NULL;
	}
	return status;
}

static void unsubscribe(jsCtx **js, natsSubscription **sub)
{
	natsSubscription_Destroy(*sub);
	jsCtx_Destroy(*js);
	*sub = NULL;
	*js = NULL;
}

static natsStatus subscribe(struct nats_fetcher *fetcher, jsCtx **js, natsSubscription **sub)
{
	bool made;
	natsStatus status = subscribe_once(fetcher, &made, js, sub);

	if (status != NATS_OK || !made || !knew_too_much(fetcher, *js))
		return status;
	log_warning("bus=nats relay=%s: its server made our consumer anew with an old state: it begins from the start",
		fetcher->relay->name);
	unsubscribe(js, sub);
	return subscribe_once(fetcher, &made, js, sub);
}

void nats_give_back(natsConnection *connection, const char *reply)
{
	natsConnection_PublishString(connection, reply, "-NAK");
}

/* It is of no stream: somebody said it to our inbox. */
static void pass_over(struct nats_fetcher *fetcher)
{
	if (!fetcher->passed_over)
		log_warning("bus=nats relay=%s: what cannot be acknowledged is passed over: nobody but the servers may "
			    "publish to "
			    "_INBOX_relay_%s.>",
			fetcher->relay->name, fetcher->conf->name);
	fetcher->passed_over = true;
}

static void take_list(struct nats_fetcher *fetcher, natsMsgList *list)
{
	for (int i = 0; i < list->Count; i++) {
		natsMsg *message = list->Msgs[i];
		struct heard *heard;

		if (natsMsg_GetReply(message) == NULL) {
			pass_over(fetcher);
			continue;
		}
		heard = heard_event(fetcher->relay->name, natsMsg_GetReply(message), natsMsg_GetData(message),
			(size_t)natsMsg_GetDataLength(message));
		if (!bus_queue_hear(fetcher->queue, heard)) {
			nats_give_back(fetcher->connection, heard->reply);
			heard_free(heard);
		}
	}
	natsMsgList_Destroy(list);
}

static void pause_ms(unsigned ms)
{
	usleep(ms * 1000);
}

/* A server may answer a request once more when it has said that it is over: most of all with what was just given back. What is left in a
 * subscription that ends comes again after NATS_ACK_WAIT_S only, so it ends when an answer from there finds nothing before it. */
static void give_back_late(struct nats_fetcher *fetcher, jsCtx *js, natsSubscription *sub)
{
	for (unsigned i = 0; i < LATE_ROUNDS && sub != NULL; i++) {
		natsMsgList list = { 0 };
		jsErrCode code = 0;
		int waiting = 0;

		if (natsConnection_Status(fetcher->connection) != NATS_CONN_STATUS_CONNECTED)
			return;
		pause_ms(LATE_MS);
		(void)is_forgotten(fetcher, js);
		if (natsSubscription_GetPending(sub, &waiting, NULL) != NATS_OK || waiting == 0)
			return;
		if (natsSubscription_Fetch(&list, sub, waiting, LATE_FETCH_MS, &code) == NATS_OK)
			take_list(fetcher, &list);
	}
}

static void *fetch_main(void *arg)
{
	struct nats_fetcher *fetcher = arg;
	natsSubscription *sub = NULL;
	unsigned failures = 0, quiet = 0;
	jsCtx *js = NULL;

	while (!bus_queue_stops(fetcher->queue)) {
		natsMsgList list = { 0 };
		jsErrCode code = 0;
		natsStatus status = sub == NULL ? subscribe(fetcher, &js, &sub) : NATS_OK;

		/* what a bus that is not in service yet fetched nobody would take, and it would not come by the one that is */
		if (status == NATS_OK && !bus_queue_has_room(fetcher->queue)) {
			pause_ms(10);
			continue;
		}
		if (status == NATS_OK)
			status = natsSubscription_Fetch(&list, sub, FETCH_MAX, FETCH_MS, &code);
		if (status == NATS_OK) {
			failures = quiet = 0;
			take_list(fetcher, &list);
			continue;
		}
		if (status == NATS_TIMEOUT && (++quiet % QUIET_LOOK != 0 || !is_forgotten(fetcher, js)))
			continue;
		/* no link to that region, or no stream there yet: it returns at once, so wait; a subscription that stays broken is made anew */
		pause_ms(RETRY_MS);
		if (sub != NULL && (status == NATS_TIMEOUT || ++failures % 20 == 0))
			unsubscribe(&js, &sub);
	}
	give_back_late(fetcher, js, sub);
	unsubscribe(&js, &sub);
	return NULL;
}

void nats_fetcher_start(struct nats_fetcher *fetcher)
{
	fetcher->started = pthread_create(&fetcher->thread, NULL, fetch_main, fetcher) == 0;
}

void nats_fetcher_join(struct nats_fetcher *fetcher)
{
	if (fetcher->started)
		pthread_join(fetcher->thread, NULL);
}
