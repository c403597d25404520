/* What `gslbctl drill` asks for. */
#include "gslb/drill_commands.h"

#include <string.h>

#include "gslb/daemon.h"
#include "gslb/drills.h"

static const char *text_of(const json_t *args, const char *key)
{
	const char *text = json_string_value(json_object_get(args, key));

	return text != NULL ? text : "";
}

static json_t *mistakes_json(const struct report *report)
{
	json_t *list = json_array();
	char line[1400];

	for (size_t i = 0; i < report->nlines; i++) {
		report_format(&report->lines[i], line, sizeof line);
		json_array_append_new(list, json_string(line));
	}
	return list;
}

static const char *file_of(const json_t *args)
{
	const char *file = text_of(args, "file");

	return *file != '\0' ? file : "drill.yaml";
}

void drill_command_check(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;
	struct report report = { 0 };

	(void)peer;
	(void)ticket;
	reply->result = drills_check(daemon->drills, file_of(args), text_of(args, "text"), &report, &reply->err);
	if (reply->result == NULL)
		reply->result = json_pack("{s:o}", "mistakes", mistakes_json(&report));
	reply->exit = reply->err.text[0] != '\0' ? 1 : 0;
	report_fini(&report);
}

void drill_command_run(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;
	bool detach = json_is_true(json_object_get(args, "detach"));
	const struct drill_order order = {
		.file = file_of(args),
		.text = text_of(args, "text"),
		.who = peer->name,
		.ticket = detach ? 0 : ticket,
	};
	struct report report = { 0 };

	if (!drills_begin(daemon->drills, &order, &report, &reply->err)) {
		reply->exit = 1;
		if (report.nlines > 0)
			reply->result = json_pack("{s:o}", "mistakes", mistakes_json(&report));
	} else if (detach) {
		reply->result = json_pack("{s:s}", "detached", drills_running(daemon->drills));
	} else {
		reply->defer = ticket;
	}
	report_fini(&report);
}

void drill_command_status(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;

	(void)args;
	(void)peer;
	(void)ticket;
	reply->result = drills_status(daemon->drills);
	if (reply->result != NULL)
		return;
	reply->exit = 4;
	err_set(&reply->err,
		"no drill is under way (gslbctl drill list shows the next ones, drill report the last one)");
}

void drill_command_abort(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;
	char id[256];

	(void)args;
	(void)ticket;
	strncpy(id, drills_running(daemon->drills), sizeof id - 1);
	id[sizeof id - 1] = '\0';
	if (drills_abort(daemon->drills, peer->name)) {
		reply->result = json_pack("{s:s}", "aborted", id);
		return;
	}
	reply->exit = 4;
	err_set(&reply->err, "no drill is under way");
}

void drill_command_report(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;

	(void)peer;
	(void)ticket;
	reply->result = drills_report(daemon->drills, text_of(args, "file"), &reply->err);
	reply->exit = reply->result != NULL ? 0 : 1;
}

void drill_command_list(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	struct daemon *daemon = context;

	(void)args;
	(void)peer;
	(void)ticket;
	reply->result = json_pack("{s:s,s:s,s:o,s:o}", "directory", daemon->conf->drills_directory, "running",
		drills_running(daemon->drills), "scheduled", drills_list(daemon->drills), "reports",
		drills_reports(daemon->drills));
}
