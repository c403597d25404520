/* plan: what edited zones would change for the clients of the last day. They are checked here, and sent to gslbd in canonical form,
 * which knows the rest: who asked, what is up, what was forced, where clients are. */
#include "gslb/ctl_plan.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 400 << 10 /* in JSON it is a request of less than 1 MiB */, LOOK_MS = 200, SAVE_TRIES = 10 };

static const struct ctl_operand operands[] = {
	{ "DIR", "folder", CTL_OPTIONAL, NULL, "the folder of edited zones, all of them (NAME.zone)" },
	{ 0 },
};

static const struct ctl_option options[] = {
	{ "fail-over", CTL_TEXT, "fail_over", "PERCENT", false,
		"exit 1 when more of the clients, or of their answers, would move" },
	{ "save", CTL_TEXT, "save", "FILE", false, "write down who asked lately: prefix,service,weight,type" },
	{ "clients", CTL_TEXT, "clients", "FILE", false, "these clients, and no gslbd: goes with --before" },
	{ "before", CTL_TEXT, "before", "DIR", false, "with --clients: the zones as they are" },
	{ "geo", CTL_LIST, "geo", "FILE", false, "with --clients: a geo database; may be given again" },
	{ 0 },
};

/* ---- saving ---- */

/* One round of pieces; false when visits changed places meanwhile, or with a sentence. */
static bool fetch_clients(const char *socket, struct buf *text, json_int_t *n, struct err *err)
{
	json_int_t from = 0, shuffles = -1;

	do {
		json_t *args = json_pack("{s:I}", "from", from), *result = NULL;
		enum ctl_exit code = ctl_put(socket, false, "clients", args, &result, err);
		bool shuffled = code == CTL_DONE && shuffles >= 0 && ctl_integer(result, "shuffles") != shuffles;
		const char *piece = ctl_string(result, "text");

		json_decref(args);
		if (code == CTL_DONE && !shuffled)
			buf_add(text, piece, strlen(piece));
		shuffles = ctl_integer(result, "shuffles");
		from = ctl_integer(result, "next");
		*n = ctl_integer(result, "of");
		json_decref(result);
		if (code != CTL_DONE || shuffled)
			return false;
	} while (from < *n);
	return true;
}

static bool save(const char *socket, const char *path, json_int_t *n, struct err *err)
{
	static const char heading[] = "prefix,service,weight,type\n";
	struct buf text = { 0 };
	bool good = false;

	for (unsigned i = 0; i < SAVE_TRIES && !good && err->text[0] == '\0'; i++) {
		buf_fini(&text);
		buf_add(&text, heading, sizeof heading - 1);
		good = fetch_clients(socket, &text, n, err);
	}
	if (!good && err->text[0] == '\0')
		err_set(err, "clients come and go too quickly to be written down: try again");
	good = good && file_replace(path, text.text, text.len, 0640, err);
	buf_fini(&text);
	return good;
}

/* ---- gslbd's plan ---- */

static bool put_piece(
	const char *socket, json_int_t plan, const char *file, const char *text, size_t len, struct err *err)
{
	json_t *args = json_pack("{s:I,s:s,s:s%}", "plan", plan, "file", file, "text", text, len), *result = NULL;
	bool good;

	if (args == NULL)
		return err_set(err, "%s: is no text in UTF-8", file);
	good = ctl_put(socket, false, "plan-put", args, &result, err) == CTL_DONE;
	json_decref(result);
	json_decref(args);
	return good;
}

static bool put_zone(const char *socket, json_int_t plan, const struct zone *zone, struct err *err)
{
	char apex[NAME_TEXT_MAX], *file = mem_printf("%s.zone", name_format(&zone->apex, apex));
	struct buf text = { 0 };
	bool good = true;

	zone_print(zone, &text);
	for (size_t at = 0, end; at < text.len && good; at = end) {
		end = text.len - at > PIECE ? at + PIECE : text.len;
		while (end < text.len && end > at && text.text[end - 1] != '\n')
			end--;
		good = put_piece(socket, plan, file, text.text + at, end - at, err);
	}
	buf_fini(&text);
	free(file);
	return good;
}

static void show_progress(const char *socket, json_int_t plan, const char *phase)
{
	json_t *args = json_pack("{s:I}", "plan", plan), *result = NULL;
	char line[128];
	struct err err;

	if (phase == NULL && ctl_put(socket, false, "plan-progress", args, &result, &err) == CTL_DONE)
		phase = ctl_string(result, "phase");
	if (phase != NULL) {
		int len = snprintf(line, sizeof line, "\r\033[K%.40s", phase);

		if (strcmp(phase, "replaying") == 0)
			len += snprintf(line + len, sizeof line - (size_t)len, " %lld %%",
				(long long)ctl_integer(result, "permille") / 10);
		file_write_all(STDERR_FILENO, line, (size_t)len);
	}
	json_decref(result);
	json_decref(args);
}

static enum ctl_exit wait_for_plan(const char *socket, json_int_t plan, bool shows, json_t **result, struct err *err)
{
	json_t *args = json_pack("{s:I}", "plan", plan), *reply, *held = NULL;
	int fd = ctl_begin(socket, false, "plan-run", args, err);
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	enum ctl_exit code = CTL_FAILED;

	json_decref(args);
	if (fd < 0)
		return CTL_FAILED;
	while (shows && poll(&wait, 1, LOOK_MS) == 0)
		show_progress(socket, plan, NULL);
	reply = ctl_finish(fd, socket, false, err);
	if (shows)
		file_write_all(STDERR_FILENO, "\r\033[K", 4);
	if (reply != NULL) {
		code = ctl_outcome(reply, &held, err);
		*result = json_incref(held);
		json_decref(reply);
	}
	return code;
}

