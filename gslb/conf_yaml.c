/* Two libraries read the same text. cyaml loads the values into a table by a schema made from the caller's keys: every value
 * as a string, since its own numbers and booleans are lenient ("watch: maybe" is true, "010" is 8). But cyaml stops at its
 * first mistake and does not say where a value stood, so libyaml, which it is built on, goes first: over the tokens, for what
 * a configuration has no use for (anchors, aliases, tags, documents), and over the tree, for the shape and for each value's
 * line and column. cyaml then only sees a file whose shape fits its schema. */
#include "gslb/conf_yaml.h"

#include <cyaml/cyaml.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { PATH_MAX_LEN = 128, QUOTE_MAX = 64 };

struct reader {
	const char *file;
	const struct conf_yaml_key *keys;
	size_t nkeys;
	const char *const *later;
	size_t nlater;
	struct conf_yaml_value *values;
	struct report *report;
	yaml_document_t *document;
	bool misshapen; /* cyaml need not try */
};

static void mistake(struct reader *r, yaml_mark_t mark, const char *text)
{
	report_add_at(r->report, REPORT_MISTAKE, r->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1, "%s", text);
}

static void mistake_of(struct reader *r, yaml_mark_t mark, const char *path, const char *text)
{
	report_add_at(r->report, REPORT_MISTAKE, r->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1, "%s: %s", path,
		text);
}

/* ---- tokens ---- */

static const char *refused_token(yaml_token_type_t type)
{
	if (type == YAML_ANCHOR_TOKEN)
		return "an anchor (&name): write the value where it is used";
	if (type == YAML_ALIAS_TOKEN)
		return "an alias (*name): write the value out (a text that begins with * wants quotes)";
	if (type == YAML_TAG_TOKEN || type == YAML_TAG_DIRECTIVE_TOKEN)
		return "a tag (!name): leave it out, each key has one type";
	return NULL;
}

static void syntax_mistake(struct reader *r, const yaml_parser_t *parser)
{
	/* bytes that are no text have an offset only; the parser is then about where they are */
	yaml_mark_t mark = parser->error == YAML_READER_ERROR ? parser->mark : parser->problem_mark;
	const char *problem = parser->problem != NULL ? parser->problem : "this cannot be read";
	const char *context = parser->context != NULL ? parser->context : "";

	report_add_at(r->report, REPORT_MISTAKE, r->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1,
		"not YAML: %s%s%s", context, *context != '\0' ? ", " : "", problem);
	r->misshapen = true;
}

/* False when the text cannot be split into tokens. */
static bool scan_tokens(struct reader *r, yaml_parser_t *parser)
{
	bool ended = false;
	unsigned documents = 0;

	while (!ended) {
		yaml_token_t token;
		const char *refused;

		if (!yaml_parser_scan(parser, &token)) {
			syntax_mistake(r, parser);
			return false;
		}
		refused = refused_token(token.type);
		if (token.type == YAML_DOCUMENT_START_TOKEN && ++documents > 1)
			refused = "a second document (---): the file holds one";
		if (refused != NULL) {
			mistake(r, token.start_mark, refused);
			r->misshapen = true;
		}
		ended = token.type == YAML_STREAM_END_TOKEN;
		yaml_token_delete(&token);
	}
	return true;
}

/* ---- the tree ---- */

static yaml_node_t *node_at(struct reader *r, int index)
{
	return yaml_document_get_node(r->document, index);
}

/* A stranger's text for an error line: short, and nothing that would move a terminal's cursor. */
static const char *quoted(const yaml_node_t *node, char text[static QUOTE_MAX])
{
	size_t len = node->data.scalar.length < QUOTE_MAX - 1 ? node->data.scalar.length : QUOTE_MAX - 1;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = node->data.scalar.value[i];

		text[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	text[len] = '\0';
	return text;
}

static size_t find_key(const struct reader *r, const char *path)
{
	size_t i = 0;

	while (i < r->nkeys && strcmp(r->keys[i].path, path) != 0)
		i++;
	return i;
}

static bool is_section(const struct reader *r, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < r->nkeys; i++)
		if (strncmp(r->keys[i].path, path, len) == 0 && r->keys[i].path[len] == '.')
			return true;
	return false;
}

static bool is_later(const struct reader *r, const char *path)
{
	for (size_t i = 0; i < r->nlater; i++)
		if (strcmp(r->later[i], path) == 0)
			return true;
	return false;
}

/* "listen, workers, limits": what may stand in a section; "" is the file itself. */
static void known_keys(const struct reader *r, const char *section, struct buf *out)
{
	size_t len = strlen(section), last_len = 0;
	const char *last = "";

	for (size_t i = 0; i < r->nkeys; i++) {
		const char *part = r->keys[i].path;
		size_t part_len;

		if (len > 0 && (strncmp(part, section, len) != 0 || part[len] != '.'))
			continue;
		part += len > 0 ? len + 1 : 0;
		part_len = strcspn(part, ".");
		if (part_len == last_len && strncmp(part, last, part_len) == 0)
			continue;
		buf_printf(out, "%s%.*s", last_len > 0 ? ", " : "", (int)part_len, part);
		last = part;
		last_len = part_len;
	}
}

