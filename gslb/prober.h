/* prober - gslbd's side of health: the board and who has which slot, gslb-health started and watched, names resolved, and
 * the checkpoint that lets verdicts outlive a restart. Main thread; only what prober_inputs gives may be asked by another, which
 * holds it meanwhile. */
#ifndef GSLB_PROBER_H
#define GSLB_PROBER_H

#include "gslb/snapshot.h"
#include "gslb/spawner.h"

struct prober;

enum { PROBER_ANCHORS_MAX = 16 };
enum { PROBER_SLOTS = 1 << 20 }; /* 64 MiB of address space; memory is taken only for slots in use */

/* Reads the checkpoint of the state folder; verdicts older than ten minutes are forgotten. Takes over the spawner. */
struct prober *prober_open(struct spawner *spawner, const char *state_directory, uint64_t now_ms, struct err *err);
void prober_save(struct prober *prober);  /* the checkpoint, now */
void prober_close(struct prober *prober); /* ends gslb-health; writes the checkpoint */

const struct board_slot *prober_slots(const struct prober *prober, uint32_t *nslots);
/* For snapshot_new, in any thread: the context is the prober. New slots start with the kept verdict, else unknown. */
void prober_inputs(struct prober *prober, struct snapshot_inputs *inputs);
/* The same for a snapshot that will never be in force: what has no slot or was never resolved gets none. */
void prober_looks(struct prober *prober, struct snapshot_inputs *inputs);
/* A snapshot is in force: hand gslb-health its targets and names, and free slots that nothing uses any more. */
bool prober_plan(struct prober *prober, const struct snapshot *snapshot, const char *checks_directory, struct err *err);
/* The anchors of the next plan (health.anchors). */
void prober_set_anchors(struct prober *prober, const struct health_anchor *anchors, size_t n);
/* The URLs of the next plan that loads are read from (load.h); borrowed until it is made. */
void prober_set_gauges(struct prober *prober, const struct health_gauge *gauges, size_t n);
/* The next HEALTH_LOAD message that came; false: there is none. */
bool prober_next_load(struct prober *prober, struct health_message *message);
/* The fleet of the next plan, borrowed until that was handed over. */
void prober_set_fleet(struct prober *prober, const struct health_fleet *fleet);
/* A verdict pushed for one endpoint (check=push), which is unknown again for_ms later. */
bool prober_push(struct prober *prober, const struct endpoint *endpoint, enum health_state state, uint64_t for_ms,
	struct err *err);

const struct board_stats *prober_stats(const struct prober *prober);
const struct board *prober_board(const struct prober *prober);

/* To wait on: gslb-health's socket and the spawner's, -1 where there is none just now. */
void prober_fds(const struct prober *prober, int *messages, int *spawner);
struct prober_news {
	bool verdicts; /* some slot changed */
	bool names;    /* some name resolved to other addresses: compile a snapshot */
	bool alarm;    /* gslb-health stopped or came back: see prober_status */
};
/* Take in all messages, start again what ended (backoff from 0.2 s to 0.5 s for one
 * that had worked, to 10 s for one that had not), kill what is silent for 10 s, write the
 * checkpoint when due. Never blocks. *next_ms: call again no later than this (monotonic). */
struct prober_news prober_run(struct prober *prober, uint64_t now_ms, uint64_t monotonic_ms, uint64_t *next_ms);

struct prober_status {
	bool running;
	bool unsaved; /* the checkpoint cannot be written */
	pid_t pid;
	uint32_t restarts;
	uint64_t since_ms; /* wall: running or stopped since */
	uint64_t heard_ms; /* monotonic: the last word from gslb-health; of none yet, when it was first started */
	uint64_t plan_sent, plan_taken;
	size_t ntargets, nnames;
	size_t nanchors;
	size_t nregions; /* of the fleet; at most 1: this host is alone */
	/* gslb-health does not trust its eyes: so many fail of so many (anchors, or groups of endpoints), since (wall) */
	enum abstain_why abstaining;
	uint32_t abstain_failing, abstain_of;
	uint64_t abstain_since_ms;
};
struct prober_status prober_status(const struct prober *prober);

#endif
