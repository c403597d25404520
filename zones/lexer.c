/* After a mistake the lexer goes on behind the end of the line, outside of any parenthesis: one slip should not hide the
 * file's other mistakes, nor make a hundred of them. */
#include "zones/lexer.h"

#include <stdlib.h>
#include <string.h>

bool lexer_init(struct lexer *lexer, const char *file, const char *text, size_t len, struct report *report)
{
	const char *nul = len > 0 ? memchr(text, '\0', len) : NULL;
	unsigned line = 1;

	*lexer = (struct lexer){ .at = text, .end = text + len, .file = file, .line = 1 };
	if (nul == NULL)
		return true;
	for (const char *c = text; c < nul; c++)
		line += *c == '\n';
	report_add(report, REPORT_MISTAKE, file, line,
		"a NUL byte: a zone file is text (write \\000 for such a byte in data)");
	return false;
}

static void entry_add(struct entry *entry, const char *text, size_t len, bool quoted)
{
	entry->tokens = mem_grow(entry->tokens, entry->ntokens, &entry->cap, sizeof *entry->tokens);
	entry->tokens[entry->ntokens++] = (struct token){ text, len, quoted };
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool ends_token(char c)
{
	return is_space(c) || c == '\n' || c == ';' || c == '(' || c == ')';
}

/* From behind an opening quote to behind the closing one. */
static bool skip_quoted(struct lexer *lexer)
{
	const char *at = lexer->at;

	for (; at < lexer->end && *at != '\n'; at++) {
		if (*at == '"') {
			lexer->at = at + 1;
			return true;
		}
		if (*at == '\\' && at + 1 < lexer->end && at[1] != '\n')
			at++;
	}
	return false;
}

static const char quote_open[] = "a quote is not closed on its line (try \" at the end of the string)";
static const char paren_open[] = "a parenthesis is not closed (try a closing one at the end of the record)";
static const char paren_long[] = "a record longer than 512 KiB (is a parenthesis not closed?)";

/* One token; the sentence of the mistake, or NULL. */
static const char *take_token(struct lexer *lexer, struct entry *entry)
{
	const char *start = lexer->at;

	if (*start == '"') {
		lexer->at++;
		if (!skip_quoted(lexer))
			return quote_open;
		entry_add(entry, start + 1, (size_t)(lexer->at - start) - 2, true);
		return NULL;
	}
	while (lexer->at < lexer->end && !ends_token(*lexer->at)) {
		char c = *lexer->at++;

		if (c == '"') { /* key="value" (RFC 9460 2.1) */
			if (!skip_quoted(lexer))
				return quote_open;
		} else if (c == '\\') {
			if (lexer->at == lexer->end || *lexer->at == '\n' || *lexer->at == '\r')
				return "a backslash ends the line (try \\\\ for a backslash)";
			lexer->at++;
		}
	}
	entry_add(entry, start, (size_t)(lexer->at - start), false);
	return NULL;
}

static void skip_line(struct lexer *lexer)
{
	const char *end = memchr(lexer->at, '\n', (size_t)(lexer->end - lexer->at));

	lexer->at = end == NULL ? lexer->end : end;
}

/* One entry, perhaps an empty one; the sentence of a mistake, or NULL. */
static const char *take_entry(struct lexer *lexer, struct entry *entry)
{
	const char *start = lexer->at, *mistake;
	bool inside = false;

	entry->ntokens = 0;
	entry->line = lexer->line;
	entry->blank = start < lexer->end && is_space(*start);
	while (lexer->at < lexer->end) {
		char c = *lexer->at;

		if (lexer->at - start > ENTRY_LEN_MAX)
			return inside ? paren_long : "a line longer than 512 KiB (try several records)";
		if (c == '\n') {
			if (!inside)
				break;
			lexer->line++;
			lexer->at++;
		} else if (is_space(c)) {
			lexer->at++;
		} else if (c == ';') {
			skip_line(lexer);
		} else if (c == '(') {
			if (inside)
				return "a parenthesis inside a parenthesis (try one pair)";
			inside = true;
			lexer->at++;
		} else if (c == ')') {
			if (!inside)
				return "a closing parenthesis that none opens";
			inside = false;
			lexer->at++;
		} else if ((mistake = take_token(lexer, entry)) != NULL) {
			return mistake;
		}
	}
	return inside ? paren_open : NULL;
}

bool lexer_next(struct lexer *lexer, struct entry *entry, struct report *report)
{
	while (lexer->at < lexer->end) {
		const char *mistake = take_entry(lexer, entry);

		if (mistake != NULL) {
			/* an unclosed parenthesis is where it was opened, the rest is where it was seen */
			bool open = mistake == paren_open || mistake == paren_long;

			report_add(
				report, REPORT_MISTAKE, lexer->file, open ? entry->line : lexer->line, "%s", mistake);
			skip_line(lexer);
		}
		if (lexer->at < lexer->end) { /* on the line's end */
			lexer->line++;
			lexer->at++;
		}
		if (mistake == NULL && entry->ntokens > 0)
			return true;
	}
	return false;
}

void entry_fini(struct entry *entry)
{
	free(entry->tokens);
	*entry = (struct entry){ 0 };
}