static void unknown_key(struct reader *r, yaml_mark_t mark, const char *section, const char *path)
{
	struct buf known = { 0 };

	if (is_later(r, path)) {
		mistake_of(r, mark, path, "not in this version (leave it out)");
		return;
	}
	known_keys(r, section, &known);
	report_add_at(r->report, REPORT_MISTAKE, r->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1,
		"%s: no such key (%s has %s)", path, *section != '\0' ? section : "the file", known.text);
	buf_fini(&known);
}

static bool is_nothing(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	if (node->data.scalar.length == 0)
		return true;
	return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		(strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0);
}

static bool check_text(struct reader *r, const char *path, const yaml_node_t *node, const char *otherwise)
{
	const char *wrong = NULL;

	if (node->type != YAML_SCALAR_NODE)
		wrong = otherwise;
	else if (is_nothing(node))
		wrong = "no value (leave the line out for the default)";
	else
		for (size_t i = 0; i < node->data.scalar.length; i++)
			if (node->data.scalar.value[i] < 0x20 || node->data.scalar.value[i] == 0x7f)
				wrong = "holds a control character or a line's end (write it on one line)";
	if (wrong == NULL)
		return true;
	mistake_of(r, node->start_mark, path, wrong);
	r->misshapen = true;
	return false;
}

/* Note where each text of a key stands; its text comes from cyaml. */
static void place_value(struct reader *r, size_t key, const yaml_node_t *node)
{
	struct conf_yaml_value *value = &r->values[key];
	const char *path = r->keys[key].path;
	size_t n = 1;

	if (r->keys[key].list && node->type != YAML_SEQUENCE_NODE) {
		mistake_of(r, node->start_mark, path, "not a list (write [one, two], also for a single one)");
		r->misshapen = true;
		return;
	}
	if (r->keys[key].list)
		n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	value->line = (unsigned)node->start_mark.line + 1;
	value->column = (unsigned)node->start_mark.column + 1;
	value->items = mem_alloc((n + 1) * sizeof *value->items);
	for (size_t i = 0; i < n; i++) {
		const yaml_node_t *item = r->keys[key].list ? node_at(r, node->data.sequence.items.start[i]) : node;

		check_text(r, path, item, r->keys[key].list ? "not a list of single values" : "one value belongs here, not a list");
		value->items[i].line = (unsigned)item->start_mark.line + 1;
		value->items[i].column = (unsigned)item->start_mark.column + 1;
	}
	value->nitems = n;
	if (n == 0) {
		mistake_of(r, node->start_mark, path, "an empty list (leave the line out for the default)");
		r->misshapen = true;
	}
}

static bool is_repeated(struct reader *r, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = node_at(r, pair->key);

	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *before = node_at(r, p->key);

		if (before->type == YAML_SCALAR_NODE && before->data.scalar.length == key->data.scalar.length &&
			memcmp(before->data.scalar.value, key->data.scalar.value, key->data.scalar.length) == 0)
			return true;
	}
	return false;
}

static void walk_section(struct reader *r, const char *section, const yaml_node_t *map);

static void walk_pair(struct reader *r, const char *section, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = node_at(r, pair->key), *node = node_at(r, pair->value);
	char path[PATH_MAX_LEN], part[QUOTE_MAX];
	size_t known;

	if (key->type != YAML_SCALAR_NODE) {
		mistake(r, key->start_mark, "a key is a plain word, not a list or a mapping");
		r->misshapen = true;
		return;
	}
	snprintf(path, sizeof path, "%s%s%s", section, *section != '\0' ? "." : "", quoted(key, part));
	if (is_repeated(r, map, pair)) {
		mistake_of(r, key->start_mark, path, "given twice (keep one)");
		r->misshapen = true;
		return;
	}
	known = find_key(r, path);
	if (known < r->nkeys) {
		place_value(r, known, node);
	} else if (!is_section(r, path)) {
		unknown_key(r, key->start_mark, section, path);
	} else if (node->type == YAML_MAPPING_NODE) {
		walk_section(r, path, node);
	} else {
		struct buf keys = { 0 };

		known_keys(r, path, &keys);
		report_add_at(r->report, REPORT_MISTAKE, r->file, (unsigned)node->start_mark.line + 1,
			(unsigned)node->start_mark.column + 1, "%s: keys belong below it: %s", path, keys.text);
		buf_fini(&keys);
		r->misshapen = true;
	}
}

/* As deep as the known keys are: what is unknown is not entered. */
static void walk_section(struct reader *r, const char *section, const yaml_node_t *map)
{
	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++)
		walk_pair(r, section, map, p);
}

/* False when there is nothing for cyaml to load. */
static bool walk_document(struct reader *r, yaml_parser_t *parser)
{
	yaml_document_t document;
	const yaml_node_t *root;
	bool loaded = false;

	if (!yaml_parser_load(parser, &document)) {
		syntax_mistake(r, parser);
		return false;
	}
	r->document = &document;
	root = yaml_document_get_root_node(&document);
	if (root != NULL && root->type == YAML_MAPPING_NODE) {
		walk_section(r, "", root);
		loaded = true;
	} else if (root != NULL && !(root->type == YAML_SCALAR_NODE && is_nothing(root))) {
		mistake(r, root->start_mark, "keys belong here (try \"server:\")");
		r->misshapen = true;
	}
	yaml_document_delete(&document);
	return loaded;
}

