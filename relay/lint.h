/* lint - what of the caches' own configuration makes a flush worth less than it seems, as far as the caches tell it. RELAY 2.2. */
#ifndef GSLB_RELAY_LINT_H
#define GSLB_RELAY_LINT_H

#include <jansson.h>

#include "relay/conf.h"

/* Asks each cache; blocks. {"findings": [{"cache", "level": "ok"|"warning"|"error"|"unknown", "text"}], "exit"}: 1 with an error. */
/* Asks each cache, or the one of that name, for a sign of life, changing nothing: {"signs": [{"cache", "type", "state", "lived_s", "reason"}]}. */
json_t *lint_signs(const struct relay_conf *conf, const char *name);
json_t *lint_all(const struct relay_conf *conf, const char *what);

/* For unbound: an option's value, as `get_option` gives it. False with a sentence. */
enum { LINT_VALUE_MAX = 256 };
bool unbound_option(
	const struct cache_conf *conf, const char *name, char value[static LINT_VALUE_MAX], struct err *err);

#endif
