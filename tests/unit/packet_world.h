/* packet_world - a small world of real zones, for the tests, the fuzz target and the measurement of the packet path. */
#ifndef GSLB_TESTS_PACKET_WORLD_H
#define GSLB_TESTS_PACKET_WORLD_H

#include "gslb/ledger.h"
#include "gslb/packet.h"

/* All pools have check=none: nothing is on the board, all is up. The ledger has one row for each of nworkers. */
void packet_world_init(struct world *world, unsigned nworkers);
void packet_world_fini(struct world *world);
/* Force a pool down, in a new overlay of the world; it ends with the world. */
void packet_world_down(struct world *world, const char *pool);

extern const struct packet_identity packet_world_identity;

#endif