static bool with_parser(struct reader *r, const char *text, size_t len, bool (*pass)(struct reader *, yaml_parser_t *))
{
	yaml_parser_t parser;
	bool done;

	if (!yaml_parser_initialize(&parser))
		abort(); /* out of memory: it has no other reason */
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	done = pass(r, &parser);
	yaml_parser_delete(&parser);
	return done;
}

/* ---- values, by cyaml ---- */

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
			.value = { CYAML_VALUE_SEQUENCE(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char *, &item_schema, 0,
				CYAML_UNLIMITED) },
		};
	return (struct cyaml_schema_field){
		.key = part,
		.data_offset = at + (uint32_t)offsetof(struct slot, text),
		.value = { CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char, 0, CYAML_UNLIMITED) },
	};
}

/* The fields of keys[from, to), which share the first `skip` bytes of their paths. A section is a mapping in place (not a
 * pointer) at offset 0, so that all slots lie in one array however deep their keys are. */
static const struct cyaml_schema_field *make_fields(const struct reader *r, struct arena *arena, size_t from, size_t to,
	size_t skip)
{
	struct cyaml_schema_field *fields = arena_alloc(arena, (to - from + 1) * sizeof *fields);
	size_t n = 0;

	for (size_t i = from, end; i < to; i = end) {
		const char *part = r->keys[i].path + skip;
		size_t len = strcspn(part, ".");
		char *section;

		end = i + 1;
		if (part[len] == '\0') {
			fields[n++] = leaf_field(&r->keys[i], i, part);
			continue;
		}
		while (end < to && strncmp(r->keys[end].path + skip, part, len + 1) == 0)
			end++;
		section = arena_alloc(arena, len + 1);
		memcpy(section, part, len);
		fields[n++] = (struct cyaml_schema_field){
			.key = section,
			.value = { .type = CYAML_MAPPING,
				.flags = CYAML_FLAG_OPTIONAL,
				.data_size = (uint32_t)(r->nkeys * sizeof(struct slot)),
				.mapping = { .fields = make_fields(r, arena, i, end, skip + len + 1) } },
		};
	}
	return fields; /* ends with a NULL key: the arena is zeroed */
}

static void take_slots(struct reader *r, const struct slot *slots)
{
	for (size_t i = 0; i < r->nkeys; i++) {
		struct conf_yaml_value *value = &r->values[i];

		if (!r->keys[i].list) {
			if (slots[i].text != NULL && value->nitems == 1)
				value->items[0].text = mem_strdup(slots[i].text);
			continue;
		}
		for (size_t k = 0; k < value->nitems && k < slots[i].nitems; k++)
			value->items[k].text = mem_strdup(slots[i].items[k]);
	}
}

static bool all_have_text(const struct reader *r)
{
	for (size_t i = 0; i < r->nkeys; i++)
		for (size_t k = 0; k < r->values[i].nitems; k++)
			if (r->values[i].items[k].text == NULL)
				return false;
	return true;
}

static void load_values(struct reader *r, const char *text, size_t len)
{
	const struct cyaml_config config = { .mem_fn = cyaml_mem, .flags = CYAML_CFG_IGNORE_UNKNOWN_KEYS | CYAML_CFG_NO_ALIAS };
	struct arena *arena = arena_new();
	const struct cyaml_schema_value schema = {
		.type = CYAML_MAPPING,
		.flags = CYAML_FLAG_POINTER,
		.data_size = (uint32_t)(r->nkeys * sizeof(struct slot)),
		.mapping = { .fields = make_fields(r, arena, 0, r->nkeys, 0) },
	};
	cyaml_data_t *slots = NULL;
	cyaml_err_t result = cyaml_load_data((const uint8_t *)text, len, &config, &schema, &slots, NULL);

	if (result == CYAML_OK)
		take_slots(r, slots);
	if (result != CYAML_OK || !all_have_text(r)) {
		report_add(r->report, REPORT_MISTAKE, r->file, 0, "cannot be loaded: %s", cyaml_strerror(result));
		r->misshapen = true;
	}
	cyaml_free(&config, &schema, slots, 0);
	arena_free(arena);
}

bool conf_yaml_read(const char *file, const char *text, size_t len, const struct conf_yaml_key *keys, size_t nkeys,
	const char *const *later, size_t nlater, struct conf_yaml_value *values, struct report *report)
{
	struct reader r = {
		.file = file, .keys = keys, .nkeys = nkeys, .later = later, .nlater = nlater, .values = values, .report = report,
	};

	memset(values, 0, nkeys * sizeof *values);
	if (with_parser(&r, text, len, scan_tokens) && with_parser(&r, text, len, walk_document) && !r.misshapen)
		load_values(&r, text, len);
	return !r.misshapen;
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
