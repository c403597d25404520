/* A column is as wide as its widest cell; the last one is not padded. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/ctl_text.h"

enum { GAP = 2 };

void ctl_table_init(struct ctl_table *table, const struct ctl_column *columns)
{
	*table = (struct ctl_table){ .columns = columns };
	while (columns[table->ncolumns].title != NULL)
		table->ncolumns++;
	for (size_t i = 0; i < table->ncolumns; i++)
		ctl_cell(table, CTL_BOLD, "%s", columns[i].title);
}

static void append(struct ctl_table *table, enum ctl_colour colour, char *text)
{
	table->cells = mem_grow(table->cells, table->ncells, &table->cap, sizeof *table->cells);
	table->cells[table->ncells++] = (struct ctl_cell){ text, colour };
}

void ctl_cell(struct ctl_table *table, enum ctl_colour colour, const char *fmt, ...)
{
	struct buf clean = { 0 };
	char *text;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	ctl_add(&clean, *text != '\0' ? text : "-");
	free(text);
	append(table, colour, clean.text);
}

void ctl_blank(struct ctl_table *table)
{
	append(table, CTL_PLAIN, mem_strdup(""));
}

void ctl_state(struct ctl_table *table, const char *state)
{
	ctl_cell(table, ctl_colour_of(state), "%s", state);
}

/* Characters, not bytes: continuation bytes take no room. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void pad(struct buf *out, size_t n)
{
	buf_printf(out, "%*s", (int)n, "");
}

static void print_row(const struct ctl_table *table, const struct ctl_cell *row, const size_t *widths,
	const struct ctl_view *view, struct buf *out)
{
	size_t owed = 0, start = out->len; /* spaces before the next text: none end the line */

	for (size_t i = 0; i < table->ncolumns; i++) {
		size_t spare = widths[i] - width_of(row[i].text);

		if (*row[i].text == '\0') {
			owed += widths[i] + GAP;
			continue;
		}
		pad(out, owed + (table->columns[i].right ? spare : 0));
		ctl_paint(out, view, row[i].colour, row[i].text);
		owed = GAP + (table->columns[i].right ? 0 : spare);
	}
	if (out->len > start)
		buf_add(out, "\n", 1);
}

void ctl_table_print(struct ctl_table *table, const struct ctl_view *view, const char *nothing, struct buf *out)
{
	size_t widths[CTL_COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < table->ncells; i++) {
		size_t width = width_of(table->cells[i].text), column = i % table->ncolumns;

		if (width > widths[column])
			widths[column] = width;
	}
	if (table->ncells == table->ncolumns)
		buf_printf(out, "%s\n", nothing);
	else
		for (size_t i = 0; i < table->ncells; i += table->ncolumns)
			print_row(table, &table->cells[i], widths, view, out);
	for (size_t i = 0; i < table->ncells; i++)
		free(table->cells[i].text);
	free(table->cells);
}
