/* oracle - what must hold, checked as it happens and when all has settled. The first thing that does not hold ends the run, with one sentence. */
#ifndef GSLB_TESTS_FLEET_ORACLE_H
#define GSLB_TESTS_FLEET_ORACLE_H

#include "base/writ_set.h"
#include "health/votes.h"
#include "tests/fleet/deed.h"

enum { ORACLE_TEXT_MAX = 512 };

void oracle_reset(void);
const char *oracle_verdict(void); /* "" while all holds */
void oracle_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- as it happens ---- */

void oracle_committed(unsigned host, struct deed *deed);
void oracle_kept(unsigned host, const char *said); /* somebody is told that it keeps what it took */
void oracle_acknowledged(unsigned host, unsigned origin, uint32_t epoch, uint64_t oseq);
void oracle_applied(unsigned host, struct deed *deed);
void oracle_coarse(unsigned host, const char *reason);
/* A host tells an origin that it has done all up to there. */
void oracle_receipt(unsigned host, unsigned origin, uint32_t epoch, uint64_t oseq);
/* Its disk is as it was then; 0: a new one. What neither it nor its stream has is lost with it. */
void oracle_put_back(unsigned host, uint64_t to_ms);
void oracle_rolled_back(unsigned origin); /* its stream */

/* ---- of overrides: oracle_writs.c ---- */

void oracle_in_force(unsigned host, const struct writ *writ);
void oracle_restarted(unsigned host, const struct writ_set *set); /* with what it read from its file */
void oracle_forget_writs(unsigned host);                          /* its disk is not what it was */
bool oracle_is_held(const struct writ *writ);
void oracle_check_writs(void);
void oracle_reset_writs(void);

/* ---- of verdicts: oracle_votes.c ---- */

void oracle_votes(unsigned host, unsigned endpoint, enum vote_says says); /* by its own probes */
void oracle_abstains(unsigned host, bool abstains);
void oracle_silent(unsigned host);
void oracle_shows(unsigned host, unsigned endpoint); /* its board has changed */
void oracle_look_at_votes(void);                     /* once a second */
void oracle_check_votes(void);
void oracle_reset_votes(void);

/* ---- of answers: oracle_answers.c ---- */

void oracle_answers_start(unsigned host, const struct writ_set *set); /* its gslbd has read its file */
void oracle_answers_force(unsigned host, const struct writ *writ);    /* and has another override in force */
void oracle_answers_stop(unsigned host);
void oracle_answers(unsigned host); /* ask it, if its board has changed */
void oracle_look_at_answers(void);  /* once a second */
void oracle_reset_answers(void);

/* ---- when all has settled ---- */

void oracle_settled(void);
bool oracle_settles(void); /* would it hold now? */

#endif
