/* conf_yaml - the text of each known key of a YAML file, and where it stands.
 *
 * The caller names the keys by their paths ("server.limits.tcp-idle"); each holds one text or a list of texts. What else
 * stands in the file is a mistake in the report, all of them at once: an unknown key, a key given twice, a list where a text
 * belongs, an anchor, an alias, a tag, a second document. What the texts mean is the caller's. */
#ifndef GSLB_CONF_YAML_H
#define GSLB_CONF_YAML_H

#include "base/base.h"

struct conf_yaml_key {
	const char *path; /* one to three parts; keys of one part of the file are neighbours */
	bool list;
};

struct conf_yaml_item {
	char *text; /* never empty, no control characters */
	unsigned line, column;
};

struct conf_yaml_value {
	struct conf_yaml_item *items; /* one for a text */
	size_t nitems;                /* 0: the key is not in the file */
	unsigned line, column;        /* of the value as a whole */
};

/* Read text into values[0..nkeys); what stands under foreign[0..nforeign) is not looked at. False when the file's shape is
 * wrong, and then no value is given; a mistake in the report that leaves the shape alone (an unknown key) is no reason for
 * false. The caller ends the values with conf_yaml_free either way. */
bool conf_yaml_read(const char *file, const char *text, size_t len, const struct conf_yaml_key *keys, size_t nkeys,
	const char *const *foreign, size_t nforeign, struct conf_yaml_value *values, struct report *report);
void conf_yaml_free(struct conf_yaml_value *values, size_t nvalues);

#endif