static enum ctl_exit ask_gslbd(
	const char *socket, const struct ctl_zones *zones, bool shows, json_t **result, struct err *err)
{
	json_t *none = json_object(), *begun = NULL;
	enum ctl_exit code = ctl_put(socket, false, "plan-begin", none, &begun, err);
	json_int_t plan = ctl_integer(begun, "plan");

	json_decref(none);
	json_decref(begun);
	if (shows && code == CTL_DONE)
		show_progress(socket, plan, "sending the zones");
	for (size_t i = 0; i < zones->nzones && code == CTL_DONE; i++)
		if (!put_zone(socket, plan, zones->zones[i], err))
			code = CTL_FAILED;
	return code == CTL_DONE ? wait_for_plan(socket, plan, shows, result, err) : code;
}

/* ---- the gate ---- */

/* "10%" or "10". Below zero: none was given. */
static bool read_percent(const char *text, double *percent, struct err *err)
{
	char *end;

	*percent = -1;
	if (*text == '\0')
		return true;
	*percent = strtod(text, &end);
	if (end != text && (*end == '\0' || strcmp(end, "%") == 0) && *percent >= 0 && *percent <= 100)
		return true;
	return err_set(err, "plan: --fail-over %s: not a percentage (try 5%%)", text);
}

static enum ctl_exit judge(json_t *result, double most_percent, struct err *err)
{
	double networks = json_number_value(ctl_at(result, "moved.networks_percent"));
	double answers = json_number_value(ctl_at(result, "moved.answers_percent"));
	bool known = ctl_integer(result, "networks") > 0;

	if (most_percent < 0)
		return CTL_DONE;
	json_object_set_new(result, "fail_over_percent", json_real(most_percent));
	json_object_set_new(result, "fails", json_boolean(!known || fmax(networks, answers) > most_percent));
	if (!known) { /* a gate that is open since nobody looked is none */
		err_set(err, "no client of these services is known yet, so nothing says how many would move: "
			     "--fail-over "
			     "wants some (gslbd gathers them as it answers; --clients FILE has others)");
		return CTL_FAILED;
	}
	if (fmax(networks, answers) <= most_percent)
		return CTL_DONE;
	err_set(err, "%.1f %% of the clients, and %.1f %% of their answers, would move: more than --fail-over %g %%",
		networks, answers, most_percent);
	return CTL_FAILED;
}

/* ---- the command ---- */

static bool check_usage(const json_t *args, double *most_percent, struct err *err)
{
	bool local = *ctl_string(args, "clients") != '\0', before = *ctl_string(args, "before") != '\0';

	if (!read_percent(ctl_string(args, "fail_over"), most_percent, err))
		return false;
	if (*ctl_string(args, "folder") == '\0' && (*ctl_string(args, "save") == '\0' || local || before))
		return err_set(err, "plan: DIR is missing (the folder of edited zones)");
	if (local != before || (!local && json_object_get(args, "geo") != NULL))
		return err_set(err,
			"plan: --clients FILE and --before DIR go together, and --geo FILE with them: that is "
			"a plan without gslbd");
	if (local && *ctl_string(args, "save") != '\0')
		return err_set(err, "plan: --save asks gslbd, --clients does without it");
	return true;
}

static enum ctl_exit make_plan(const json_t *args, const char *socket, bool shows, json_t **result, struct err *err)
{
	struct ctl_zones zones = { .seed = dice_from_kernel().state };
	enum ctl_exit code = CTL_FAILED;
	json_t *mistakes = NULL;
	struct zone_set *set;

	ctl_zones_add(&zones, ctl_string(args, "folder"));
	set = ctl_zones_link(&zones);
	if (set == NULL) {
		mistakes = ctl_zones_report(&zones, err);
	} else if (*ctl_string(args, "clients") != '\0') {
		*result = ctl_plan_local(args, &zones, set, &mistakes, err);
		code = *result != NULL ? CTL_DONE : CTL_FAILED;
	} else {
		zone_set_free(set);
		code = ask_gslbd(socket, &zones, shows, result, err);
	}
	if (*result == NULL)
		*result = mistakes;
	ctl_zones_fini(&zones);
	return code;
}

static enum ctl_exit talk_plan(
	const struct ctl_line *line, const char *socket, const struct ctl_view *view, json_t **result, struct err *err)
{
	const char *file = ctl_string(line->args, "save");
	enum ctl_exit code = CTL_DONE;
	double most_percent;
	json_int_t n = 0;

	(void)view;
	if (!check_usage(line->args, &most_percent, err))
		return CTL_USAGE;
	if (*file != '\0' && !save(socket, file, &n, err))
		return CTL_FAILED;
	if (*ctl_string(line->args, "folder") != '\0')
		code = make_plan(line->args, socket, !line->json && isatty(STDERR_FILENO), result, err);
	if (*file != '\0' && code == CTL_DONE) {
		if (*result == NULL)
			*result = json_object();
		json_object_set_new(*result, "saved", json_pack("{s:s,s:I}", "file", file, "networks", n));
	}
	return code == CTL_DONE && ctl_at(*result, "moved") != NULL ? judge(*result, most_percent, err) : code;
}

const struct ctl_command ctl_plan = {
	.name = "plan",
	.summary = "what edited zones would change for the clients of the last day",
	.operands = operands,
	.options = options,
	.more = "Each network that asked a service lately is decided for twice, by the code that answers packets: with "
		"the "
		"zones in force,\nand with those in DIR. Nothing in service changes. Exit status 1: a zone has a "
		"mistake, "
		"or --fail-over.",
	.talk = talk_plan,
	.print = ctl_plan_print,
};
