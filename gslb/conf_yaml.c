/* Two libraries read the same text. cyaml loads the values into a table by a schema made from the caller's keys: every value
 * as a string, since its own numbers and booleans are lenient ("watch: maybe" is true, "010" is 8). But cyaml stops at its
 * first mistake and does not say where a value stood, so libyaml, which it is built on, goes first (conf_shape.c). cyaml
 * then only sees a file whose shape fits its schema. */
#include "gslb/conf_yaml.h"

#include <cyaml/cyaml.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/conf_shape.h"

/* cyaml loads into an array of these, one for each key. */
struct slot {
	char *text;
	char **items;
	uint32_t nitems;
};

static const struct cyaml_schema_value item_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static struct cyaml_schema_field leaf_field(const struct conf_yaml_key *key, size_t number, const char *part)
{
	uint32_t at = (uint32_t)(number * sizeof(struct slot));

	if (key->list)
		return (struct cyaml_schema_field){
			.key = part,
			.data_offset = at + (uint32_t)offsetof(struct slot, items),
			.count_offset = at + (uint32_t)offsetof(struct slot, nitems),
			.count_size = sizeof(uint32_t),
			.value = { CYAML_VALUE_SEQUENCE(
				CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char *, &item_schema, 0, CYAML_UNLIMITED) },
		};
	return (struct cyaml_schema_field){
		.key = part,
		.data_offset = at + (uint32_t)offsetof(struct slot, text),
		.value = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char, 0, CYAML_UNLIMITED) },
	};
}

/* The fields of keys[from, to), which share the first `skip` bytes of their paths. A section is a mapping in place (not a
 * pointer) at offset 0, so that all slots lie in one array however deep their keys are. */
static const struct cyaml_schema_field *make_fields(
	const struct conf_shape *shape, struct arena *arena, size_t from, size_t to, size_t skip)
{
	struct cyaml_schema_field *fields = arena_alloc(arena, (to - from + 1) * sizeof *fields);
	size_t n = 0;

	for (size_t i = from, end; i < to; i = end) {
		const char *part = shape->keys[i].path + skip;
		size_t len = strcspn(part, ".");
		char *section;

		end = i + 1;
		if (part[len] == '\0') {
			fields[n++] = leaf_field(&shape->keys[i], i, part);
			continue;
		}
		while (end < to && strncmp(shape->keys[end].path + skip, part, len + 1) == 0)
			end++;
		section = arena_alloc(arena, len + 1);
		memcpy(section, part, len);
		fields[n++] = (struct cyaml_schema_field){
			.key = section,
			.value = { .type = CYAML_MAPPING,
				.flags = CYAML_FLAG_OPTIONAL,
				.data_size = (uint32_t)(shape->nkeys * sizeof(struct slot)),
				.mapping = { .fields = make_fields(shape, arena, i, end, skip + len + 1) } },
		};
	}
	return fields; /* ends with a NULL key: the arena is zeroed */
}

static void take_slots(const struct conf_shape *shape, const struct slot *slots, struct conf_yaml_value *values)
{
	for (size_t i = 0; i < shape->nkeys; i++) {
		struct conf_yaml_value *value = &values[i];

		if (!shape->keys[i].list) {
			if (slots[i].text != NULL && value->nitems == 1)
				value->items[0].text = mem_strdup(slots[i].text);
			continue;
		}
		for (size_t k = 0; k < value->nitems && k < slots[i].nitems; k++)
			value->items[k].text = mem_strdup(slots[i].items[k]);
	}
}

static bool all_have_text(const struct conf_yaml_value *values, size_t nvalues)
{
	for (size_t i = 0; i < nvalues; i++)
		for (size_t k = 0; k < values[i].nitems; k++)
			if (values[i].items[k].text == NULL)
				return false;
	return true;
}

static bool load_values(const struct conf_shape *shape, struct conf_yaml_value *values, struct report *report)
{
	const struct cyaml_config config = { .mem_fn = cyaml_mem,
		.flags = CYAML_CFG_IGNORE_UNKNOWN_KEYS | CYAML_CFG_NO_ALIAS };
	struct arena *arena = arena_new();
	const struct cyaml_schema_value schema = {
		.type = CYAML_MAPPING,
		.flags = CYAML_FLAG_POINTER,
		.data_size = (uint32_t)(shape->nkeys * sizeof(struct slot)),
		.mapping = { .fields = make_fields(shape, arena, 0, shape->nkeys, 0) },
	};
	cyaml_data_t *slots = NULL;
	cyaml_err_t result = cyaml_load_data((const uint8_t *)shape->text, shape->len, &config, &schema, &slots, NULL);
	bool loaded;

	if (result == CYAML_OK)
		take_slots(shape, slots, values);
	loaded = result == CYAML_OK && all_have_text(values, shape->nkeys);
	if (!loaded)
		report_add(report, REPORT_MISTAKE, shape->file, 0, "cannot be loaded: %s", cyaml_strerror(result));
	cyaml_free(&config, &schema, slots, 0);
	arena_free(arena);
	return loaded;
}

bool conf_yaml_read(const char *file, const char *text, size_t len, const struct conf_yaml_key *keys, size_t nkeys,
	const char *const *foreign, size_t nforeign, struct conf_yaml_value *values, struct report *report)
{
	struct conf_shape shape = {
		.file = file,
		.text = text,
		.len = len,
		.keys = keys,
		.nkeys = nkeys,
		.foreign = foreign,
		.nforeign = nforeign,
	};
	bool empty;

	memset(values, 0, nkeys * sizeof *values);
	if (!conf_shape_check(&shape, values, report, &empty))
		return false;
	return empty || load_values(&shape, values, report);
}

void conf_yaml_free(struct conf_yaml_value *values, size_t nvalues)
{
	for (size_t i = 0; i < nvalues; i++) {
		for (size_t k = 0; k < values[i].nitems; k++)
			free(values[i].items[k].text);
		free(values[i].items);
		values[i] = (struct conf_yaml_value){ 0 };
	}
}
