/* The audience as lines of text: in the state folder, from gslbctl, and from other tools. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gslb/audience.h"

enum { LINE_MAX_LEN = 1400, FIELDS = 4, FILE_MAX = 256 << 20 };

static const double weight_most = 1e12;

void audience_print(const struct audience *audience, size_t from, size_t n, struct buf *text)
{
	const struct visit *visits;
	size_t nvisits = audience_visits(audience, &visits);
	char net[ADDR_TEXT_MAX];

	for (size_t i = from; i < nvisits && i - from < n; i++)
		buf_printf(text, "%s,%s,%.6g,%s\n", prefix_format(&visits[i].net, net),
			audience_service(audience, visits[i].service), (double)visits[i].weight,
			visits[i].family == FAMILY_V6 ? "AAAA" : "A");
}

/* ---- reading ---- */

struct reading {
	const char *file;
	unsigned line;
	struct report *report;
};

static bool mistake(const struct reading *reading, const char *what, const char *right)
{
	report_add(reading->report, REPORT_MISTAKE, reading->file, reading->line, "%s: %s", what, right);
	return false;
}

static char *trim(char *text)
{
	size_t len;

	text += strspn(text, " \t\r");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL)
		text[--len] = '\0';
	return text;
}

/* Longer ones are cut to what answers are told apart by. */
static bool read_net(const struct reading *reading, const char *text, struct prefix *net)
{
	uint8_t most;

	if (!prefix_parse(text, net))
		return mistake(reading, text, "not a prefix (try 198.51.100.0/24)");
	most = net->addr.family == ADDR_V6 ? LEDGER_NET_V6 : LEDGER_NET_V4;
	if (net->len == 0)
		return mistake(reading, text, "everybody is no network (try 198.51.100.0/24)");
	if (net->len > most)
		net->len = most;
	addr_mask(&net->addr, net->len);
	return true;
}

static bool read_service(const struct reading *reading, const char *text, char name[static NAME_TEXT_MAX])
{
	struct name wire;

	if (!name_from_text(&wire, text) || wire.nlabels == 0)
		return mistake(reading, text, "not a service's name (try www.svc.example)");
	name_format(&wire, name);
	return true;
}

static bool read_weight(const struct reading *reading, const char *text, float *weight)
{
	char *end;
	double number = strtod(text, &end);

	if (end == text || *end != '\0' || !(number > 0) || number > weight_most)
		return mistake(reading, text, "not a weight (a number of answers, above 0 and up to 1e12)");
	*weight = (float)number;
	return *weight > 0 || mistake(reading, text, "too small a weight");
}

static bool read_type(const struct reading *reading, const char *text, enum family *family)
{
	if (strcmp(text, "A") != 0 && strcmp(text, "AAAA") != 0)
		return mistake(reading, text, "not a type (A or AAAA)");
	*family = text[1] == '\0' ? FAMILY_V4 : FAMILY_V6;
	return true;
}

static void read_line(struct audience *audience, const struct reading *reading, char *line, uint32_t last_s)
{
	struct visit visit = { .last_s = last_s };
	char *field[FIELDS] = { NULL }, *rest, service[NAME_TEXT_MAX];
	size_t n = 0;
	bool good;

	line = trim(line);
	if (*line == '\0' || *line == '#' || (reading->line == 1 && strncmp(line, "prefix,", 7) == 0))
		return;
	rest = line;
	for (char *at; (at = strsep(&rest, ",")) != NULL; n++)
		if (n < FIELDS)
			field[n] = trim(at);
	if (n < 3 || n > FIELDS) {
		mistake(reading, "the line", "not prefix,service,weight or prefix,service,weight,type");
		return;
	}
	good = read_net(reading, field[0], &visit.net);
	good = read_service(reading, field[1], service) && good;
	good = read_weight(reading, field[2], &visit.weight) && good;
	if (n == FIELDS)
		good = read_type(reading, field[3], &visit.family) && good;
	if (good)
		audience_add(audience, &visit, service);
}

void audience_parse(struct audience *audience, const char *text, size_t len, const char *file, uint32_t last_s,
	struct report *report)
{
	struct reading reading = { .file = file, .line = 1, .report = report };
	const char *at = text, *end = text + len;

	for (; at < end; reading.line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t line_len = (size_t)((newline != NULL ? newline : end) - at);
		char line[LINE_MAX_LEN + 1];

		if (line_len > LINE_MAX_LEN || memchr(at, '\0', line_len) != NULL) {
			mistake(&reading, "the line", "longer than 1400 letters, or no text");
		} else {
			memcpy(line, at, line_len);
			line[line_len] = '\0';
			read_line(audience, &reading, line, last_s);
		}
		at += line_len + 1;
	}
}

/* ---- kept over restarts ---- */

bool audience_save(const struct audience *audience, const char *path, uint64_t now_ms, struct err *err)
{
	struct buf text = { 0 };
	char when[CLOCK_TEXT_MAX];
	bool good;

	buf_printf(
		&text, "# gslb clients, %s, %llu\n", clock_format(now_ms, when), (unsigned long long)(now_ms / 1000));
	audience_print(audience, 0, AUDIENCE_MAX, &text);
	good = file_replace(path, text.text, text.len, 0640, err);
	buf_fini(&text);
	return good;
}

/* When it was saved: the number behind the heading's last comma, or now. */
static uint64_t saved_s(const char *text, uint64_t now_s)
{
	const char *end = strchr(text, '\n'), *at = end;
	uint64_t then_s;

	while (at != NULL && at > text && at[-1] != ',')
		at--;
	then_s = at != NULL && text[0] == '#' ? strtoull(at, NULL, 10) : 0;
	return then_s > 0 && then_s <= now_s ? then_s : now_s;
}

bool audience_load(struct audience *audience, const char *path, uint64_t now_ms, struct err *err)
{
	struct report report = { 0 };
	char *text;
	size_t len;

	err->text[0] = '\0';
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return true;
	if (!file_read(path, FILE_MAX, &text, &len, err))
		return false;
	audience_parse(audience, text, len, path, (uint32_t)saved_s(text, now_ms / 1000), &report);
	audience_age(audience, now_ms / 1000 - saved_s(text, now_ms / 1000), now_ms);
	free(text);
	if (report.nmistakes > 0) {
		char line[1200];

		report_format(&report.lines[0], line, sizeof line);
		err_set(err, "%.900s (%zu lines are damaged; the others are taken)", line, report.nmistakes);
	}
	report_fini(&report);
	return err->text[0] == '\0';
}
