/* fault - what happens to a fleet, and when: a list drawn from a seed, of which any part can be left out. */
#ifndef GSLB_TESTS_FLEET_FAULT_H
#define GSLB_TESTS_FLEET_FAULT_H

#include "tests/fleet/host.h"

enum fault_kind {
	FAULT_EVENT,   /* somebody asks host a to invalidate something */
	FAULT_FORCE,   /* the operator of host a forces one of some targets */
	FAULT_DOWN,    /* endpoint `amount` - 1 fails */
	FAULT_PATH,    /* region a does not reach endpoint `amount` - 1 */
	FAULT_LOSSY,   /* half of region a's probes of endpoint `amount` - 1 are lost */
	FAULT_BLIND,   /* region a reaches nothing outside */
	FAULT_LINK,    /* regions a and b do not hear each other */
	FAULT_APART,   /* region a hears no other one */
	FAULT_UNBUSED, /* host a does not reach its own server */
	FAULT_LOSS,    /* `amount` permille of the words */
	FAULT_TWICE,
	FAULT_SHUFFLE,
	FAULT_SLOW, /* up to `amount` ms more */
	FAULT_KILL, /* host a */
	FAULT_POWER,
	FAULT_WIPE,
	FAULT_COPY, /* host a's disk is copied; at the end the copy is put back */
	FAULT_FULL,
	FAULT_ROLLBACK, /* the server of host a loses `amount` messages */
	FAULT_SKEW,     /* host a's clock is `amount` - FAULT_SKEW_MAX ms ahead */
	FAULT_KINDS
};

enum { FAULTS_MAX = 256, FAULT_SKEW_MAX = 400, FAULT_LINE_MAX = 128 };

struct fault {
	enum fault_kind kind;
	unsigned a, b, amount;
	uint64_t at_ms, for_ms; /* for_ms 0: it has no end */
	bool left_out;
	/* while it runs */
	struct deed *deed;
	struct loop_timer begin, end;
};

struct fault_list {
	struct fault list[FAULTS_MAX];
	size_t n;
};

/* All is over at until_ms. */
void faults_draw(struct fault_list *faults, uint64_t seed, uint64_t until_ms);
/* Set their timers. */
void faults_arm(struct fault_list *faults);
/* A host has heard of an override: its operators may see that, and decide otherwise at once. */
void faults_heard(unsigned host, unsigned target);
/* "at 12.500 for 3.200: host 4 is killed" */
const char *fault_line(const struct fault *fault, char text[static FAULT_LINE_MAX]);

#endif
