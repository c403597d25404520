/* fields - what the keys of a database record mean, in MaxMind's nested schema and in the flat one. Inside geo/ only. */
#ifndef GSLB_GEO_FIELDS_H
#define GSLB_GEO_FIELDS_H

#include "geo/geo.h"

/* Where in a record a key stands: the same key means another thing elsewhere. */
enum field_context {
	CONTEXT_NONE,
	CONTEXT_RECORD,
	CONTEXT_COUNTRY,
	CONTEXT_REGISTERED,
	CONTEXT_CONTINENT,
	CONTEXT_LOCATION,
	CONTEXT_SUBDIVISIONS,
	CONTEXT_SUBDIVISION,
};

struct field_value {
	const char *text; /* not ended by NUL; NULL: it is a number */
	size_t len;
	double number;
};

struct fields {
	double latitude, longitude;
	bool has_latitude, has_longitude;
	char country[3], registered[3], continent[3];
	char subdivision[7]; /* "CA", or whole: "US-CA" */
	uint32_t asn;
	bool nested, flat;
};

struct field {
	enum field_context context;
	const char *key;
	void (*take)(struct fields *fields, const struct field_value *value); /* NULL: only what is inside counts */
	enum field_context inside; /* what a map or array under this key is; CONTEXT_NONE: of no use */
};

const struct field *field_find(enum field_context context, const char *key, size_t len); /* NULL: of no use */
void fields_take(struct fields *fields, const struct field *field, struct field_value value);
/* The place that the fields amount to; a country without coordinates stands at its centre. False when they had none. */
bool fields_place(const struct fields *fields, struct place *place);

#endif
