/* verify - does a resolver still give an old answer? A question to it (RD=1) and one to whoever knows the right answer, over UDP. RELAY 5.4,
 * step 5. Blocks: for a target's own thread. */
#ifndef GSLB_RELAY_VERIFY_H
#define GSLB_RELAY_VERIFY_H

#include <jansson.h>

#include "relay/conf.h"

enum verify_result { VERIFY_NONE, VERIFY_FRESH, VERIFY_STALE, VERIFY_UNKNOWN };

enum { VERIFY_DATA_MAX = 16, VERIFY_RECORDS_MAX = 64, VERIFY_QUERY_MAX = 512 };

/* The addresses of an answer. */
struct verify_answer {
	uint8_t rcode;
	unsigned n; /* records of the type that was asked for */
	uint8_t data[VERIFY_RECORDS_MAX][VERIFY_DATA_MAX];
	uint8_t len[VERIFY_RECORDS_MAX];
};

/* Pure. type: 1 (A) or 28 (AAAA). A question; for whom it is asked goes along as ECS, when that is not NULL. Returns its length. */
size_t verify_question(const char *name, uint16_t type, uint16_t id, const struct addr *client,
	uint8_t bytes[static VERIFY_QUERY_MAX]);
/* Pure. False: it is damaged, or answers another question. */
bool verify_parse(const uint8_t *bytes, size_t len, uint16_t id, uint16_t type, struct verify_answer *answer);

/* Ask both, the authority some times over: it may give other addresses of the same pool. The sentence says what was stale or unknown. */
enum verify_result verify_name(const struct cache_conf *cache, const char *name, uint16_t type, struct err *err);
/* For gslbctl relay verify: all caches that have an address for it, as {"caches": [{"cache", "type", "result", "reason"}]}. */
json_t *verify_all(const struct relay_conf *conf, const char *name);

#endif
