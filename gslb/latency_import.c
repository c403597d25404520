#include "gslb/latency_import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_LEN = 1000, MISTAKES_SHOWN = 100 };

static const double rtt_most_ms = 60000, samples_most = 1e6;

/* One line, read and understood. */
struct row {
	struct prefix client;
	char region[LATENCY_REGION_LEN];
	double rtt_ms, n;
};

struct reading {
	const struct snapshot *snapshot;
	const char *name;
	unsigned line;
	struct report *report;
};

static bool mistake(const struct reading *reading, const char *what, const char *right)
{
	report_add(reading->report, REPORT_MISTAKE, reading->name, reading->line, "%s: %s", what, right);
	return false;
}

/* ---- fields ---- */

static bool read_prefix(const struct reading *reading, const char *text, struct prefix *prefix)
{
	unsigned least;

	if (!prefix_parse(text, prefix))
		return mistake(reading, text, "not a prefix (try 198.51.100.0/24)");
	least = prefix->addr.family == ADDR_V4 ? 20 : 40;
	if (prefix->len < least)
		return mistake(reading, text, "too wide for one measurement (at least /20, or /40 of IPv6)");
	return true;
}

static bool read_number(const struct reading *reading, const char *text, const char *what, double most, double *number)
{
	char *end;

	*number = strtod(text, &end);
	if (end == text || *end != '\0' || !(*number > 0) || *number > most) {
		report_add(reading->report, REPORT_MISTAKE, reading->name, reading->line,
			"%s: %s: not a number above 0 and up to %.0f", what, text, most);
		return false;
	}
	return true;
}

static bool is_region(const struct snapshot *snapshot, const char *text)
{
	for (uint32_t i = 0; i < snapshot->npools; i++)
		if (strcmp(snapshot->pools[i].pool->region, text) == 0)
			return true;
	return false;
}

/* A pool by its name (its region counts), or a region of a pool. */
static bool read_target(const struct reading *reading, const char *text, bool pool, bool region, char name[static 64])
{
	uint32_t number = pool ? zone_set_pool(reading->snapshot->set, text, NULL) : POOL_NONE;
	const char *found = number != POOL_NONE ? reading->snapshot->pools[number].pool->region : text;

	if (number == POOL_NONE && !(region && is_region(reading->snapshot, text)))
		return mistake(reading, text, "neither a pool nor a pool's region (gslbctl pools lists them)");
	if (strlen(found) >= LATENCY_REGION_LEN)
		return mistake(reading, found, "a region's name of more than 63 letters");
	strcpy(name, found);
	return true;
}

/* ---- lines ---- */

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t\r");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL)
		text[--len] = '\0';
	return text;
}

static bool read_csv(const struct reading *reading, char *line, struct row *row)
{
	char one[] = "1", *field[4] = { NULL, NULL, NULL, one }, *rest = line;
	size_t n = 0;
	bool good;

	for (char *at; (at = strsep(&rest, ",")) != NULL; n++)
		if (n < COUNT_OF(field))
			field[n] = trim(at);
	if (n < 3 || n > 4)
		return mistake(reading, line, "not prefix,pool,rtt_ms or prefix,pool,rtt_ms,n");
	good = read_prefix(reading, field[0], &row->client);
	good = read_target(reading, field[1], true, true, row->region) && good;
	good = read_number(reading, field[2], "rtt_ms", rtt_most_ms, &row->rtt_ms) && good;
	return read_number(reading, field[3], "n", samples_most, &row->n) && good;
}

static bool json_number_in(
	const struct reading *reading, const json_t *object, const char *key, double most, double *number)
{
	const json_t *value = json_object_get(object, key);

	*number = json_number_value(value);
	if (json_is_number(value) && *number > 0 && *number <= most)
		return true;
	report_add(reading->report, REPORT_MISTAKE, reading->name, reading->line,
		"%s: not a number above 0 and up to %.0f", key, most);
	return false;
}

static bool is_key(const char *text)
{
	static const char *const keys[] = { "prefix", "pool", "region", "rtt_ms", "n" };
	size_t i = 0;

	while (i < COUNT_OF(keys) && strcmp(text, keys[i]) != 0)
		i++;
	return i < COUNT_OF(keys);
}

