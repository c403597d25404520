/* told - what a worker does with an answer, in a simulated world: it decides, and writes it down in a ledger. */
#ifndef GSLB_TESTS_TOLD_H
#define GSLB_TESTS_TOLD_H

#include "gslb/ledger.h"
#include "tests/scenario/sim.h"

/* Answer the client's A query, of a resolver at 203.0.113.9; ttl_s 0: as it was decided. False when nothing was written into the
 * ring. */
static inline bool told(struct sim *sim, struct ledger_row *row, const char *service, const char *client_text,
	uint32_t ttl_s, uint64_t now_ms)
{
	struct addr resolver = { ADDR_V4, { 203, 0, 113, 9 } };
	struct decision decision;
	struct client client;

	sim_client(client_text, &client);
	sim_ask(sim, client_text, service, FAMILY_V4, &decision, NULL);
	if (ttl_s > 0)
		decision.ttl_s = ttl_s;
	if (!ledger_note(row, sim_service(sim, service), &decision, (uint32_t)(now_ms / 1000)))
		return false;
	ledger_write(row,
		&(struct ledger_answer){ sim_service(sim, service), &decision, &client, &resolver, FAMILY_V4, now_ms });
	return true;
}

#endif
