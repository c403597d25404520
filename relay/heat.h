/* heat - how often each item is asked for: what gslbd says of names and applications of whatever is theirs (command hits), hit logs of
 * caches (hits.h), and what the other hosts of the fleet say of theirs. It decides what the pacer drops first, and how many at once.
 * RELAY 5.5. Main thread. */
#ifndef GSLB_RELAY_HEAT_H
#define GSLB_RELAY_HEAT_H

#include <jansson.h>

#include "relay/conf.h"
#include "relay/hot.h"
#include "relay/state.h"

enum { HEAT_SAY_MS = STATE_FULL_MS, HEAT_SAY_MAX = 200, HEAT_READ_MS = 1000, HEAT_SHOW_MAX = 1000 };

struct heat;

/* conf is borrowed. */
struct heat *heat_new(const struct relay_conf *conf, uint64_t now_ms);
void heat_free(struct heat *heat); /* NULL is fine */

/* Requests for an item of this region. */
void heat_add(struct heat *heat, enum event_class class, const char *text, double times, uint64_t now_ms);
/* {"hits": [{"class": "dns", "value": "www.example.com", "times": 12}]}: all of them, or with a sentence none. *n: how many. */
bool heat_take(struct heat *heat, const json_t *args, size_t *n, uint64_t now_ms, struct err *err);
/* A second, at most; 0: not known. Where nobody here tells of a class, what the other hosts say counts. */
double heat_rate(struct heat *heat, enum event_class class, const char *text, uint64_t now_ms);

/* What another host says of its own, and what this one says: text of at most STATE_BODY_MAX. */
void heat_hear(struct heat *heat, const void *body, size_t len, uint64_t now_ms);
void heat_print(struct heat *heat, struct buf *body, uint64_t now_ms);

/* Read the logs. When to call again. */
uint64_t heat_run(struct heat *heat, uint64_t now_ms);

/* The hottest of this region: [{"class", "value", "rate"}]. */
json_t *heat_json(struct heat *heat, size_t n, uint64_t now_ms);
size_t heat_count(const struct heat *heat);
uint64_t heat_wrong(const struct heat *heat); /* lines of logs that were none */

#endif
