#include "zones/tags.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- mistakes ---- */

const char *tag_shown(const char *value, char text[static TAG_SHOWN_MAX])
{
	snprintf(text, TAG_SHOWN_MAX, "%s", value);
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return text;
}

void tags_mistake(const struct tag_reader *reader, const char *fmt, ...)
{
	struct err what;
	va_list args;

	va_start(args, fmt);
	vsnprintf(what.text, sizeof what.text, fmt, args);
	va_end(args);
	draft_report(
		reader->draft, REPORT_MISTAKE, &reader->draft->nodes[reader->node], reader->record, "%s", what.text);
}

void tags_warning(const struct tag_reader *reader, const char *fmt, ...)
{
	struct err what;
	va_list args;

	va_start(args, fmt);
	vsnprintf(what.text, sizeof what.text, fmt, args);
	va_end(args);
	draft_report(
		reader->draft, REPORT_WARNING, &reader->draft->nodes[reader->node], reader->record, "%s", what.text);
}

/* ---- a list apart ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static char *trim(char *text)
{
	size_t len;

	while (is_space(*text))
		text++;
	len = strlen(text);
	while (len > 0 && is_space(text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* The character-strings of a TXT, one behind the other. */
static char *join(struct tag_reader *reader, struct err *err)
{
	const uint8_t *at = draft_rdata(reader->draft, reader->record), *end = at + reader->record->rdlen;

	reader->text.len = 0;
	buf_add(&reader->text, "", 0);
	while (at < end) {
		size_t len = *at++;

		if (len > (size_t)(end - at)) /* written as \# without regard to its inside */
			len = (size_t)(end - at);
		buf_add(&reader->text, at, len);
		at += len;
	}
	if (memchr(reader->text.text, '\0', reader->text.len) == NULL)
		return reader->text.text;
	err_set(err, "TXT: a byte 0 in a list of tags (leave it out)");
	return NULL;
}

static bool add_tag(struct tag_list *list, char *item, char *equals, struct err *err)
{
	char shown[TAG_SHOWN_MAX];

	if (equals == NULL)
		return err_set(err, "%s: not tag=value", tag_shown(trim(item), shown));
	*equals = '\0';
	list->values = mem_grow(list->values, list->nvalues, &list->cap, sizeof *list->values);
	list->values[list->nvalues++] = (struct tag_value){ trim(item), trim(equals + 1) };
	return true;
}

/* Unescapes in place: what is written is never longer than what is read. */
bool tags_split(struct tag_reader *reader, struct err *err)
{
	char *at = join(reader, err), *item, *to, *equals;
	bool more;

	reader->list.nvalues = 0;
	if (at == NULL)
		return false;
	do {
		item = to = at;
		equals = NULL;
		for (; *at != '\0' && *at != ';'; at++) {
			if (*at == '=' && equals == NULL)
				equals = to;
			if (*at == '\\') {
				at++;
				if (*at != ';' && *at != '\\')
					return err_set(err, "a backslash before neither ; nor \\ (write \\\\\\\\ for "
							    "one in a quoted string)");
			}
			*to++ = *at;
		}
		more = *at == ';';
		at += more;
		*to = '\0';
		if (*trim(item) == '\0' && equals == NULL) {
			if (more)
				return err_set(err, "an empty tag before a ; (leave one ; out)");
		} else if (!add_tag(&reader->list, item, equals, err)) {
			return false;
		}
	} while (more);
	return true;
}

bool list_next(const char **at, char *text, size_t cap)
{
	const char *start = *at, *end;
	size_t len;

	if (start == NULL)
		return false;
	end = strchr(start, ',');
	*at = end == NULL ? NULL : end + 1;
	len = end == NULL ? strlen(start) : (size_t)(end - start);
	while (len > 0 && is_space(*start)) {
		start++;
		len--;
	}
	while (len > 0 && is_space(start[len - 1]))
		len--;
	if (len >= cap)
		len = cap - 1;
	memcpy(text, start, len);
	text[len] = '\0';
	return true;
}

