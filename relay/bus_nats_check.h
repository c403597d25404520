/* bus_nats_check - is the bus as it must be? RELAY 5.11 and 3.2. */
#ifndef GSLB_RELAY_BUS_NATS_CHECK_H
#define GSLB_RELAY_BUS_NATS_CHECK_H

#include <jansson.h>

#include "relay/conf.h"

/* On a connection of its own, changing nothing; blocks. {"findings": [{"cache", "level", "text"}], "exit"} as lint.h has it. */
json_t *bus_nats_check(const struct relay_conf *conf, const char *what);

#endif
