/* bus_nats_publish - the thread that makes this relay's stream, and puts the outbox's rows into it. For bus_nats.c. */
#ifndef GSLB_RELAY_BUS_NATS_PUBLISH_H
#define GSLB_RELAY_BUS_NATS_PUBLISH_H

#include "relay/bus_nats_link.h"
#include "relay/bus_queue.h"

enum { NATS_FLIGHT_MAX = 64 }; /* rows on their way at once */

struct nats_publisher {
	const struct relay_conf *conf;
	struct bus_queue *queue;
	jsCtx *js;
	/* rows that were sent and are not answered yet, under the lock */
	pthread_mutex_t lock;
	pthread_cond_t landed;
	size_t sent, back, taken; /* known when all are; answered; and with yes */
	/* when each was sent: answers come in order but for failures, and whose is whose changes no sum */
	uint64_t sent_us[NATS_FLIGHT_MAX];
	struct spread took;
	uint64_t sequence; /* the stream's number of what it took last */
	/* The log and the stream as they were at first. What was made since then cannot be among what the stream had. */
	uint32_t epoch;
	uint64_t last_oseq, had;
	bool noted;      /* had is known */
	bool made_since; /* all those that are on their way */
	char why[128];
};

void nats_publisher_init(struct nats_publisher *out, const struct relay_conf *conf, struct bus_queue *queue);
/* Before the first row is offered. epoch, last_oseq: the log's, now. */
void nats_publisher_begin(struct nats_publisher *out, uint32_t epoch, uint64_t last_oseq);
/* It goes on where another one was. same: of the same servers, so that it notices when they have lost something since. */
void nats_publisher_inherit(struct nats_publisher *out, struct nats_publisher *from, bool same);
/* The context's handler of answers, with the publisher as its closure. */
void nats_publisher_ack(jsCtx *js, natsMsg *msg, jsPubAck *ack, jsPubAckErr *failure, void *arg);
/* How long the bus took for each that it took. Any thread. */
struct spread nats_publisher_took(struct nats_publisher *out);
/* The thread: ends when the queue is stopped. */
void *nats_publisher_main(void *publisher);

#endif
