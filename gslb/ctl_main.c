/* gslbctl as a function of its arguments, so that tests can look at all it prints. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gslb/ctl.h"

#define DEFAULT_SOCKET "/run/gslb/control.sock"
#define RELAY_SOCKET "/run/gslb/relay.sock"

static const char *socket_of(const struct ctl_line *line)
{
	bool relay = line->command->relay;
	const char *given = line->socket != NULL ? line->socket : getenv(relay ? "GSLB_RELAY_SOCKET" : "GSLB_SOCKET");

	return given != NULL && *given != '\0' ? given : relay ? RELAY_SOCKET : DEFAULT_SOCKET;
}

static enum ctl_exit exit_of(const json_t *reply)
{
	json_int_t code = json_integer_value(json_object_get(reply, "exit"));

	if (!json_is_true(json_object_get(reply, "ok")) && code == 0)
		return CTL_FAILED;
	return code >= CTL_DONE && code <= CTL_MOOT ? (enum ctl_exit)code : CTL_FAILED;
}

enum ctl_exit ctl_outcome(const json_t *reply, json_t **result, struct err *err)
{
	enum ctl_exit code = exit_of(reply);
	const char *sentence = json_string_value(json_object_get(reply, "error"));

	err->text[0] = '\0';
	if (sentence != NULL || code == CTL_FAILED)
		err_set(err, "%s", sentence != NULL ? sentence : "refused");
	*result = json_object_get(reply, "result");
	return code;
}

enum ctl_exit ctl_put(
	const char *socket, bool relay, const char *command, const json_t *args, json_t **result, struct err *err)
{
	json_t *reply = ctl_ask(socket, relay, command, args, err);
	enum ctl_exit code;

	if (reply == NULL)
		return CTL_FAILED;
	code = ctl_outcome(reply, result, err);
	json_incref(*result);
	json_decref(reply);
	return code;
}

static enum ctl_exit ask_prepared(const struct ctl_line *line, json_t **result, struct err *err)
{
	const struct ctl_command *command = line->command;
	const char *name = command->name;
	json_t *request = NULL;
	enum ctl_exit code;

	if (command->prepare == NULL)
		return ctl_put(socket_of(line), command->relay, name, line->args, result, err);
	name = command->prepare(line->args, &request, err);
	if (name == NULL)
		return CTL_USAGE;
	code = ctl_put(socket_of(line), command->relay, name, request, result, err);
	json_decref(request);
	return code;
}

static enum ctl_exit ask_daemon(const struct ctl_line *line, json_t **result, struct err *err)
{
	const struct ctl_command *command = line->command;
	enum ctl_exit code = ask_prepared(line, result, err);

	if (code == CTL_DONE && command->judge != NULL && *result != NULL)
		code = command->judge(*result, err);
	return code;
}

/* Ask until the command has what it waits for. */
static enum ctl_exit ask_until(const struct ctl_line *line, json_t **result, struct err *err)
{
	for (;;) {
		enum ctl_exit code = ask_daemon(line, result, err);
		uint32_t wait_ms = 0;

		if (*result != NULL && line->command->again != NULL)
			wait_ms = line->command->again(*result, line->args);
		if (wait_ms == 0)
			return code;
		json_decref(*result);
		*result = NULL;
		nanosleep(&(struct timespec){ wait_ms / 1000, wait_ms % 1000 * 1000000L }, NULL);
	}
}

static void print_json(const json_t *result, enum ctl_exit code, const struct err *err, struct buf *out)
{
	json_t *failure = result == NULL ? json_pack("{s:i, s:s}", "exit", (int)code, "error", err->text) : NULL;
	char *text = json_dumps(result != NULL ? result : failure, JSON_INDENT(2) | JSON_REAL_PRECISION(15));

	buf_printf(out, "%s\n", text);
	free(text);
	json_decref(failure);
}

static void print_sentence(const char *sentence, struct buf *err)
{
	buf_printf(err, "gslbctl: ");
	for (const char *at = sentence; *at != '\0';
		at++) /* the daemon's words hold what others typed: no terminal codes */
		buf_printf(err, "%c", (unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at);
	buf_printf(err, "\n");
}

static enum ctl_exit run_command(
	const struct ctl_line *line, const struct ctl_view *view, struct buf *out, struct buf *err)
{
	const struct ctl_command *command = line->command;
	struct err sentence = { 0 };
	json_t *result = NULL;
	enum ctl_exit code = command->run != NULL    ? command->run(line->args, &result, &sentence)
			     : command->talk != NULL ? command->talk(line, socket_of(line), view, &result, &sentence)
						     : ask_until(line, &result, &sentence);

	if (result != NULL && command->sift != NULL)
		command->sift(result, line->args);
	if (line->json)
		print_json(result, code, &sentence, out);
	else if (result != NULL)
		command->print(result, view, out);
	if (sentence.text[0] != '\0')
		print_sentence(sentence.text, err);
	json_decref(result);
	return code;
}

enum ctl_exit ctl_main(int argc, char **argv, const struct ctl_view *view, struct buf *out, struct buf *err)
{
	enum ctl_exit code = CTL_DONE;
	struct ctl_line line;
	struct err wrong;

	if (!ctl_parse(argc, argv, &line, &wrong)) {
		print_sentence(wrong.text, err);
		code = CTL_USAGE;
	} else if (line.help) {
		ctl_help(line.command, out);
	} else if (line.version) {
		buf_printf(out, "gslbctl %s\n", PACKAGE_VERSION);
	} else {
		code = run_command(&line, view, out, err);
	}
	json_decref(line.args);
	return code;
}
