/* The part of conf_yaml that libyaml does: over the tokens, for what a configuration has no use for (anchors, aliases, tags,
 * documents), and over the tree, for the shape and for each value's line and column. It knows no values' texts. */
#include "gslb/conf_shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { PATH_MAX_LEN = 128, QUOTE_MAX = 64 };

struct reader {
	const struct conf_shape *shape;
	struct conf_yaml_value *values;
	struct report *report;
	yaml_document_t *document;
	bool misshapen;
};

static void mistake(struct reader *r, yaml_mark_t mark, const char *text)
{
	report_add_at(r->report, REPORT_MISTAKE, r->shape->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1,
		"%s", text);
}

static void mistake_of(struct reader *r, yaml_mark_t mark, const char *path, const char *text)
{
	report_add_at(r->report, REPORT_MISTAKE, r->shape->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1,
		"%s: %s", path, text);
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

/* Bytes that are no text have an offset only: libyaml reads ahead of its own marks. */
static yaml_mark_t mark_of_byte(const struct reader *r, size_t offset)
{
	yaml_mark_t mark = { 0 };

	for (size_t i = 0; i < offset && i < r->shape->len; i++) {
		mark.column++;
		if (r->shape->text[i] == '\n')
			mark = (yaml_mark_t){ .line = mark.line + 1 };
	}
	return mark;
}

static void syntax_mistake(struct reader *r, const yaml_parser_t *parser)
{
	yaml_mark_t mark =
		parser->error == YAML_READER_ERROR ? mark_of_byte(r, parser->problem_offset) : parser->problem_mark;
	const char *problem = parser->problem != NULL ? parser->problem : "this cannot be read";
	const char *context = parser->context != NULL ? parser->context : "";

	report_add_at(r->report, REPORT_MISTAKE, r->shape->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1,
		"not YAML: %s%s%s", context, *context != '\0' ? ", " : "", problem);
	r->misshapen = true;
}

/* A document's start need not be marked: what follows content and a mark is another document, which cyaml would leave unread
 * in silence. */
static bool begins_another(yaml_token_type_t type, bool *content, bool *closed)
{
	bool mark = type == YAML_DOCUMENT_START_TOKEN || type == YAML_DOCUMENT_END_TOKEN;
	bool frame = type == YAML_STREAM_START_TOKEN || type == YAML_STREAM_END_TOKEN;
	bool another = (*content && type == YAML_DOCUMENT_START_TOKEN) || (*closed && !mark && !frame);

	*closed = !another && *content && (*closed || type == YAML_DOCUMENT_END_TOKEN);
	*content = *content || (!mark && !frame && type != YAML_VERSION_DIRECTIVE_TOKEN);
	return another;
}

/* False when the text cannot be split into tokens. */
static bool scan_tokens(struct reader *r, yaml_parser_t *parser)
{
	bool ended = false, content = false, closed = false;

	while (!ended) {
		yaml_token_t token;
		const char *refused;

		if (!yaml_parser_scan(parser, &token)) {
			syntax_mistake(r, parser);
			return false;
		}
		refused = refused_token(token.type);
		if (begins_another(token.type, &content, &closed))
			refused = "a second document: the file holds one";
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

	while (i < r->shape->nkeys && strcmp(r->shape->keys[i].path, path) != 0)
		i++;
	return i;
}

static bool is_section(const struct reader *r, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < r->shape->nkeys; i++)
		if (strncmp(r->shape->keys[i].path, path, len) == 0 && r->shape->keys[i].path[len] == '.')
			return true;
	return false;
}

/* A section of another program: what stands in it is for that to say, but for keys that both know. */
static bool is_foreign(const struct reader *r, const char *path)
{
	for (size_t i = 0; i < r->shape->nforeign; i++)
		if (strcmp(r->shape->foreign[i], path) == 0)
			return true;
	return false;
}

/* "listen, workers, limits": what may stand in a section; "" is the file itself. */
static void known_keys(const struct reader *r, const char *section, struct buf *out)
{
	size_t len = strlen(section), last_len = 0;
	const char *last = "";

	for (size_t i = 0; i < r->shape->nkeys; i++) {
		const char *part = r->shape->keys[i].path;
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

	known_keys(r, section, &known);
	report_add_at(r->report, REPORT_MISTAKE, r->shape->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1,
		"%s: no such key (%s has %s)", path, *section != '\0' ? section : "the file", known.text);
	buf_fini(&known);
}

static bool is_nothing(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	if (node->data.scalar.length == 0)
		return true;
	return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
		       strcmp(text, "NULL") == 0);
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
	const char *path = r->shape->keys[key].path;
	size_t n = 1;

	if (r->shape->keys[key].list && node->type != YAML_SEQUENCE_NODE) {
		mistake_of(r, node->start_mark, path, "not a list (write [one, two], also for a single one)");
		r->misshapen = true;
		return;
	}
	if (r->shape->keys[key].list)
		n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	value->line = (unsigned)node->start_mark.line + 1;
	value->column = (unsigned)node->start_mark.column + 1;
	value->items = mem_alloc((n + 1) * sizeof *value->items);
	for (size_t i = 0; i < n; i++) {
		const yaml_node_t *item =
			r->shape->keys[key].list ? node_at(r, node->data.sequence.items.start[i]) : node;

		check_text(r, path, item,
			r->shape->keys[key].list ? "not a list of single values"
						 : "one value belongs here, not a list");
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
	if (memchr(key->data.scalar.value, '.', key->data.scalar.length) != NULL &&
		(known < r->shape->nkeys || is_section(r, path))) {
		mistake_of(r, key->start_mark, path,
			"a dot leads nowhere (write what is before it as a key, and the rest below that)");
		r->misshapen = true;
	} else if (known < r->shape->nkeys) {
		place_value(r, known, node);
	} else if (!is_section(r, path) && (is_foreign(r, path) || is_foreign(r, section))) {
		return;
	} else if (!is_section(r, path)) {
		unknown_key(r, key->start_mark, section, path);
	} else if (node->type == YAML_MAPPING_NODE) {
		walk_section(r, path, node);
	} else {
		struct buf keys = { 0 };

		known_keys(r, path, &keys);
		report_add_at(r->report, REPORT_MISTAKE, r->shape->file, (unsigned)node->start_mark.line + 1,
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
		char text[PATH_MAX_LEN];

		snprintf(text, sizeof text, "keys belong here (try \"%.*s:\")",
			(int)strcspn(r->shape->keys[0].path, "."), r->shape->keys[0].path);
		mistake(r, root->start_mark, text);
		r->misshapen = true;
	}
	yaml_document_delete(&document);
	return loaded;
}

static bool with_parser(struct reader *r, bool (*pass)(struct reader *, yaml_parser_t *))
{
	yaml_parser_t parser;
	bool done;

	if (!yaml_parser_initialize(&parser))
		abort(); /* out of memory: it has no other reason */
	yaml_parser_set_input_string(&parser, (const unsigned char *)r->shape->text, r->shape->len);
	done = pass(r, &parser);
	yaml_parser_delete(&parser);
	return done;
}

bool conf_shape_check(
	const struct conf_shape *shape, struct conf_yaml_value *values, struct report *report, bool *empty)
{
	struct reader r = { .shape = shape, .values = values, .report = report };

	*empty = !with_parser(&r, scan_tokens) || !with_parser(&r, walk_document);
	return !r.misshapen;
}
