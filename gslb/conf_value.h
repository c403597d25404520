/* conf_value - the kinds of value that gslb.yaml has: each turns a text into a field of struct conf, or says what would be
 * right. The table of keys is in conf.c. */
#ifndef GSLB_CONF_VALUE_H
#define GSLB_CONF_VALUE_H

#include <string.h>

#include "gslb/conf.h"
#include "gslb/conf_yaml.h"

struct conf_row {
	const char *path;
	const struct conf_kind *kind;
	size_t offset;        /* of its field in struct conf; a list's kind knows its fields itself */
	uint64_t min, max;    /* numbers: bounds; durations: ms; texts: length in bytes */
	const char *fallback; /* read as if it were written; NULL: "" */
	bool required;
	size_t waits; /* bytes from offset on: a change of them waits for a restart; 0: it does not */
};

/* One text being read. */
struct conf_reading {
	struct conf *conf;
	const struct conf_row *row;
	const char *text;
	unsigned line;
	struct err err; /* what is wrong with it */
};

struct conf_kind {
	bool list;
	bool (*read)(struct conf_reading *reading); /* false with err set */
};

/* What file_read said without the path before it, which the row's text names already. */
static inline const char *conf_reason(const struct err *err, const char *path)
{
	size_t len = strlen(path);

	return strncmp(err->text, path, len) == 0 && strncmp(err->text + len, ": ", 2) == 0 ? err->text + len + 2
											    : err->text;
}

extern const struct conf_kind conf_number, conf_duration, conf_yes_no, conf_share, conf_identity, conf_label, conf_user,
	conf_group, conf_folder, conf_folder_made, conf_socket, conf_relay, conf_seed, conf_cookies, conf_level,
	conf_listens, conf_databases, conf_anchors, conf_regions, conf_secret, conf_http;

#endif
