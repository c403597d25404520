/* ctl_text - what the commands' texts are made with: aligned tables, colours, and fields of a document that may be missing. */
#ifndef GSLB_CTL_TEXT_H
#define GSLB_CTL_TEXT_H

#include "gslb/ctl.h"

enum ctl_colour { CTL_PLAIN, CTL_GREEN, CTL_RED, CTL_YELLOW, CTL_BOLD };

/* ---- fields; a path is "health.pid"; what is missing is "" or 0 ---- */

const json_t *ctl_at(const json_t *json, const char *path);
const char *ctl_string(const json_t *json, const char *path);
json_int_t ctl_integer(const json_t *json, const char *path);
bool ctl_true(const json_t *json, const char *path);

/* ---- words ---- */

/* Append text without what would move a terminal's cursor: names, reasons and mistakes are what others wrote. */
void ctl_add(struct buf *out, const char *text);
/* up and loaded green; down and refused red; drain, doubt, unknown and the rest that wants a look yellow. */
enum ctl_colour ctl_colour_of(const char *state);
void ctl_paint(struct buf *out, const struct ctl_view *view, enum ctl_colour colour, const char *text);
/* "2h5m": the two largest units. */
const char *ctl_duration(uint64_t ms, char text[static 32]);
/* "3m12s" since an RFC 3339 time, "-" without one. */
const char *ctl_ago(const struct ctl_view *view, const char *since, char text[static 32]);
/* "1.2 MiB". */
const char *ctl_bytes(json_int_t bytes, char text[static 32]);

/* ---- tables ---- */

enum { CTL_COLUMNS_MAX = 16 };

struct ctl_column {
	const char *title; /* NULL ends the row of titles */
	bool right;        /* numbers */
};

struct ctl_cell {
	char *text;
	enum ctl_colour colour;
};

struct ctl_table {
	const struct ctl_column *columns;
	size_t ncolumns;
	struct ctl_cell *cells; /* row by row */
	size_t ncells, cap;
};

void ctl_table_init(struct ctl_table *table, const struct ctl_column *columns);
/* The next cell; "" is shown as "-". */
void ctl_cell(struct ctl_table *table, enum ctl_colour colour, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The next cell stays empty. */
void ctl_blank(struct ctl_table *table);
void ctl_state(struct ctl_table *table, const char *state); /* in its colour */
/* Print and free it; a table without rows prints `nothing` and a newline. */
void ctl_table_print(struct ctl_table *table, const struct ctl_view *view, const char *nothing, struct buf *out);

/* "eu up, us down, ap silent; …": what the regions say of it; "" outside of a fleet (ctl_votes.c). */
enum { CTL_VOTES_MAX = 768 };
const char *ctl_votes(const json_t *endpoint, char text[static CTL_VOTES_MAX]);
/* Do they not all say what its state is? */
bool ctl_votes_differ(const json_t *endpoint);
/* What there is to its state: " (held)"; "" when nothing. */
const char *ctl_condition(const json_t *endpoint);

/* The table of zones and their mistakes, which status and reload print (ctl_status.c). */
void ctl_print_zones(const json_t *zones, const struct ctl_view *view, struct buf *out);

#endif
