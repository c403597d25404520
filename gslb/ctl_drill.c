/* drill: check a drill, run it and look on, end it, read its report. The run is one request that gslbd answers at the drill's end: while
 * it waits, its connection is the proof that somebody looks on, and gslbd puts everything back when it is gone. Ctrl-C asks for the
 * end and waits for the report; a second one just goes. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gslb/ctl_drill_text.h"

enum { FILE_MAX = 64 * 1024, LOOK_MS = 500 };

static const struct ctl_operand operands[] = {
	{ "ACTION", "action", CTL_ONE, "check|run|status|abort|report|list", "what to do" },
	{ "FILE", "file", CTL_OPTIONAL, NULL,
		"check, run: a drill file; report: a drill's name or a report's id, the last one by default" },
	{ 0 },
};

static const struct ctl_option options[] = {
	{ "yes", CTL_FLAG, "yes", NULL, false, "run: do not ask on a terminal whether to begin" },
	{ "detach", CTL_FLAG, "detach", NULL, false, "run: let gslbd run it alone, also when this program ends" },
	{ 0 },
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	if (interrupted++ > 0)
		_exit(128 + signal);
}

static void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = interrupt };

	for (size_t i = 0; i < COUNT_OF(signals); i++)
		sigaction(signals[i], &action, NULL);
}

/* One request: its result, a new reference. */
static enum ctl_exit ask(const char *socket, const char *command, const json_t *args, json_t **result, struct err *err)
{
	json_t *reply = ctl_ask(socket, false, command, args, err), *held;
	enum ctl_exit code;

	*result = NULL;
	if (reply == NULL)
		return CTL_FAILED;
	code = ctl_outcome(reply, &held, err);
	*result = json_incref(held);
	json_decref(reply);
	return code;
}

/* Add the file's text to the arguments. */
static bool read_file(const struct ctl_line *line, struct err *err)
{
	const char *path = ctl_string(line->args, "file");
	char *text;
	size_t len;
	bool good;

	if (!file_read(path, FILE_MAX, &text, &len, err))
		return false;
	good = strlen(text) == len && json_object_set_new(line->args, "text", json_string(text)) == 0;
	free(text);
	return good || err_set(err, "%s: not a text in UTF-8", path);
}

static void show(struct buf *out)
{
	if (out->len > 0)
		file_write_all(STDOUT_FILENO, out->text, out->len);
	buf_fini(out);
}

/* ---- run ---- */

static bool confirm(const struct ctl_line *line)
{
	char answer[16] = "";

	if (ctl_true(line->args, "yes") || line->json || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return true;
	file_write_all(STDOUT_FILENO, "Run it? [y/N] ", 14);
	return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

/* What happened since the last look. */
static void look(const struct ctl_line *line, const char *socket, const struct ctl_view *view, json_t **before)
{
	json_t *none = json_object(), *now;
	struct buf out = { 0 };
	struct err err;

	if (ask(socket, "drill-status", none, &now, &err) == CTL_DONE && now != NULL) {
		if (!line->json)
			ctl_drill_news(*before, now, view, &out);
		show(&out);
		json_decref(*before);
		*before = now;
	} else {
		json_decref(now);
	}
	json_decref(none);
}

static void ask_for_the_end(const struct ctl_line *line, const char *socket)
{
	static const char text[] = "\nending the drill; all is put back (once more: do not wait for the report)\n";
	json_t *none = json_object(), *result;
	struct err err;

	if (!line->json)
		file_write_all(STDOUT_FILENO, text, sizeof text - 1);
	ask(socket, "drill-abort", none, &result, &err);
	json_decref(result);
	json_decref(none);
}

static enum ctl_exit wait_for_end(const struct ctl_line *line, const char *socket, const struct ctl_view *view, int fd,
	json_t **result, struct err *err)
{
	json_t *before = NULL, *reply, *held;
	enum ctl_exit code = CTL_FAILED;
	bool asked = false;

	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };

		if (poll(&wait, 1, LOOK_MS) > 0)
			break;
		if (interrupted > 0 && !asked) {
			asked = true;
			ask_for_the_end(line, socket);
		} else {
			look(line, socket, view, &before);
		}
	}
	reply = ctl_finish(fd, socket, false, err);
	if (reply != NULL) {
		code = ctl_outcome(reply, &held, err);
		if (held != NULL && !line->json && json_object_get(held, "steps") != NULL) {
			struct buf out = { 0 };

			ctl_drill_news(before, held, view, &out);
			buf_printf(&out, "\n");
			show(&out);
		}
		*result = json_incref(held);
		json_decref(reply);
	}
	json_decref(before);
	return code;
}

static enum ctl_exit run(
	const struct ctl_line *line, const char *socket, const struct ctl_view *view, json_t **result, struct err *err)
{
	enum ctl_exit code = ask(socket, "drill-check", line->args, result, err);
	struct buf out = { 0 };
	int fd;

	if (code != CTL_DONE)
		return code;
	if (!line->json)
		ctl_drill_print(*result, view, &out);
	show(&out);
	json_decref(*result);
	*result = NULL;
	if (!confirm(line)) {
		err_set(err, "not run");
		return CTL_FAILED;
	}
	if (ctl_true(line->args, "detach"))
		return ask(socket, "drill-run", line->args, result, err);
	catch_signals();
	fd = ctl_begin(socket, false, "drill-run", line->args, err);
	return fd >= 0 ? wait_for_end(line, socket, view, fd, result, err) : CTL_FAILED;
}

/* ---- the command ---- */

static enum ctl_exit talk(
	const struct ctl_line *line, const char *socket, const struct ctl_view *view, json_t **result, struct err *err)
{
	const char *action = ctl_string(line->args, "action");
	bool runs = strcmp(action, "run") == 0, takes_file = runs || strcmp(action, "check") == 0;
	char command[32];

	if (takes_file && *ctl_string(line->args, "file") == '\0') {
		err_set(err, "drill %s: FILE is missing (a drill file, see gslb.drill(5))", action);
		return CTL_USAGE;
	}
	if (takes_file && !read_file(line, err))
		return CTL_FAILED;
	if (runs)
		return run(line, socket, view, result, err);
	snprintf(command, sizeof command, "drill-%s", action);
	return ask(socket, command, line->args, result, err);
}

const struct ctl_command ctl_drill = {
	.name = "drill",
	.summary = "rehearse a failover with safety rules, an automatic end and a measured result",
	.operands = operands,
	.options = options,
	.more = "check says what a run would do and changes nothing. run exits 0 when the drill SUCCEEDED, and 1 when "
		"it FAILED or\n"
		"was ABORTED; everything it set is put back in each case, also when this program is killed. See "
		"gslb.drill(5).",
	.talk = talk,
	.print = ctl_drill_print,
};