/* ---- a list by its table ---- */

bool tags_version(struct tag_reader *reader, const struct tag_table *table)
{
	const struct tag_value *first = reader->list.nvalues > 0 ? &reader->list.values[0] : NULL;
	char shown[TAG_SHOWN_MAX];

	if (first != NULL && strcmp(first->name, "v") == 0 && strcmp(first->value, table->version) == 0)
		return true;
	if (first == NULL || strcmp(first->name, "v") != 0)
		tags_mistake(reader, "v: must be the first tag of a %s (try v=%s)", table->what, table->version);
	else
		tags_mistake(reader, "v=%s: no version of a %s (try v=%s)", tag_shown(first->value, shown), table->what,
			table->version);
	return false;
}

static const struct tag *find_row(const struct tag_table *table, const char *name)
{
	for (size_t i = 0; i < table->nrows; i++)
		if (strcmp(table->rows[i].name, name) == 0)
			return &table->rows[i];
	return NULL;
}

bool tags_has(const struct tag_reader *reader, const struct tag_table *table, const char *name)
{
	const struct tag *row = find_row(table, name);

	assert(row != NULL);
	return (reader->seen >> (row - table->rows) & 1) != 0;
}

static void store(void *into, const struct tag *row, int64_t value)
{
	uint8_t *field = (uint8_t *)into + row->offset;

	switch (row->len) {
	case 1:
		memcpy(field, &(uint8_t){ (uint8_t)value }, 1);
		return;
	case 2:
		memcpy(field, &(uint16_t){ (uint16_t)value }, 2);
		return;
	case 4:
		memcpy(field, &(uint32_t){ (uint32_t)value }, 4);
		return;
	}
	assert(!"a field of 1, 2 or 4 bytes");
}

static bool read_number(const struct tag *row, const char *value, int64_t *number, struct err *err)
{
	bool negative = row->min < 0 && *value == '-';
	uint64_t size;

	if (!number_parse(value + negative, 0, INT32_MAX, &size) ||
		(*number = negative ? -(int64_t)size : (int64_t)size) < row->min || *number > row->max)
		return err_set(err, "not a number from %lld to %lld (try %s)", (long long)row->min, (long long)row->max,
			row->try);
	return true;
}

static bool read_duration(const struct tag *row, const char *value, int64_t *number, struct err *err)
{
	char least[32], most[32];
	uint64_t ms;

	if (!duration_parse(value, &ms))
		return err_set(err, "not a duration (try %s)", row->try);
	if (ms < (uint64_t)row->min || ms > (uint64_t)row->max)
		return err_set(err, "not from %s to %s (try %s)", duration_format((uint64_t)row->min, least),
			duration_format((uint64_t)row->max, most), row->try);
	*number = (int64_t)ms;
	return true;
}

static bool not_a_choice(const struct tag *row, struct err *err)
{
	struct buf all = { 0 };

	for (size_t i = 0; row->choices[i] != NULL; i++)
		buf_printf(&all, "%s%s", i == 0 ? "" : row->choices[i + 1] == NULL ? " or " : ", ", row->choices[i]);
	err_set(err, "not %s (try %s)", all.text, row->try);
	buf_fini(&all);
	return false;
}

static bool read_choice(const struct tag *row, const char *value, int64_t *number, struct err *err)
{
	if (row->later != NULL && strcmp(value, row->later) == 0)
		return err_set(err, "not in this version of gslb (try %s)", row->try);
	for (*number = 0; row->choices[*number] != NULL; ++*number)
		if (strcmp(value, row->choices[*number]) == 0)
			return true;
	return not_a_choice(row, err);
}

