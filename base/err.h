/* err - what an operator can mend, in one sentence; and reports, which gather all mistakes of a file. */
#ifndef GSLB_BASE_ERR_H
#define GSLB_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

struct err {
	char text[1024]; /* one sentence, no newline; "" when nothing failed */
};

/* Set the sentence. Always false, so that a function can end with `return err_set(err, …)`. err may be NULL. */
bool err_set(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

enum report_kind { REPORT_MISTAKE, REPORT_WARNING };

struct report_line {
	enum report_kind kind;
	char *file;
	unsigned line;   /* 0: the file as a whole */
	unsigned column; /* 0: the line as a whole */
	char *text;      /* "owner: what: what would be right" */
};

/* A list of mistakes and warnings, of one thread; init with { 0 }. */
struct report {
	struct report_line *lines;
	size_t nlines, cap;
	size_t nmistakes; /* warnings are not counted here */
};

void report_add(struct report *report, enum report_kind kind, const char *file, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* The same with a column, which is printed after the line ("file:line:column: text"). */
void report_add_at(struct report *report, enum report_kind kind, const char *file, unsigned line, unsigned column,
	const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* Order by file, then line; the order of one line's entries stays. */
void report_sort(struct report *report);
/* Append all of src's lines to dst; src is empty afterwards. */
void report_move(struct report *dst, struct report *src);
/* "file:line: text" (warnings: "file:line: warning: text") into text. */
void report_format(const struct report_line *line, char *text, size_t cap);
void report_fini(struct report *report);

#endif
