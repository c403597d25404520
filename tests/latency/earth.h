/* earth - a made world for the latency tests: client networks in cities of a database made here or of real ones, eight regions, and
 * what a round trip between them truly takes: a distance model × a detour of each ASN to each region × the network's last mile. */
#ifndef GSLB_TESTS_EARTH_H
#define GSLB_TESTS_EARTH_H

#include "tests/scenario/sim.h"

enum { REGIONS = 8, BLOCK_NETS = 8, ASNS_PER_COUNTRY = 6, CITIES = 300 };

/* A client network, as it truly is. */
struct net {
	struct addr addr; /* its first */
	unsigned asn, naddrs;
	double per_hour; /* handshakes; and its clients count by it */
	double rtt_ms[REGIONS];
	unsigned best, pool, changes;
};

extern struct sim sim;
extern struct dice dice;
extern struct net *nets;
extern size_t nnets;

double uniform(double from, double to);
double normal(void);
const char *region_name(unsigned region);
/* A world of its own, from the seed on: nnets networks, a zone with the service www by latency and geo by distance, nothing measured.
 * databases: City databases, separated by spaces; NULL: made here. */
void earth_make(size_t networks, uint64_t seed, const char *databases);
void earth_end(void);

#endif
