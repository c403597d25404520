/* sim - a world for tests with a clock of its own: zones and places as text, probe results fed to the real detector, overrides
 * in a real list, decisions by the real decide. Nothing sleeps. Aborts on a mistake of the test's author, saying which. */
#ifndef GSLB_TESTS_SIM_H
#define GSLB_TESTS_SIM_H

#include "gslb/decide.h"
#include "gslb/override.h"
#include "health/abstain.h"
#include "health/crowd.h"
#include "health/fleet.h"

/* An arbitrary wall clock to begin with: 2026-01-01. */
#define SIM_EPOCH_MS UINT64_C(1767225600000)

enum { SIM_SEED = 0x5eed, SIM_SLOTS = 256, SIM_ZONES = 8, SIM_NAMES = 8, SIM_VANTAGES = 8 };

/* One slot of the board: it belongs to an address in a pool, over all reloads. */
struct sim_slot {
	struct addr addr;
	char *pool;
	struct detector detector;
	bool damped; /* said by sim_damp */
	struct crowd_member member;
	uint64_t failing_ms; /* since when it fails; only while it does */
};

/* Another vantage; what it says stands until it says something else, while it is not silent. */
struct sim_vantage {
	char name[64];
	bool silent, abstains;
	uint64_t seq;
	struct {
		enum vote_says says;
		bool leaning;
		uint32_t since_s;
	} votes[SIM_SLOTS];
};

struct sim {
	uint64_t now_ms;
	uint64_t name_seed; /* of its own process; may be set before the first zone, as the other one: */
	uint8_t seed[16];   /* for stickiness */
	struct dice dice;
	struct zone *zones[SIM_ZONES];
	size_t nzones;
	struct buf places[2]; /* lines for the place and the ASN database */
	struct geo *geo;
	struct meter *meter; /* NULL, or the test's: each sim_load decides anew what it means */
	struct resolved names[SIM_NAMES];
	size_t nnames;
	struct board_slot slots[SIM_SLOTS];
	struct sim_slot slot[SIM_SLOTS];
	size_t nslots;
	uint32_t next_ms; /* after the last probe result: when the detector wants the next one */
	char state[64];   /* folder of the overrides */
	struct override_list *overrides;
	struct snapshot *snapshot;
	struct overlay *overlay;
	struct world world;
	struct crowd *crowd;
	struct abstain_counts counts; /* its anchors */
	struct abstain abstain;
	struct fleet *
		fleet; /* NULL: one vantage, whose probes are the verdict; else one that hears the others, and probes nothing */
	struct arena *rules;
	uint64_t ids[SIM_SLOTS]; /* of slots on ballots */
	struct sim_vantage vantages[SIM_VANTAGES];
	unsigned nvantages;
};

void sim_init(struct sim *sim);
void sim_fini(struct sim *sim);

/* A zone; one of the same apex replaces the first. In force with the next sim_load. */
void sim_zone(struct sim *sim, const char *apex, const char *text);
/* "198.51.100.0/24 53.3 -6.2 IE EU 64500 IE-L": latitude, longitude ("-" for both: none), country, continent, ASN, region; the
 * last ones may be left out, "-" stands for none. Shorter prefixes first. */
void sim_place(struct sim *sim, const char *line);
/* What a dynamic target's name resolved to; in force with the next sim_load. */
void sim_resolve(struct sim *sim, const char *name, const char *addr, uint64_t ttl_ms);
/* Compile what was given, from what is in force. */
void sim_load(struct sim *sim);

/* One probe result of all endpoints that the target covers ("eu", "endpoint:eu/lb1", "endpoint:eu/192.0.2.10"). */
void sim_probe(struct sim *sim, const char *target, enum probe_result result);
/* As if the detector had found that they flap. */
void sim_damp(struct sim *sim, const char *target, bool damped);
/* So many anchors fail of so many. */
void sim_anchors(struct sim *sim, uint32_t failing, uint32_t of);
/* From now on verdicts are made of votes; after sim_load. */
void sim_vantages(struct sim *sim, char **names, unsigned n);
struct sim_vantage *sim_vantage(struct sim *sim, const char *name);
/* What a vantage says of the endpoints that the target covers. */
void sim_vote(struct sim *sim, const char *vantage, const char *target, enum vote_says says, bool leaning);
/* Judge all endpoints by what is said now. */
void sim_judge(struct sim *sim);
/* Why this vantage abstains; "" when it does not. */
const char *sim_abstaining(const struct sim *sim, char text[static ABSTAIN_TEXT_MAX]);
bool sim_force(struct sim *sim, const struct override_request *request, struct err *err);
bool sim_clear(struct sim *sim, const char *target, struct err *err);
/* The overrides changed. */
void sim_publish(struct sim *sim);
/* Set the clock; what ended is dropped. */
void sim_at(struct sim *sim, uint64_t now_ms);
void sim_wait(struct sim *sim, uint64_t ms);
/* Read the overrides from their folder again, as after a restart. */
void sim_restart(struct sim *sim);

const struct service_plan *sim_service(const struct sim *sim, const char *name);
/* client: "198.51.100.7", or "198.51.100.0/24" with ECS. trace may be NULL. */
void sim_client(const char *text, struct client *client);
void sim_ask(struct sim *sim, const char *client, const char *name, enum family family, struct decision *decision,
	struct trace *trace);

#endif
