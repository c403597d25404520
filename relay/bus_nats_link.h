/* bus_nats_link - how a NATS server is reached: addresses, TLS, names. For bus_nats.c,
 * bus_nats_fetch.c, bus_nats_publish.c, bus_nats_check.c and bus_nats_replay.c, which alone know libnats. */
#ifndef GSLB_RELAY_BUS_NATS_LINK_H
#define GSLB_RELAY_BUS_NATS_LINK_H

#include <nats/nats.h>

#include "relay/conf.h"

enum { NATS_SUBJECT_MAX = 256 };

/* What every connection has in common; the caller's, also when it failed (then perhaps NULL). asap: each message is sent at once; else what
 * is said within a millisecond goes out together, which costs one write instead of many. */
natsStatus nats_options(const struct relay_conf *conf, bool asap, natsOptions **options);
/* A connection for a question or two: the caller's when it is made. */
natsStatus nats_connect(const struct relay_conf *conf, natsConnection **connection);
/* A connection for acknowledgements, which are many, and nobody waits for one: connected by and by. NULL: without it they go out one by one. */
natsConnection *nats_connect_later(const struct relay_conf *conf);
/* The sentence for what a call just answered, in the same thread; always false. */
bool nats_why(const struct relay_conf *conf, natsStatus status, struct err *err);
/* See bus.h. */
bool nats_reach(const struct relay_conf *conf, struct err *err);

#endif