static bool read_value(struct tag_reader *reader, const struct tag *row, const char *value, struct err *err)
{
	int64_t number = 0;
	bool ok = false;

	switch (row->kind) {
	case TAG_NUMBER:
		ok = read_number(row, value, &number, err);
		break;
	case TAG_DURATION:
		ok = read_duration(row, value, &number, err);
		break;
	case TAG_CHOICE:
		ok = read_choice(row, value, &number, err);
		break;
	case TAG_OTHER:
		return row->parse(reader, value, err);
	case TAG_LATER:
		return err_set(err, "not in this version of gslb (leave it out)");
	}
	if (ok)
		store(reader->into, row, number);
	return ok;
}

static void name_unknown(const struct tag_reader *reader, const struct tag_table *table, const struct tag_value *tag)
{
	char name[TAG_SHOWN_MAX], value[TAG_SHOWN_MAX];
	struct buf all = { 0 };

	for (size_t i = 0; i < table->nrows; i++)
		if (table->rows[i].kind != TAG_LATER)
			buf_printf(&all, " %s", table->rows[i].name);
	tags_mistake(reader, "%s=%s: no tag of a %s (they are v%s)", tag_shown(tag->name, name),
		tag_shown(tag->value, value), table->what, all.text);
	buf_fini(&all);
}

static void read_tag(struct tag_reader *reader, const struct tag_table *table, const struct tag_value *tag)
{
	const struct tag *row = find_row(table, tag->name);
	char shown[TAG_SHOWN_MAX];
	struct err err;
	uint64_t bit;

	if (row == NULL) {
		if (strcmp(tag->name, "v") == 0)
			tags_mistake(reader, "v=%s: given twice (leave one)", tag_shown(tag->value, shown));
		else
			name_unknown(reader, table, tag);
		return;
	}
	bit = (uint64_t)1 << (row - table->rows);
	if ((reader->seen & bit) != 0)
		tags_mistake(reader, "%s=%s: given twice (leave one)", row->name, tag_shown(tag->value, shown));
	else if (!read_value(reader, row, tag->value, &err))
		tags_mistake(reader, "%s=%s: %s", row->name, tag_shown(tag->value, shown), err.text);
	reader->seen |= bit;
}

void tags_read(struct tag_reader *reader, const struct tag_table *table)
{
	assert(table->nrows <= 64);
	reader->seen = 0;
	for (size_t i = 0; i < table->nrows; i++) {
		const struct tag *row = &table->rows[i];
		struct err err;
		bool ok = row->normal == NULL || read_value(reader, row, row->normal, &err);

		assert(ok); /* defaults are right */
	}
	for (size_t i = 1; i < reader->list.nvalues; i++)
		read_tag(reader, table, &reader->list.values[i]);
	for (size_t i = 0; i < table->nrows; i++)
		if (table->rows[i].required && (reader->seen >> i & 1) == 0)
			tags_mistake(reader, "%s: missing, and a %s needs it (try %s=%s)", table->rows[i].name,
				table->what, table->rows[i].name, table->rows[i].try);
}

void tags_fini(struct tag_reader *reader)
{
	free(reader->list.values);
	buf_fini(&reader->text);
	*reader = (struct tag_reader){ 0 };
}

void tags_manual(const struct tag_table *table, struct buf *out)
{
	for (size_t i = 0; i < table->nrows; i++) {
		const struct tag *row = &table->rows[i];
		const char *normal = row->otherwise != NULL ? row->otherwise : row->normal;

		if (row->kind == TAG_LATER)
			continue;
		buf_printf(out, ".TP\n.BI %s= \"%s\"\n%s", row->name, row->try, row->sentence);
		if (row->kind == TAG_NUMBER)
			buf_printf(out, " From %lld to %lld.", (long long)row->min, (long long)row->max);
		if (row->kind == TAG_DURATION) {
			char least[32], most[32];

			buf_printf(out, " From %s to %s.", duration_format((uint64_t)row->min, least),
				duration_format((uint64_t)row->max, most));
		}
		if (row->required)
			buf_printf(out, " Required.\n");
		else
			buf_printf(out, " Default: %s.\n", normal == NULL ? "none" : normal);
	}
}
