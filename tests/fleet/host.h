/* host - one host of the fleet: the relay's log, turn and work as gslb-relay runs them, gslb-health's probing with its detectors and votes,
 * and what gslbd would answer. It can be killed at any time, with or without its disk. One thread's own. */
#ifndef GSLB_TESTS_FLEET_HOST_H
#define GSLB_TESTS_FLEET_HOST_H

#include "relay/exchange.h"
#include "tests/fleet/gslbd.h"
#include "tests/fleet/prober.h"
#include "tests/fleet/stream.h"

enum host_end {
	HOST_KILLED,    /* what was written is there */
	HOST_POWERLESS, /* what was synced is there, of the rest some */
	HOST_WIPED,     /* a new disk */
	HOST_OLD,       /* the disk as it was copied before */
};

struct host {
	unsigned number;
	bool up;
	unsigned kept_down; /* faults that keep it down */
	char name[16];
	struct relay_conf conf;
	struct store *store;
	struct work *work;
	struct stream_end *end;
	struct writs *writs;
	struct exchange exchange;
	struct gslbd gslbd;
	struct prober prober;
	struct loop_timer turn, boot;
	uint64_t rollbacks;
	struct deed *asked[DEEDS_MAX]; /* and not committed yet */
	size_t nasked;
};

extern struct host hosts[ENGINE_HOSTS_MAX];
extern uint64_t host_turns; /* of the relays, since hosts_reset */

void hosts_reset(void); /* all of world.nhosts, down, with new disks */
void hosts_end(void);
void host_boot(unsigned number);
void host_crash(unsigned number, enum host_end how);
/* Is it in its log, done or not? */
bool host_has(unsigned number, unsigned origin, uint32_t epoch, uint64_t oseq);
/* Somebody asks this host for it. */
void host_ask(unsigned number, struct deed *deed);
/* Its operator forces something, or clears it. */
void host_force(unsigned number, struct deed *deed, unsigned which);

#endif
