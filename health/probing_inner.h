/* probing_inner - shared by the files of probing: its targets, and how they are written on the board. The main thread's. */
#ifndef GSLB_HEALTH_PROBING_INNER_H
#define GSLB_HEALTH_PROBING_INNER_H

#include "health/board.h"
#include "health/changelog.h"
#include "health/judge.h"
#include "health/probing.h"

struct target {
	struct probing *probing;
	struct health_target spec;
	uint64_t identity;
	struct detector detector;
	struct judge judge; /* what its slot shows */
	enum probe_result reason;
	struct probe probe;
	struct loop_timer timer;
	bool probed;                             /* by this host; else its verdict is made by others' votes */
	unsigned rechecks;                       /* that are left, since others see it fail */
	bool settled;                            /* the second probe's wait, which spreads them, is behind us */
	uint32_t patience_ms;                    /* between first failures, while very many targets are new */
	uint64_t push_end_ms;                    /* wall: when a pushed state ends; 0: there is none */
	uint64_t contrary_ms;                    /* wall: the first of the results against the state; 0: none */
	uint64_t cert_looked_ms, cert_warned_ms; /* monotonic; 0: never */
};

struct probing {
	struct loop *loop;
	struct probe_runner *runner;
	struct court court;
	uint32_t witness; /* the slot where the next ones are looked for */
	struct probing_ops ops;
	void (*loaded)(void *arg, const struct health_target *target, uint64_t load_milli); /* NULL: nobody asks */
	struct board_slot *slots;
	uint32_t nslots;
	struct target **targets; /* by slot; NULL: none */
	uint32_t ntargets;       /* all that are there have slots below */
	uint32_t spread_ms;      /* of the first probes of targets that are new now */
	struct dice dice;
	struct changelog changelog;
};

/* NULL: the board has no such slot. */
struct board_slot *target_slot(const struct target *target);
struct detector_rule target_rule(const struct target *target);
void target_write_word(const struct target *target);
void target_write_report(const struct target *target, const struct probe_report *report, bool changed, uint64_t now_ms);
/* What the last gslb-health, or gslbd, wrote of this very target; else it is unknown. */
void target_read_word(struct target *target);

#endif
