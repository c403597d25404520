/* latency: what was measured of a network, and measurements from a file. A file goes over in pieces of whole lines, first all of
 * them to be checked and then to be taken, so that one with a mistake changes nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gslb/ctl_text.h"

enum { FILE_MAX = 256 << 20, PIECE = 400 << 10 /* in JSON it is a request of less than 1 MiB */ };

static const struct ctl_operand operands[] = {
	{ "ACTION", "action", CTL_ONE, "show|moved|import",
		"show what is known of a network, list what the geo database has in the wrong place, or take in "
		"measurements" },
	{ "PREFIX|FILE", "what", CTL_OPTIONAL, NULL,
		"show: 198.51.100.0/24, or an address; import: the file, - for standard input" },
	{ 0 },
};

/* ---- import ---- */

/* The end of a piece that begins at `from`: behind the last line that is whole. */
static size_t piece_end(const char *text, size_t from, size_t len)
{
	size_t end = len - from > PIECE ? from + PIECE : len;

	while (end < len && end > from && text[end - 1] != '\n')
		end--;
	return end > from ? end : from + PIECE; /* no line is that long: a mistake will say so */
}

static unsigned count_lines(const char *text, size_t len)
{
	unsigned n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

/* All pieces once. Mistakes are gathered, and end it when nothing is to be taken any more. */
static enum ctl_exit send_pieces(
	const char *socket, const char *file, const char *text, size_t len, bool check, json_t *total, struct err *err)
{
	enum ctl_exit code = CTL_DONE;
	json_int_t lines = 0, nmistakes = 0;
	unsigned line = 1;

	for (size_t at = 0, end; at < len && code == CTL_DONE; at = end) {
		json_t *args, *result = NULL;

		end = piece_end(text, at, len);
		args = json_pack("{s:s,s:s%,s:I,s:b}", "file", file, "text", text + at, end - at, "line",
			(json_int_t)line, "check", check);
		if (args == NULL) {
			err_set(err, "%s: is no text in UTF-8", file);
			return CTL_FAILED;
		}
		code = ctl_put(socket, false, "latency-import", args, &result, err);
		json_decref(args);
		lines += ctl_integer(result, "lines");
		nmistakes += ctl_integer(result, "nmistakes");
		json_array_extend(json_object_get(total, "mistakes"), json_object_get(result, "mistakes"));
		json_decref(result);
		line += count_lines(text + at, end - at);
	}
	json_object_set_new(total, "lines", json_integer(lines));
	json_object_set_new(total, "nmistakes", json_integer(nmistakes));
	return code;
}

static bool read_input(const char *file, char **text, size_t *len, struct err *err)
{
	const char *path = strcmp(file, "-") == 0 ? "/dev/stdin" : file;

	return file_read(path, FILE_MAX, text, len, err);
}

static enum ctl_exit import(const char *socket, const char *file, json_t **result, struct err *err)
{
	json_t *checked = json_pack("{s:s,s:[]}", "file", file, "mistakes"), *taken;
	enum ctl_exit code;
	char *text;
	size_t len;

	*result = checked;
	if (!read_input(file, &text, &len, err)) {
		*result = NULL;
		json_decref(checked);
		return CTL_FAILED;
	}
	code = send_pieces(socket, file, text, len, true, checked, err);
	if (code == CTL_DONE && ctl_integer(checked, "nmistakes") > 0) {
		err_set(err, "%s: %lld mistakes, nothing was taken", file,
			(long long)ctl_integer(checked, "nmistakes"));
		code = CTL_FAILED;
	} else if (code == CTL_DONE) {
		taken = json_pack("{s:s,s:[]}", "file", file, "mistakes");
		code = send_pieces(socket, file, text, len, false, taken, err);
		*result = taken;
		json_decref(checked);
	}
	free(text);
	return code;
}

static void print_import(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const json_t *mistake;
	size_t i;

	json_array_foreach(ctl_at(result, "mistakes"), i, mistake)
	{
		ctl_paint(out, view, CTL_RED, json_is_string(mistake) ? json_string_value(mistake) : "?");
		buf_printf(out, "\n");
	}
	if (ctl_integer(result, "nmistakes") == 0) {
		ctl_add(out, ctl_string(result, "file"));
		buf_printf(out, ": %lld measurements taken; orders follow within seconds where they are sure\n",
			(long long)ctl_integer(result, "lines"));
	}
}

/* ---- show ---- */

static double number_at(const json_t *json, const char *path)
{
	return json_number_value(ctl_at(json, path));
}

static void print_regions(const json_t *regions, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = {
		{ "REGION", false },
		{ "EXPECTED", true },
		{ "BY DISTANCE", true },
		{ "NETWORK", true },
		{ "NEIGHBOURHOOD", true },
		{ "ASN NEARBY", true },
		{ "ASN IN COUNTRY", true },
		{ NULL, false },
	};
	static const char *const levels[] = { "network", "aggregate", "metro", "country" };
	struct ctl_table table;
	const json_t *region;
	char path[40];
	size_t i;

	ctl_table_init(&table, columns);
	json_array_foreach(regions, i, region)
	{
		ctl_cell(&table, CTL_BOLD, "%s", ctl_string(region, "region"));
		ctl_cell(&table, CTL_PLAIN, "%.1f ±%.1f ms", number_at(region, "estimate_ms"),
			number_at(region, "plus_minus_ms"));
		ctl_cell(&table, CTL_PLAIN, "%.1f ms", number_at(region, "prior_ms"));
		for (size_t k = 0; k < COUNT_OF(levels); k++) {
			double n;

			snprintf(path, sizeof path, "samples.%s", levels[k]);
			n = number_at(region, path);
			snprintf(path, sizeof path, "measured_ms.%s", levels[k]);
			if (n > 0)
				ctl_cell(&table, CTL_PLAIN, "%.1f ms (n %.1f)", number_at(region, path), n);
			else
				ctl_cell(&table, CTL_PLAIN, "-");
		}
	}
	ctl_table_print(&table, view, "no pool has a region", out);
}

static void print_explored(const json_t *explored, struct buf *out)
{
	if (!json_is_object(explored))
		return;
	buf_printf(out, "  %.2g %% of the answers name ", number_at(explored, "percent"));
	ctl_add(out, ctl_string(explored, "pool"));
	buf_printf(out, ", so that it is measured\n");
}

static void print_list(const json_t *list, struct buf *out)
{
	double gain_ms = number_at(list, "gain_ms");
	const json_t *item;
	size_t i;

	ctl_add(out, ctl_string(list, "service"));
	buf_printf(out, ": ");
	json_array_foreach(ctl_at(list, "order"), i, item)
	{
		buf_printf(out, i > 0 ? ", " : "");
		ctl_add(out, json_is_string(item) ? json_string_value(item) : "?");
	}
	buf_printf(out, "\n  ");
	ctl_add(out, ctl_string(list, "challenger"));
	buf_printf(out, " would %s %.1f ms (certainty %.2f)", gain_ms < 0 ? "lose" : "gain",
		gain_ms < 0 ? -gain_ms : gain_ms, number_at(list, "certainty"));
	if (json_array_size(ctl_at(list, "lacks")) == 0) {
		buf_printf(out, ": it comes first when latency is looked at next\n");
		return;
	}
	buf_printf(out, "; to come first it lacks\n");
	json_array_foreach(ctl_at(list, "lacks"), i, item)
		buf_printf(out, "    %s\n", json_is_string(item) ? json_string_value(item) : "?");
	print_explored(ctl_at(list, "explored"), out);
}

static void print_show(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	const char *changed = ctl_string(result, "changed");
	char bytes[32];
	const json_t *list;
	size_t i;

	ctl_add(out, ctl_string(result, "network"));
	buf_printf(out, "  AS%lld ", (long long)ctl_integer(result, "asn"));
	ctl_add(out, ctl_string(result, "country"));
	buf_printf(out, ctl_true(result, "located") ? "\n" : " not placed\n");
	if (ctl_at(result, "moved") != NULL)
		buf_printf(out,
			"taken to be at %.1f %.1f: the geo database has it where answers cannot come from so soon\n",
			number_at(result, "moved.latitude"), number_at(result, "moved.longitude"));
	print_regions(ctl_at(result, "regions"), view, out);
	if (*changed != '\0') {
		char ago[32];

		buf_printf(out, "an order was learned, last changed %s ago\n", ctl_ago(view, changed, ago));
	}
	json_array_foreach(ctl_at(result, "lists"), i, list)
	{
		print_list(list, out);
	}
	buf_printf(out,
		"the map: %lld cells, %s; since the start %lld samples taken, %lld too soon after the last, %lld "
		"sooner than light; %lld places are explored\n",
		(long long)ctl_integer(result, "map_cells"), ctl_bytes(ctl_integer(result, "map_bytes"), bytes),
		(long long)ctl_integer(result, "counts.taken"), (long long)ctl_integer(result, "counts.too_soon"),
		(long long)ctl_integer(result, "counts.impossible"), (long long)ctl_integer(result, "explored_cells"));
}

/* ---- moved ---- */

static void print_measured(const json_t *measured, struct ctl_table *table)
{
	struct buf text = { 0 };
	const json_t *sample;
	size_t i;

	json_array_foreach(measured, i, sample)
	{
		buf_printf(&text, i > 0 ? ", " : "");
		ctl_add(&text, ctl_string(sample, "region"));
		buf_printf(&text, " %.1f ms", number_at(sample, "rtt_ms"));
	}
	ctl_cell(table, CTL_PLAIN, "%s", text.len > 0 ? text.text : "-");
	buf_fini(&text);
}

static void print_moved(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	static const struct ctl_column columns[] = {
		{ "ASN", true },
		{ "COUNTRY", false },
		{ "DATABASE", true },
		{ "MOVED TO", true },
		{ "NETWORKS", true },
		{ "SINCE", true },
		{ "MEASURED", false },
		{ NULL, false },
	};
	struct ctl_table table;
	const json_t *metro;
	char ago[32];
	size_t i;

	ctl_table_init(&table, columns);
	json_array_foreach(ctl_at(result, "moved"), i, metro)
	{
		ctl_cell(&table, CTL_BOLD, "%lld", (long long)ctl_integer(metro, "asn"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_string(metro, "country"));
		ctl_cell(&table, CTL_PLAIN, "%.1f %.1f", number_at(metro, "from.latitude"),
			number_at(metro, "from.longitude"));
		ctl_cell(&table, CTL_PLAIN, "%.1f %.1f", number_at(metro, "to.latitude"),
			number_at(metro, "to.longitude"));
		ctl_cell(&table, CTL_PLAIN, "%lld", (long long)ctl_integer(metro, "networks"));
		ctl_cell(&table, CTL_PLAIN, "%s", ctl_ago(view, ctl_string(metro, "moved"), ago));
		print_measured(ctl_at(metro, "measured"), &table);
	}
	ctl_table_print(&table, view, "nothing was sooner than light", out);
	if (ctl_integer(result, "suspected") > 0)
		buf_printf(out,
			"%lld more had samples that were too soon, of fewer than three networks, or that no place "
			"explains\n",
			(long long)ctl_integer(result, "suspected"));
}

/* ---- the command ---- */

static enum ctl_exit ask_latency(const char *socket, const json_t *args, json_t **result, struct err *err)
{
	const char *what = ctl_string(args, "what");
	enum ctl_exit code;
	json_t *asked;

	if (strcmp(ctl_string(args, "action"), "moved") == 0)
		return ctl_put(socket, false, "latency-moved", args, result, err);
	if (*what == '\0') {
		err_set(err, "latency %s: of what? (try latency show 198.51.100.0/24, or latency import FILE)",
			ctl_string(args, "action"));
		return CTL_USAGE;
	}
	if (strcmp(ctl_string(args, "action"), "import") == 0)
		return import(socket, what, result, err);
	asked = json_pack("{s:s}", "prefix", what);
	code = ctl_put(socket, false, "latency-show", asked, result, err);
	json_decref(asked);
	return code;
}

static void print_latency(const json_t *result, const struct ctl_view *view, struct buf *out)
{
	if (ctl_at(result, "moved") != NULL && ctl_at(result, "regions") == NULL)
		print_moved(result, view, out);
	else if (ctl_at(result, "regions") != NULL)
		print_show(result, view, out);
	else
		print_import(result, view, out);
}

static enum ctl_exit talk_latency(
	const struct ctl_line *line, const char *socket, const struct ctl_view *view, json_t **result, struct err *err)
{
	(void)view;
	return ask_latency(socket, line->args, result, err);
}

const struct ctl_command ctl_latency = {
	.name = "latency",
	.summary = "show the round trips that were measured of a network and what they say of the geo database, or "
		   "import some",
	.operands = operands,
	.more = "A line of the file is prefix,pool or region,rtt_ms[,n], or JSON: "
		"{\"prefix\":\"198.51.100.0/24\",\"pool\":\"eu\",\n"
		"\"rtt_ms\":31.5,\"n\":12}. With a mistake in any line nothing is taken.",
	.talk = talk_latency,
	.print = print_latency,
};
