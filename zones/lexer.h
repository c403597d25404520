/* lexer - a master file (RFC 1035 5.1) as entries of tokens: comments, parentheses and line ends are gone, quotes and
 * escapes are still as written. Of one thread; tokens point into the text. */
#ifndef GSLB_ZONES_LEXER_H
#define GSLB_ZONES_LEXER_H

#include "base/base.h"

struct token {
	const char *text; /* not ended by NUL; without the quotes around it */
	size_t len;
	bool quoted; /* it stood in quotes as a whole */
};

struct entry {
	unsigned line; /* where it starts */
	bool blank;    /* starts with white space: its owner is the previous entry's */
	size_t ntokens, cap;
	struct token *tokens;
};

struct lexer {
	const char *at, *end;
	const char *file; /* for mistakes */
	unsigned line;
};

enum { ENTRY_LEN_MAX = 512 * 1024 }; /* 64 KiB of RDATA where each byte is written as \DDD, and room */

/* Start on a text. False, with a mistake, when it holds a NUL byte: it is no text then. */
bool lexer_init(struct lexer *lexer, const char *file, const char *text, size_t len, struct report *report);
/* The next entry that has a token; entries with mistakes are reported and passed over. False at the end. The entry is
 * reused from call to call: start with { 0 }, end with entry_fini. */
bool lexer_next(struct lexer *lexer, struct entry *entry, struct report *report);
void entry_fini(struct entry *entry);

#endif
