/* bus_nats_replay - what an origin's stream keeps of what it made, read once more. Read message by message ($JS.API.STREAM.MSG.GET), which makes
 * no consumer on a server that is another region's and moves no floor. RELAY 5.11. */
#ifndef GSLB_RELAY_BUS_NATS_REPLAY_H
#define GSLB_RELAY_BUS_NATS_REPLAY_H

#include <jansson.h>

#include "relay/conf.h"

/* On a connection of its own; blocks. what: {"origin", "epoch", "from", "to", "region", "before"}: events of the origin with these numbers, as far
 * as they stand in the last messages before that one of the stream (0: in its last ones), for that region. Returns what it was asked for and
 * {"rows": [{"oseq", "class", "op", "items"} or {"oseq", "skip": "own"|"scope"|"moot"|"policy"}], "before"}, the last one first, with
 * what to ask for next; 0: there is no more. {"error", "exit"} when the stream could not be read. */
json_t *bus_nats_replay(const struct relay_conf *conf, const char *what);

#endif
