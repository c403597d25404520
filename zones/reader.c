/* From the entries of master files to the draft's records: directives, owners, TTLs and classes (RFC 1035 5.1, RFC 2308 4).
 * What an included file sets ends with it: the including one goes on with its own origin, owner and TTL. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "zones/inner.h"

enum { INCLUDE_DEPTH_MAX = 16, INCLUDES_MAX = 10000, FILE_LEN_MAX = 1 << 30 };

/* One file being read, and the one that includes it. */
struct source {
	const struct source *parent;
	struct lexer lexer;
	uint16_t file;
	unsigned depth;
	struct name origin, owner;
	uint32_t owner_node; /* NONE: no owner yet */
	bool has_ttl, has_last_ttl;
	uint32_t ttl_s, last_ttl_s; /* $TTL; that of the last record with one */
};

struct reader {
	struct draft *draft;
	struct rdata_parser *parser;
	struct entry entry;
	unsigned nincludes;
	uint8_t rdata[RDATA_MAX];
};

static void source_read(struct reader *reader, struct source *source);

static void mistake(struct reader *reader, const struct source *source, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void mistake(struct reader *reader, const struct source *source, const char *fmt, ...)
{
	struct err what;
	va_list args;

	va_start(args, fmt);
	vsnprintf(what.text, sizeof what.text, fmt, args);
	va_end(args);
	report_add(reader->draft->report, REPORT_MISTAKE, source->lexer.file, reader->entry.line, "%s", what.text);
}

/* A token as a string, cut when it is longer than any name, TTL or type. */
static const char *text_of(const struct token *token, char text[static NAME_TEXT_MAX + 1])
{
	size_t len = token->len < NAME_TEXT_MAX ? token->len : NAME_TEXT_MAX;

	memcpy(text, token->text, len);
	text[len] = '\0';
	return text;
}

static bool ends_in_dot(const char *text)
{
	size_t len = strlen(text), slashes = 0;

	if (len == 0 || text[len - 1] != '.')
		return false;
	while (slashes < len - 1 && text[len - 2 - slashes] == '\\')
		slashes++;
	return slashes % 2 == 0;
}

/* A name under the origin unless it ends in a dot; "@" is the origin. */
static bool name_of(const struct token *token, const struct name *origin, struct name *name)
{
	char text[NAME_TEXT_MAX + 1];
	uint8_t wire[2 * NAME_MAX_LEN];
	struct name head;

	if (token->quoted || token->len > NAME_TEXT_MAX)
		return false;
	if (token->len == 1 && token->text[0] == '@') {
		*name = *origin;
		return true;
	}
	text_of(token, text);
	if (ends_in_dot(text))
		return name_from_text(name, text);
	if (!name_from_text(&head, text))
		return false;
	memcpy(wire, head.wire, head.len - 1u);
	memcpy(wire + head.len - 1, origin->wire, origin->len);
	return name_from_wire(name, wire, head.len - 1u + origin->len) > 0;
}

/* ---- directives ---- */

static void take_origin(struct reader *reader, struct source *source)
{
	const struct entry *entry = &reader->entry;
	struct name origin;

	if (entry->ntokens != 2 || !name_of(&entry->tokens[1], &source->origin, &origin)) {
		mistake(reader, source, "$ORIGIN: takes one name (try $ORIGIN example.org.)");
		return;
	}
	source->origin = origin;
	rdata_parser_origin(reader->parser, &origin);
}

static void take_ttl(struct reader *reader, struct source *source)
{
	const struct entry *entry = &reader->entry;
	char text[NAME_TEXT_MAX + 1];

	source->has_ttl = entry->ntokens == 2 && ttl_parse(entry->tokens[1].text, entry->tokens[1].len, &source->ttl_s);
	if (source->has_ttl)
		return;
	mistake(reader, source, "$TTL%s%.80s: takes one time from 0 to 2147483647 seconds (try $TTL 3600)",
		entry->ntokens > 1 ? " " : "", entry->ntokens > 1 ? text_of(&entry->tokens[1], text) : "");
	source->has_ttl = true; /* one mistake, not one for each record */
	source->ttl_s = 3600;
}

static bool is_being_read(const struct source *source, const char *path)
{
	for (; source != NULL; source = source->parent)
		if (strcmp(source->lexer.file, path) == 0)
			return true;
	return false;
}

/* Why it may not be included, or NULL. */
static const char *include_refused(const struct reader *reader, const struct source *source, const char *path)
{
	struct stat st;

	if (is_being_read(source, path))
		return "it is being read already: a loop";
	if (source->depth >= INCLUDE_DEPTH_MAX)
		return "more than 16 files deep";
	if (reader->nincludes >= INCLUDES_MAX || reader->draft->nfiles >= UINT16_MAX)
		return "more than 10000 files";
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return "no regular file";
	return NULL;
}

static void include(struct reader *reader, const struct source *parent, const char *path, const struct name *origin)
{
	const char *refused = include_refused(reader, parent, path);
	struct entry outer = reader->entry;
	struct source source;
	char *text = NULL;
	struct err err;
	size_t len;

	if (refused == NULL && !file_read(path, FILE_LEN_MAX, &text, &len, &err)) {
		mistake(reader, parent, "$INCLUDE %s", err.text);
		return;
	}
	if (refused != NULL) {
		mistake(reader, parent, "$INCLUDE %s: %s", path, refused);
		return;
	}
	reader->nincludes++;
	reader->entry = (struct entry){ 0 };
	source = *parent;
	source.parent = parent;
	source.depth++;
	source.origin = *origin;
	source.file = draft_file(reader->draft, path);
	if (lexer_init(&source.lexer, reader->draft->files[source.file], text, len, reader->draft->report))
		source_read(reader, &source);
	free(text);
	entry_fini(&reader->entry);
	reader->entry = outer;
	rdata_parser_origin(reader->parser, &parent->origin);
}

static void take_include(struct reader *reader, const struct source *source)
{
	const struct entry *entry = &reader->entry;
	char name[NAME_TEXT_MAX + 1], *path;
	struct name origin = source->origin;

	if (entry->ntokens < 2 || entry->ntokens > 3 || entry->tokens[1].len == 0 ||
		entry->tokens[1].len > NAME_TEXT_MAX ||
		(entry->ntokens == 3 && !name_of(&entry->tokens[2], &source->origin, &origin))) {
		mistake(reader, source, "$INCLUDE: takes a file and perhaps an origin (try $INCLUDE pools.inc)");
		return;
	}
	path = file_beside(source->lexer.file, text_of(&entry->tokens[1], name));
	include(reader, source, path, &origin);
	free(path);
}

static void take_directive(struct reader *reader, struct source *source)
{
	char text[NAME_TEXT_MAX + 1];

	text_of(&reader->entry.tokens[0], text);
	if (strcasecmp(text, "$ORIGIN") == 0)
		take_origin(reader, source);
	else if (strcasecmp(text, "$TTL") == 0)
		take_ttl(reader, source);
	else if (strcasecmp(text, "$INCLUDE") == 0)
		take_include(reader, source);
	else
		mistake(reader, source, "%.80s: no directive of RFC 1035 or 2308 (they are $ORIGIN, $TTL and $INCLUDE)",
			text);
}

/* ---- records ---- */

static bool take_owner(struct reader *reader, struct source *source)
{
	const struct token *token = &reader->entry.tokens[0];
	char text[NAME_TEXT_MAX + 1];
	struct name owner;

	if (reader->entry.blank) {
		if (source->owner_node == NONE)
			mistake(reader, source,
				"the line starts blank and has no owner before it (try @ for the origin)");
		return source->owner_node != NONE;
	}
	source->owner_node = NONE; /* what follows a bad owner is bad, too */
	if (!name_of(token, &source->origin, &owner)) {
		mistake(reader, source, "%.80s: not a name (labels of 1 to 63 bytes, 255 in all)",
			text_of(token, text));
		return false;
	}
	if (!name_is_under(&owner, &reader->draft->apex)) {
		char apex[NAME_TEXT_MAX];

		mistake(reader, source, "%.300s.: outside the zone %.300s (is a last dot too much?)",
			name_format(&owner, text), name_format(&reader->draft->apex, apex));
		return false;
	}
	source->owner = owner;
	source->owner_node = draft_intern(reader->draft, &owner);
	return true;
}

enum class { CLASS_NO, CLASS_IN, CLASS_OTHER };

static enum class class_of(const char *text) {
	static const char *const others[] = { "CH", "HS", "CS", "NONE", "CHAOS", "HESIOD" };

	if (text[0] == '\0' || strchr("INCHinch", text[0]) == NULL) return CLASS_NO;
	if (strcasecmp(text, "IN") == 0 || strcasecmp(text, "CLASS1") == 0) return CLASS_IN;
	for (size_t i = 0; i < COUNT_OF(others); i++) if (strcasecmp(text, others[i]) == 0) return CLASS_OTHER;
	return strncasecmp(text, "CLASS", 5) == 0 ? CLASS_OTHER : CLASS_NO;
}

/* "[TTL] [class] type" in either order of the first two, from token *at on. The mistake goes into err. */
static bool take_head(
	struct reader *reader, struct source *source, size_t *at, struct draft_record *record, struct err *err)
{
	char text[NAME_TEXT_MAX + 1];
	bool has_ttl = false, has_class = false;

	for (; *at < reader->entry.ntokens; ++*at) {
		const struct token *token = &reader->entry.tokens[*at];
		enum class class = class_of(text_of(token, text));

		if (class == CLASS_OTHER)
			return err_set(err, "%.40s: zones are of class IN alone (leave the class out)", text);
		if (class == CLASS_IN && !has_class) {
			has_class = true;
		} else if (text[0] >= '0' && text[0] <= '9' && !has_ttl) {
			if (!ttl_parse(token->text, token->len, &record->ttl_s))
				return err_set(err, "%.40s: not a TTL (try 3600 or 1h)", text);
			has_ttl = true;
		} else {
			break;
		}
	}
	if (*at == reader->entry.ntokens)
		return err_set(err, "no record type (an owner, a TTL, a type and its data make a record)");
	if (!rrtype_parse(text, &record->type))
		return err_set(err, "%.40s: no record type (TYPE and its number stands for one without a name)", text);
	++*at;
	if (has_ttl) {
		source->has_last_ttl = true;
		source->last_ttl_s = record->ttl_s;
	} else if (source->has_ttl || source->has_last_ttl) {
		record->ttl_s = source->has_ttl ? source->ttl_s : source->last_ttl_s;
	} else {
		return err_set(err, "no TTL, and none before it (try $TTL 3600 at the top)");
	}
	return true;
}

static bool take_data(struct reader *reader, size_t at, struct draft_record *record, struct err *err)
{
	const char *refused = rrtype_refused(record->type);
	const struct entry *entry = &reader->entry;
	char text[16];

	if (refused != NULL)
		return err_set(err, "%s: %s", rrtype_format(record->type, text), refused);
	return rdata_parse(reader->parser, record->type, entry->tokens + at, entry->ntokens - at, reader->rdata,
		&record->rdlen, err);
}

static void take_record(struct reader *reader, struct source *source)
{
	struct draft_record record = { .file = source->file, .line = reader->entry.line };
	size_t at = reader->entry.blank ? 0 : 1;
	char owner[NAME_TEXT_MAX];
	struct err err;

	if (!take_owner(reader, source))
		return;
	if (take_head(reader, source, &at, &record, &err) && take_data(reader, at, &record, &err))
		draft_add(reader->draft, source->owner_node, &record, reader->rdata);
	else
		mistake(reader, source, "%s: %s", name_format_under(&source->owner, &reader->draft->apex, owner),
			err.text);
}

static void source_read(struct reader *reader, struct source *source)
{
	rdata_parser_origin(reader->parser, &source->origin);
	while (lexer_next(&source->lexer, &reader->entry, reader->draft->report)) {
		const struct token *first = &reader->entry.tokens[0];

		if (!reader->entry.blank && !first->quoted && first->len > 0 && first->text[0] == '$')
			take_directive(reader, source);
		else
			take_record(reader, source);
	}
}

void reader_read(struct draft *draft, const char *file, const char *text, size_t len)
{
	struct reader *reader = mem_alloc(sizeof *reader);
	struct source source = { .origin = draft->apex, .owner_node = NONE };

	reader->draft = draft;
	reader->parser = rdata_parser_new();
	source.file = draft_file(draft, file);
	if (lexer_init(&source.lexer, draft->files[source.file], text, len, draft->report))
		source_read(reader, &source);
	entry_fini(&reader->entry);
	rdata_parser_free(reader->parser);
	free(reader);
}
