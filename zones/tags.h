/* tags - "v=gslb1; pools=eu,us; ttl=30/5" read by a table: a row makes the parser, the check, the mistake and the manual's
 * list. Of one thread. */
#ifndef GSLB_ZONES_TAGS_H
#define GSLB_ZONES_TAGS_H

#include "zones/inner.h"

struct tag_reader;

enum tag_kind {
	TAG_NUMBER,   /* min to max */
	TAG_DURATION, /* min to max, in ms */
	TAG_CHOICE,   /* the place of the value in choices */
	TAG_OTHER,    /* by a function of its own */
	TAG_LATER,    /* of a later version: a mistake in this one */
};

/* Where a row's value goes in the struct: offset and length of a number. */
#define TAG_FIELD(type, member) .offset = offsetof(type, member), .len = sizeof(((type *)0)->member)

struct tag {
	const char *name;
	enum tag_kind kind;
	int64_t min, max;
	const char *normal; /* what holds without the tag, as it would be written; NULL: nothing */
	size_t offset, len;
	const char *const *choices; /* ends with NULL */
	const char *later;          /* a choice of a later version */
	bool (*parse)(struct tag_reader *reader, const char *value, struct err *err);
	bool required;
	uint32_t checks;       /* pools: bits of the check types it is for; 0: all */
	const char *try;       /* a right value */
	const char *otherwise; /* the manual's default where it is not `normal` */
	const char *sentence;
};

struct tag_table {
	const char *what;    /* "service" */
	const char *version; /* "gslb1" */
	const struct tag *rows;
	size_t nrows; /* at most 64 */
};

struct tag_value {
	const char *name, *value; /* unescaped and trimmed; until the next tags_split */
};

struct tag_list {
	struct tag_value *values;
	size_t nvalues, cap;
};

/* What a TXT record is read with. */
struct tag_reader {
	struct draft *draft;
	uint32_t node; /* index of the TXT's owner */
	const struct draft_record *record;
	void *into;    /* the struct that rows' fields lie in */
	uint64_t seen; /* rows that the text has */
	struct tag_list list;
	struct buf text; /* what the list points into */
};

/* Split a TXT's data: strings joined, tags apart at ";", "\;" a semicolon and "\\" a backslash in a value. */
bool tags_split(struct tag_reader *reader, struct err *err);
/* Is the first tag v, and does it have this value? The mistake is reported. */
bool tags_version(struct tag_reader *reader, const struct tag_table *table);
/* Fill the struct: defaults, then every tag after v. Mistakes are reported, all of them. */
void tags_read(struct tag_reader *reader, const struct tag_table *table);
bool tags_has(const struct tag_reader *reader, const struct tag_table *table, const char *name);
void tags_fini(struct tag_reader *reader);
void tags_mistake(const struct tag_reader *reader, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tags_warning(const struct tag_reader *reader, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A value fit for one line of a terminal. */
enum { TAG_SHOWN_MAX = 100 };
const char *tag_shown(const char *value, char text[static TAG_SHOWN_MAX]);

/* The next item of "a,b,c", trimmed, into text; false at the end. An empty item is "". */
bool list_next(const char **at, char *text, size_t cap);

extern const struct tag_table service_tags, pool_tags;
/* The manual's list of a table's tags, in man(7). */
void tags_manual(const struct tag_table *table, struct buf *out);

#endif
