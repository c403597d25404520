/* conf_shape - does a YAML text have the shape that its keys ask for, and where does each value stand? Inner to conf_yaml. */
#ifndef GSLB_CONF_SHAPE_H
#define GSLB_CONF_SHAPE_H

#include "gslb/conf_yaml.h"

struct conf_shape {
	const char *file, *text;
	size_t len;
	const struct conf_yaml_key *keys;
	size_t nkeys;
	const char *const *foreign; /* sections that another program reads */
	size_t nforeign;
};

/* Fill values[0..nkeys) with places, not texts. False when the shape is wrong; unknown keys are in the report alone. *empty:
 * the text holds no key at all. */
bool conf_shape_check(
	const struct conf_shape *shape, struct conf_yaml_value *values, struct report *report, bool *empty);

#endif
