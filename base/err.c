#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool err_set(struct err *err, const char *fmt, ...)
{
	va_list args;

	if (err == NULL)
		return false;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof err->text, fmt, args);
	va_end(args);
	return false;
}

static void report_append(struct report *report, enum report_kind kind, const char *file, unsigned line,
	unsigned column, const char *fmt, va_list args)
{
	struct report_line *added;
	struct err sentence;

	vsnprintf(sentence.text, sizeof sentence.text, fmt, args);
	report->lines = mem_grow(report->lines, report->nlines, &report->cap, sizeof *report->lines);
	added = &report->lines[report->nlines++];
	*added = (struct report_line){
		.kind = kind,
		.file = mem_strdup(file),
		.line = line,
		.column = column,
		.text = mem_strdup(sentence.text),
	};
	if (kind == REPORT_MISTAKE)
		report->nmistakes++;
}

void report_add(struct report *report, enum report_kind kind, const char *file, unsigned line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_append(report, kind, file, line, 0, fmt, args);
	va_end(args);
}

void report_add_at(struct report *report, enum report_kind kind, const char *file, unsigned line, unsigned column,
	const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report_append(report, kind, file, line, column, fmt, args);
	va_end(args);
}

/* A merge sort keeps the order of equals, which qsort does not promise. */
static bool comes_after(const struct report_line *a, const struct report_line *b)
{
	int files = strcmp(a->file, b->file);

	if (files != 0)
		return files > 0;
	return a->line != b->line ? a->line > b->line : a->column > b->column;
}

static void merge_sort(struct report_line *lines, size_t n, struct report_line *spare)
{
	size_t half = n / 2, left = 0, right = half;

	if (n < 2)
		return;
	merge_sort(lines, half, spare);
	merge_sort(lines + half, n - half, spare);
	for (size_t i = 0; i < n; i++) {
		if (left < half && (right == n || !comes_after(&lines[left], &lines[right])))
			spare[i] = lines[left++];
		else
			spare[i] = lines[right++];
	}
	memcpy(lines, spare, n * sizeof *lines);
}

void report_sort(struct report *report)
{
	struct report_line *spare = mem_alloc(report->nlines * sizeof *spare);

	merge_sort(report->lines, report->nlines, spare);
	free(spare);
}

void report_move(struct report *dst, struct report *src)
{
	for (size_t i = 0; i < src->nlines; i++) {
		dst->lines = mem_grow(dst->lines, dst->nlines, &dst->cap, sizeof *dst->lines);
		dst->lines[dst->nlines++] = src->lines[i];
	}
	dst->nmistakes += src->nmistakes;
	free(src->lines);
	*src = (struct report){ 0 };
}

void report_format(const struct report_line *line, char *text, size_t cap)
{
	const char *mark = line->kind == REPORT_WARNING ? "warning: " : "";

	if (line->line > 0 && line->column > 0)
		snprintf(text, cap, "%s:%u:%u: %s%s", line->file, line->line, line->column, mark, line->text);
	else if (line->line > 0)
		snprintf(text, cap, "%s:%u: %s%s", line->file, line->line, mark, line->text);
	else
		snprintf(text, cap, "%s: %s%s", line->file, mark, line->text);
}

void report_fini(struct report *report)
{
	for (size_t i = 0; i < report->nlines; i++) {
		free(report->lines[i].file);
		free(report->lines[i].text);
	}
	free(report->lines);
	*report = (struct report){ 0 };
}
