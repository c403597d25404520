#include "geo/fields.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two letters, made upper case; anything else is left out. */
static void take_code(char code[static 3], const struct field_value *value)
{
	if (value->text == NULL || value->len != 2)
		return;
	for (int i = 0; i < 2; i++) {
		char c = value->text[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (c < 'A' || c > 'Z') {
			code[0] = '\0';
			return;
		}
		code[i] = c;
	}
	code[2] = '\0';
}

static void take_country(struct fields *fields, const struct field_value *value)
{
	take_code(fields->country, value);
}

static void take_registered(struct fields *fields, const struct field_value *value)
{
	take_code(fields->registered, value);
}

static void take_continent(struct fields *fields, const struct field_value *value)
{
	char code[3] = "";

	take_code(code, value);
	if (geo_is_continent(code))
		memcpy(fields->continent, code, sizeof code);
}

/* Some flat databases write their numbers as text. */
static bool take_number(double *number, const struct field_value *value, double most)
{
	char text[32], *end = text;
	double found = value->number;

	if (value->text != NULL) {
		if (value->len == 0 || value->len >= sizeof text)
			return false;
		memcpy(text, value->text, value->len);
		text[value->len] = '\0';
		found = strtod(text, &end);
		if (*end != '\0' || end == text)
			return false;
	}
	if (!isfinite(found) || fabs(found) > most)
		return false;
	*number = found;
	return true;
}

static void take_latitude(struct fields *fields, const struct field_value *value)
{
	fields->has_latitude = take_number(&fields->latitude, value, 90);
}

static void take_longitude(struct fields *fields, const struct field_value *value)
{
	fields->has_longitude = take_number(&fields->longitude, value, 180);
}

/* The code of ISO 3166-2, with or without the country before it. The full name of a state is none. */
static void take_subdivision(struct fields *fields, const struct field_value *value)
{
	if (value->text == NULL || value->len == 0 || value->len > 6 || fields->subdivision[0] != '\0')
		return;
	for (size_t i = 0; i < value->len; i++) {
		char c = value->text[i];
		bool dash = c == '-' && i == 2;

		if (!dash && (c < 'A' || c > 'Z') && (c < '0' || c > '9'))
			return;
	}
	if (value->len > 3 && value->text[2] != '-')
		return;
	memcpy(fields->subdivision, value->text, value->len);
	fields->subdivision[value->len] = '\0';
}

static void take_asn(struct fields *fields, const struct field_value *value)
{
	struct field_value plain = *value;
	double number;

	if (plain.text != NULL && plain.len > 2 && memcmp(plain.text, "AS", 2) == 0) {
		plain.text += 2;
		plain.len -= 2;
	}
	if (take_number(&number, &plain, UINT32_MAX) && number >= 0 && number == floor(number))
		fields->asn = (uint32_t)number;
}

static const struct field table[] = {
	/* MaxMind's nested schema */
	{ CONTEXT_RECORD, "country", take_country, CONTEXT_COUNTRY },
	{ CONTEXT_COUNTRY, "iso_code", take_country, CONTEXT_NONE },
	{ CONTEXT_RECORD, "registered_country", NULL, CONTEXT_REGISTERED },
	{ CONTEXT_REGISTERED, "iso_code", take_registered, CONTEXT_NONE },
	{ CONTEXT_RECORD, "continent", take_continent, CONTEXT_CONTINENT },
	{ CONTEXT_CONTINENT, "code", take_continent, CONTEXT_NONE },
	{ CONTEXT_RECORD, "location", NULL, CONTEXT_LOCATION },
	{ CONTEXT_LOCATION, "latitude", take_latitude, CONTEXT_NONE },
	{ CONTEXT_LOCATION, "longitude", take_longitude, CONTEXT_NONE },
	{ CONTEXT_RECORD, "subdivisions", NULL, CONTEXT_SUBDIVISIONS },
	{ CONTEXT_SUBDIVISIONS, "0", NULL, CONTEXT_SUBDIVISION },
	{ CONTEXT_SUBDIVISION, "iso_code", take_subdivision, CONTEXT_NONE },
	/* both */
	{ CONTEXT_RECORD, "autonomous_system_number", take_asn, CONTEXT_NONE },
	/* the flat schema */
	{ CONTEXT_RECORD, "country_code", take_country, CONTEXT_NONE },
	{ CONTEXT_RECORD, "continent_code", take_continent, CONTEXT_NONE },
	{ CONTEXT_RECORD, "latitude", take_latitude, CONTEXT_NONE },
	{ CONTEXT_RECORD, "longitude", take_longitude, CONTEXT_NONE },
	{ CONTEXT_RECORD, "lat", take_latitude, CONTEXT_NONE },
	{ CONTEXT_RECORD, "lng", take_longitude, CONTEXT_NONE },
	{ CONTEXT_RECORD, "region_code", take_subdivision, CONTEXT_NONE },
	{ CONTEXT_RECORD, "state_code", take_subdivision, CONTEXT_NONE },
	{ CONTEXT_RECORD, "state", take_subdivision, CONTEXT_NONE },
	{ CONTEXT_RECORD, "state1", take_subdivision, CONTEXT_NONE },
	{ CONTEXT_RECORD, "region", take_subdivision, CONTEXT_NONE },
	{ CONTEXT_RECORD, "asn", take_asn, CONTEXT_NONE },
};

const struct field *field_find(enum field_context context, const char *key, size_t len)
{
	for (const struct field *field = table; field < table + COUNT_OF(table); field++)
		if (field->context == context && strlen(field->key) == len && memcmp(field->key, key, len) == 0)
			return field;
	return NULL;
}

void fields_take(struct fields *fields, const struct field *field, struct field_value value)
{
	if (field->take == NULL)
		return;
	field->take(fields, &value);
	if (field->context != CONTEXT_RECORD)
		fields->nested = true;
	else if (field->take != take_asn)
		fields->flat = true;
}

static void place_region(const struct fields *fields, struct place *place)
{
	const char *code = fields->subdivision;

	if (code[0] == '\0' || place->country[0] == '\0')
		return;
	if (strlen(code) <= 3 && strchr(code, '-') == NULL)
		snprintf(place->region, sizeof place->region, "%.2s-%.3s", place->country, code);
	else if (memcmp(code, place->country, 2) == 0 && code[2] == '-' && code[3] != '\0')
		snprintf(place->region, sizeof place->region, "%.6s", code);
}

/* What the country tells, where the database does not. */
static void place_from_country(struct place *place)
{
	double latitude, longitude;
	char continent[3];

	if (place->country[0] == '\0' || !geo_country(place->country, &latitude, &longitude, continent))
		return;
	if (place->continent[0] == '\0')
		memcpy(place->continent, continent, sizeof continent);
	if (!place->located) {
		place->located = true;
		place->latitude = latitude;
		place->longitude = longitude;
	}
}

bool fields_place(const struct fields *fields, struct place *place)
{
	bool own;

	*place = (struct place){ .asn = fields->asn };
	/* 0 N 0 E is open sea: databases write it for "not known" */
	own = fields->has_latitude && fields->has_longitude && (fields->latitude != 0 || fields->longitude != 0);
	if (own) {
		place->located = true;
		place->latitude = fields->latitude;
		place->longitude = fields->longitude;
	}
	memcpy(place->country, fields->country[0] != '\0' ? fields->country : fields->registered,
		sizeof place->country);
	memcpy(place->continent, fields->continent, sizeof place->continent);
	place_region(fields, place);
	place_from_country(place);
	return own;
}
