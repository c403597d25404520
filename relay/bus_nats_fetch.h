/* bus_nats_fetch - a thread that fetches what another relay made, from that one's stream, by a durable consumer of ours. For bus_nats.c. */
#ifndef GSLB_RELAY_BUS_NATS_FETCH_H
#define GSLB_RELAY_BUS_NATS_FETCH_H

#include "relay/bus_nats_link.h"
#include "relay/bus_queue.h"

enum { NATS_ACK_WAIT_S = 30 }; /* until what was fetched and not acknowledged comes again */

/* All but the thread is the caller's, and stays until the thread has ended. */
struct nats_fetcher {
	const struct relay_conf *conf;
	const struct conf_relay *relay; /* whose stream it reads */
	natsConnection *connection;
	struct bus_queue *queue; /* when it is stopped the thread ends */
	pthread_t thread;
	bool started;
	bool passed_over; /* the thread's: something was, which is said */
};

void nats_fetcher_start(struct nats_fetcher *fetcher);
void nats_fetcher_join(struct nats_fetcher *fetcher);
/* What was fetched and will not be taken comes again at once, to whoever asks then; else after NATS_ACK_WAIT_S. Any thread. */
void nats_give_back(natsConnection *connection, const char *reply);

#endif
