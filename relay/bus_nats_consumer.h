/* bus_nats_consumer - what a server knows of a durable consumer, and should not. For bus_nats.c; any thread, blocks. */
#ifndef GSLB_RELAY_BUS_NATS_CONSUMER_H
#define GSLB_RELAY_BUS_NATS_CONSUMER_H

#include "relay/bus_nats_link.h"

/* A server that lost its files knows the consumer no more, and leaves what is asked of it unanswered. */
bool nats_consumer_is_forgotten(jsCtx *js, const char *stream, const char *durable);
/* After a power loss a server may have forgotten a consumer, but not the file that says how far it was; one that is made anew then goes on from
 * there, and passes over what a stream that lost more has under these numbers now. True: that was so of this one, which was made just now and is
 * gone again. */
bool nats_consumer_knew_too_much(jsCtx *js, const char *stream, const char *durable);

#endif