static bool read_object(const struct reading *reading, json_t *object, struct row *row)
{
	const char *prefix = json_string_value(json_object_get(object, "prefix"));
	const char *pool = json_string_value(json_object_get(object, "pool"));
	const char *region = json_string_value(json_object_get(object, "region"));
	const char *key;
	json_t *value;
	bool good;

	if (prefix == NULL || (pool == NULL) == (region == NULL))
		return mistake(reading, "wants", "prefix, rtt_ms, and one of pool and region");
	json_object_foreach(object, key, value)
	{
		if (!is_key(key))
			return mistake(reading, key, "is none of prefix, pool, region, rtt_ms and n");
	}
	good = read_prefix(reading, prefix, &row->client);
	good = read_target(reading, pool != NULL ? pool : region, pool != NULL, region != NULL, row->region) && good;
	good = json_number_in(reading, object, "rtt_ms", rtt_most_ms, &row->rtt_ms) && good;
	row->n = 1;
	if (json_object_get(object, "n") != NULL)
		good = json_number_in(reading, object, "n", samples_most, &row->n) && good;
	return good;
}

static bool read_json(const struct reading *reading, const char *line, struct row *row)
{
	json_error_t error;
	json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &error);
	bool good;

	if (!json_is_object(object))
		good = mistake(reading, "not JSON", object != NULL ? "an object belongs on each line" : error.text);
	else
		good = read_object(reading, object, row);
	json_decref(object);
	return good;
}

/* ---- all of them ---- */

struct rows {
	struct row *rows;
	size_t n, cap;
};

static void read_line(struct reading *reading, char *line, struct rows *rows)
{
	struct row row = { .n = 0 };
	bool good;

	line = trim(line);
	if (*line == '\0' || *line == '#' || (reading->line == 1 && strncmp(line, "prefix,", 7) == 0))
		return;
	good = *line == '{' ? read_json(reading, line, &row) : read_csv(reading, line, &row);
	if (!good)
		return;
	rows->rows = mem_grow(rows->rows, rows->n, &rows->cap, sizeof(*rows->rows));
	rows->rows[rows->n++] = row;
}

static void read_text(struct reading *reading, const struct latency_text *text, struct rows *rows)
{
	const char *at = text->text, *end = text->text + text->len;

	for (reading->line = text->first_line; at < end; reading->line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline != NULL ? newline : end) - at);
		char line[LINE_MAX_LEN + 1];

		if (len > LINE_MAX_LEN || memchr(at, '\0', len) != NULL) {
			mistake(reading, "the line", "is longer than 1000 letters, or no text");
		} else {
			memcpy(line, at, len);
			line[len] = '\0';
			read_line(reading, line, rows);
		}
		at += len + 1;
	}
}

/* Of a prefix that is wider than a network each network gets a part of the samples. */
static bool take_row(struct meter *meter, const struct snapshot *snapshot, const struct row *row, uint64_t now_s)
{
	unsigned bits = row->client.addr.family == ADDR_V4 ? 24 : 48;
	unsigned wider = row->client.len < bits ? bits - row->client.len : 0;
	struct prefix net = row->client;
	bool good = true;

	for (unsigned i = 0; i < 1u << wider; i++) {
		if (wider > 0) {
			net.len = (uint8_t)bits;
			net.addr.bytes[bits / 8 - 1] = (uint8_t)(row->client.addr.bytes[bits / 8 - 1] | i);
		}
		good = meter_take(
			       meter, snapshot, &net, row->region, row->rtt_ms, row->n / (1u << wider), true, now_s) &&
		       good;
	}
	return good;
}

size_t latency_import(struct meter *meter, const struct snapshot *snapshot, const struct latency_text *text,
	uint64_t now_s, struct report *report)
{
	struct reading reading = { .snapshot = snapshot, .name = text->name, .report = report };
	struct rows rows = { 0 };

	read_text(&reading, text, &rows);
	for (size_t i = 0; i < rows.n && report->nmistakes == 0 && !text->check; i++)
		if (!take_row(meter, snapshot, &rows.rows[i], now_s))
			report_add(report, REPORT_WARNING, text->name, 0,
				"%s: more than %d regions are measured already", rows.rows[i].region,
				LATENCY_REGIONS_MAX);
	free(rows.rows);
	return rows.n;
}

json_t *latency_import_json(
	struct meter *meter, const struct snapshot *snapshot, const struct latency_text *text, uint64_t now_s)
{
	struct report report = { 0 };
	size_t nlines = latency_import(meter, snapshot, text, now_s, &report);
	json_t *mistakes = json_array(), *result;
	char line[1400];

	for (size_t i = 0; i < report.nlines && i < MISTAKES_SHOWN; i++) {
		report_format(&report.lines[i], line, sizeof(line));
		json_array_append_new(mistakes, json_string(line));
	}
	result = json_pack("{s:I,s:b,s:I,s:o}", "lines", (json_int_t)nlines, "taken",
		report.nmistakes == 0 && !text->check, "nmistakes", (json_int_t)report.nmistakes, "mistakes", mistakes);
	report_fini(&report);
	return result;
}
