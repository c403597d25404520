/* prober - gslb-health of a host: its real probing, detectors, eyes, votes and verdicts; what is not real are the probes themselves, whose end
 * the world knows, and the line on which votes travel. One thread's own. */
#ifndef GSLB_TESTS_FLEET_PROBER_H
#define GSLB_TESTS_FLEET_PROBER_H

#include "health/eyes.h"
#include "health/fleet.h"
#include "health/probing.h"
#include "tests/fleet/world.h"

enum { PROBER_ENDPOINTS = 10, PROBER_VANTAGES = 3 };

struct prober {
	unsigned host;
	struct eyes *eyes; /* NULL: not up */
	struct fleet *fleet;
	struct probing *probing;
	void *board;
	struct loop_timer tick, turn;
	uint64_t epoch, seq, full_ms;
	bool full_wanted;
};

void prober_start(struct prober *prober, unsigned host);
void prober_stop(struct prober *prober);
/* What the host shows of an endpoint, as gslbd reads it. */
struct verdict prober_shows(const struct prober *prober, unsigned endpoint);
/* And what the regions say of it, by the host. How many say something. */
unsigned prober_says(const struct prober *prober, unsigned endpoint, struct board_say says[static BOARD_SAYS_MAX]);

#endif
