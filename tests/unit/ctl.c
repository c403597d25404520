/* gslbctl as a whole: each command against a control socket that answers with the document of tests/unit/golden/NAME.json; what
 * it prints is compared with NAME.txt beside it. GOLDEN=write writes those anew, to be read before they are committed. */
#include "gslb/ctl.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/control.h"
#include "tests/unit/unit.h"

static char folder[UNIT_FOLDER_MAX];
static char *path;
static struct control *control;
static pid_t server;

static char *source_path(const char *file)
{
	const char *top = getenv("top_srcdir");

	return mem_printf("%s/tests/unit/golden/%s", top != NULL ? top : ".", file);
}

/* The test names the document before the server is forked. */
static void run_sample(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	(void)context, (void)peer, (void)ticket, (void)args;
	char *file = source_path(getenv("CTL_SAMPLE"));

	reply->result = json_load_file(file, 0, NULL);
	free(file);
}

static void run_refuse(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	char *text = json_dumps(args, JSON_COMPACT | JSON_SORT_KEYS);

	(void)context, (void)peer, (void)ticket;
	reply->exit = 1;
	err_set(&reply->err, "refused: %s\033[2J", text);
	free(text);
}

static void run_moot(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	(void)context, (void)peer, (void)ticket, (void)args;
	reply->exit = 4;
	reply->result = json_pack("{s:s}", "target", "eu");
	err_set(&reply->err, "eu: there is no such override");
}

/* Held when it is asked first, then safe. */
static void run_becomes_safe(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply)
{
	static int asked;

	(void)context;
	(void)args;
	(void)peer;
	(void)ticket;
	reply->exit = asked++ == 0 ? 3 : 0;
	reply->result = json_pack(
		"{s:s,s:s,s:i}", "target", "pool:eu", "state", reply->exit == 0 ? "safe" : "held", "left_s", 0);
}

#define SAMPLES                                                                                                      \
	{ "status", false, run_sample }, { "services", false, run_sample }, { "pools", false, run_sample },          \
		{ "endpoints", false, run_sample }, { "explain", false, run_sample },                                \
		{ "capacity", false, run_sample }, { "latency-show", false, run_sample },                            \
		{ "latency-moved", false, run_sample }, { "overrides", false, run_sample },                          \
		{ "push", true, run_sample }, { "reload", true, run_sample }, { "drain-status", false, run_sample }, \
	{                                                                                                            \
		"stats", false, run_sample                                                                           \
	}

static const struct control_command samples[] = {
	SAMPLES,
	{ "force", true, run_sample },
	{ "clear", true, run_sample },
	{ "drill-check", false, run_sample },
	{ "drill-report", false, run_sample },
	{ "drill-list", false, run_sample },
	{ NULL, false, NULL },
};

static const struct control_command refusals[] = {
	{ "force", true, run_refuse },
	{ "explain", false, run_refuse },
	{ "clear", true, run_moot },
	{ "drain-status", false, run_becomes_safe },
	{ NULL, false, NULL },
};

/* A server of its own process, as gslbctl would find it. */
static void serve(const struct control_command *commands)
{
	struct err err;

	unit_folder(folder);
	path = mem_printf("%s/ctl", folder);
	control = control_open(path, (gid_t)-1, (gid_t)-1, commands, NULL, &err);
	ck_assert_msg(control != NULL, "%s", err.text);
	server = fork();
	if (server != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		struct pollfd p = { .fd = control_fd(control), .events = POLLIN };

		poll(&p, 1, -1);
		control_run(control, clock_monotonic_ms());
	}
}

static void stop(void)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	control_close(control);
	free(path);
}

/* Run "gslbctl -s SOCKET WORDS", split at spaces. */
static enum ctl_exit run(const char *words, bool colour, struct buf *out, struct buf *err)
{
	struct tm tm = { .tm_year = 126, .tm_mon = 10, .tm_mday = 22, .tm_hour = 10 };
	struct ctl_view view = { .colour = colour, .now_ms = (uint64_t)timegm(&tm) * 1000 };
	char *copy = mem_strdup(words), program[] = "gslbctl", dash[] = "-s", *argv[32] = { program, dash, path };
	enum ctl_exit code;
	int argc = 3;

	for (char *at = strtok(copy, " "); at != NULL; at = strtok(NULL, " "))
		argv[argc++] = at;
	code = ctl_main(argc, argv, &view, out, err);
	free(copy);
	return code;
}

static void check_golden(const char *name, const struct buf *out)
{
	char *file = mem_printf("%s.txt", name), *at = source_path(file), *want;
	const char *golden = getenv("GOLDEN");
	size_t len;

	if (golden != NULL && strcmp(golden, "write") == 0)
		ck_assert(file_replace(at, out->text, out->len, 0644, NULL));
	ck_assert_msg(file_read(at, 1 << 20, &want, &len, NULL), "%s", at);
	ck_assert_str_eq(out->text, want);
	free(want);
	free(at);
	free(file);
}

static const struct golden_case {
	const char *words, *sample, *golden; /* golden NULL: the sample's name */
	enum ctl_exit code;
	const char *sentence; /* on stderr */
} goldens[] = {
	{ "status", "status", NULL, CTL_DONE, "" },
	{ "status", "status-bare", NULL, CTL_DONE, "" },
	{ "status", "status-abstain", NULL, CTL_DONE, "" },
	{ "endpoints", "endpoints-held", NULL, CTL_DONE, "" },
	{ "status", "status-fleet", NULL, CTL_DONE, "" },
	{ "endpoints", "endpoints-fleet", NULL, CTL_DONE, "" },
	{ "explain www.svc.example 198.51.100.0/24", "explain-fleet", NULL, CTL_DONE, "" },
	{ "explain www.svc.example 198.51.100.0/24", "explain-held", NULL, CTL_DONE, "" },
	{ "services", "services", NULL, CTL_DONE, "" },
	{ "services app", "services", "services-app", CTL_DONE, "" },
	{ "pools", "pools", NULL, CTL_DONE, "" },
	{ "pools app*", "pools", "pools-app", CTL_DONE, "" },
	{ "pools --json us", "pools", "pools-json", CTL_DONE, "" },
	{ "endpoints", "endpoints", NULL, CTL_DONE, "" },
	{ "endpoints none", "endpoints", "endpoints-none", CTL_DONE, "" },
	{ "explain www.svc.example 198.51.100.0/24", "explain", NULL, CTL_DONE, "" },
	{ "explain a.app.svc.example 192.0.2.1", "explain-sticky", NULL, CTL_DONE, "" },
	{ "explain ns1.svc.example 192.0.2.1 AAAA", "explain-static", NULL, CTL_DONE, "" },
	{ "force eu drain --for 30m --why works --dry-run", "force", NULL, CTL_DONE, "" },
	{ "clear eu", "clear", NULL, CTL_DONE, "" },
	{ "capacity", "capacity", NULL, CTL_DONE, "" },
	{ "overrides", "overrides", NULL, CTL_DONE, "" },
	{ "overrides", "overrides-none", NULL, CTL_DONE, "" },
	{ "drain-status eu", "drain-status", NULL, CTL_DONE, "" },
	{ "drain-status eu", "drain-status-none", NULL, CTL_DONE, "" },
	{ "push eu/lb1 down", "push", NULL, CTL_DONE, "" },
	{ "reload", "reload", NULL, CTL_PART,
		"gslbctl: not taken up: app.example (mend the mistakes and reload again)\n" },
	{ "stats", "stats", NULL, CTL_DONE, "" },
	{ "drill report", "drill-report", NULL, CTL_DONE, "" },
	{ "drill check /dev/null", "drill-check", NULL, CTL_DONE, "" },
	{ "drill list", "drill-list", NULL, CTL_DONE, "" },
	{ "latency show 198.51.9.7", "latency", NULL, CTL_DONE, "" },
	{ "latency moved", "latency-moved", NULL, CTL_DONE, "" },
	{ "stats nx", "stats", "stats-nx", CTL_DONE, "" },
};

START_TEST(each_document_makes_its_table)
{
	const struct golden_case *c = &goldens[_i];
	char *sample = mem_printf("%s.json", c->sample);
	struct buf out = { 0 }, err = { 0 };

	setenv("CTL_SAMPLE", sample, 1);
	serve(samples);
	ck_assert_int_eq(run(c->words, false, &out, &err), c->code);
	ck_assert_str_eq(err.text != NULL ? err.text : "", c->sentence);
	check_golden(c->golden != NULL ? c->golden : c->sample, &out);
	stop();
	buf_fini(&out);
	buf_fini(&err);
	free(sample);
}
END_TEST

START_TEST(colours_are_green_red_and_yellow)
{
	struct buf out = { 0 }, err = { 0 };

	setenv("CTL_SAMPLE", "pools.json", 1);
	serve(samples);
	ck_assert_int_eq(run("pools", true, &out, &err), CTL_DONE);
	ck_assert_ptr_nonnull(strstr(out.text, "\033[32mup\033[0m"));
	ck_assert_ptr_nonnull(strstr(out.text, "\033[31mdown\033[0m"));
	ck_assert_ptr_nonnull(strstr(out.text, "\033[33mdoubt\033[0m"));
	stop();
	buf_fini(&out);
	buf_fini(&err);
}
END_TEST

/* The refusal repeats the arguments as they came over the socket. */
static const struct args_case {
	const char *words;
	enum ctl_exit code;
	const char *sentence;
} args_cases[] = {
	{ "force eu down --for 30m --why x", CTL_FAILED,
		"refused: {\"action\":\"down\",\"for_ms\":1800000,\"target\":\"eu\",\"why\":\"x\"}?[2J" },
	{ "force --why=x --force --over=2m eu --for=1h30m drain --dry-run", CTL_FAILED,
		"refused: {\"action\":\"drain\",\"dry_run\":true,\"for_ms\":5400000,\"force\":true,\"over_ms\":120000,"
		"\"target\":\"eu\",\"why\":\"x\"}?[2J" },
	{ "explain www.x 192.0.2.1 --assume eu=down AAAA --assume us=up", CTL_FAILED,
		"refused: "
		"{\"assume\":[\"eu=down\",\"us=up\"],\"client\":\"192.0.2.1\",\"name\":\"www.x\",\"type\":\"AAAA\"}?["
		"2J" },
	{ "clear eu", CTL_MOOT, "eu: there is no such override" },
	{ "clear -- --eu", CTL_MOOT, "eu: there is no such override" },
	{ "stats", CTL_FAILED, "stats: this gslbd has no such command" },
	{ "", CTL_USAGE, "a command is missing (gslbctl --help lists them)" },
	{ "dance", CTL_USAGE, "dance: no such command (gslbctl --help lists them)" },
	{ "status now", CTL_USAGE, "now: one word too many (try gslbctl status --help)" },
	{ "status --fast", CTL_USAGE, "--fast: no such option (try gslbctl status --help)" },
	{ "status -x", CTL_USAGE, "-x: no such option (try --help)" },
	{ "force eu", CTL_USAGE, "force: ACTION is missing (up, down, or drain (no new answers, and no alarm))" },
	{ "force eu drane --for 1m --why x", CTL_USAGE, "drane: not the ACTION (try up|down|drain)" },
	{ "force eu up|down --for 1m --why x", CTL_USAGE, "up|down: not the ACTION (try up|down|drain)" },
	{ "force eu drain --why x", CTL_USAGE,
		"force: --for TIME is missing (how long, for example 30m; it ends by itself)" },
	{ "force eu drain --for 1m", CTL_USAGE,
		"force: --why TEXT is missing (the reason, for those who find it there)" },
	{ "force eu drain --for 5x --why x", CTL_USAGE, "--for 5x: not a duration (try 30m)" },
	{ "force eu drain --for 0 --why x", CTL_USAGE, "--for 0: not a duration (try 30m)" },
	{ "force eu drain --for 1m --for 2m", CTL_USAGE, "--for: given twice" },
	{ "force eu drain --for", CTL_USAGE, "--for: wants TIME behind it" },
	{ "force eu drain --why= --for 1m", CTL_USAGE, "--why: wants TEXT (a text in UTF-8)" },
	{ "force eu drain --force=yes", CTL_USAGE, "--force: takes no value" },
	{ "-s", CTL_USAGE, "-s: wants SOCKET behind it" },
	{ "push eu/lb1 drain", CTL_USAGE, "drain: not the STATE (try up|down|load=NUMBER)" },
	{ "push eu load=", CTL_USAGE, "load=: not the STATE (try up|down|load=NUMBER)" },
	{ "check", CTL_USAGE, "check: FILE is missing (a zone file, or a folder of *.zone)" },
};

START_TEST(the_rows_make_the_arguments_and_the_exit_status)
{
	const struct args_case *c = &args_cases[_i];
	struct buf out = { 0 }, err = { 0 };
	char *want = mem_printf("gslbctl: %s\n", c->sentence);

	serve(refusals);
	ck_assert_int_eq(run(c->words, false, &out, &err), c->code);
	ck_assert_str_eq(err.text != NULL ? err.text : "", want);
	stop();
	buf_fini(&out);
	buf_fini(&err);
	free(want);
}
END_TEST

START_TEST(drain_status_waits_only_when_it_is_told_to)
{
	struct buf out = { 0 }, err = { 0 };

	serve(refusals);
	ck_assert_int_eq(run("drain-status eu", 0, &out, &err), CTL_PART);
	buf_fini(&out);
	stop();
	serve(refusals);
	ck_assert_int_eq(run("drain-status --wait eu", 0, &out, &err), CTL_DONE);
	stop();
	buf_fini(&out);
	buf_fini(&err);
}
END_TEST

START_TEST(a_failure_is_one_json_document_too)
{
	struct buf out = { 0 }, err = { 0 };
	json_t *json;

	serve(refusals);
	ck_assert_int_eq(run("--json stats", false, &out, &err), CTL_FAILED);
	json = json_loads(out.text, 0, NULL);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "exit")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(json, "error")), "stats: this gslbd has no such command");
	json_decref(json);
	stop();
	buf_fini(&out);
	buf_fini(&err);
}
END_TEST

START_TEST(a_missing_daemon_is_one_sentence)
{
	struct buf out = { 0 }, err = { 0 };

	path = mem_strdup("/tmp/gslb-no-such-socket");
	ck_assert_int_eq(run("status", false, &out, &err), CTL_FAILED);
	ck_assert_str_eq(err.text,
		"gslbctl: /tmp/gslb-no-such-socket: no gslbd listens there (is it running? -s SOCKET names "
		"another)\n");
	free(path);
	buf_fini(&out);
	buf_fini(&err);
}
END_TEST

START_TEST(each_command_has_its_help)
{
	for (size_t i = 0; ctl_commands[i] != NULL; i++) {
		struct buf out = { 0 }, err = { 0 };
		char *words = mem_printf("%s --help", ctl_commands[i]->name), *usage;

		path = mem_strdup("/none");
		usage = mem_printf("usage: gslbctl [-s SOCKET] [--json] %s", ctl_commands[i]->name);
		ck_assert_int_eq(run(words, false, &out, &err), CTL_DONE);
		ck_assert_msg(strncmp(out.text, usage, strlen(usage)) == 0, "%s", out.text);
		free(path);
		free(usage);
		free(words);
		buf_fini(&out);
	}
}
END_TEST

static const char *const page_options[] = { "--json", "--help", "--version", "GSLB_SOCKET" };

START_TEST(each_command_and_option_is_in_the_manual)
{
	const char *top = getenv("top_srcdir");
	char *file = mem_printf("%s/man/gslbctl.8", top != NULL ? top : "."), *text;
	struct buf plain = { 0 };
	size_t len;

	ck_assert_msg(file_read(file, 1 << 20, &text, &len, NULL), "%s", file);
	for (size_t i = 0; i < len; i++) /* roff writes a hyphen as \- */
		if (text[i] != '\\' || (text[i + 1] != '-' && text[i + 1] != '&'))
			buf_add(&plain, text + i, 1);
	for (size_t i = 0; ctl_commands[i] != NULL; i++) {
		const struct ctl_option *o = ctl_commands[i]->options;

		ck_assert_msg(strstr(plain.text, ctl_commands[i]->name) != NULL, "%s", ctl_commands[i]->name);
		for (; o != NULL && o->name != NULL; o++) {
			char *dashed = mem_printf("--%s", o->name);

			ck_assert_msg(strstr(plain.text, dashed) != NULL, "%s", dashed);
			free(dashed);
		}
	}
	for (size_t i = 0; i < COUNT_OF(page_options); i++)
		ck_assert_msg(strstr(plain.text, page_options[i]) != NULL, "%s", page_options[i]);
	buf_fini(&plain);
	free(text);
	free(file);
}
END_TEST

/* ---- check ---- */

#define ZONE_HEAD "$TTL 60\n@ SOA ns1 h 1 2 3 4 30\n NS ns1\nns1 A 192.0.2.1\n"
#define ZONE_POOL "eu._pool TXT \"v=pool1\"\n SRV 0 1 80 a\na A 192.0.2.1\n"

static const struct check_case {
	const char *one, *two; /* texts of one.example and two.example; NULL: no such file */
	const char *words, *out, *err;
} checks[] = {
	{ ZONE_HEAD ZONE_POOL, NULL, "check one.example.zone",
		"one.example.zone: zone one.example, serial 1, services 0, pools 1: good\n", "" },
	{ ZONE_HEAD ZONE_POOL, ZONE_HEAD "_gslb.www TXT \"v=gslb1; pools=eu._pool.one.example.\"\n", "check .",
		"./one.example.zone: zone one.example, serial 1, services 0, pools 1: good\n"
		"./two.example.zone: zone two.example, serial 1, services 1, pools 0: good\n",
		"" },
	{ NULL, NULL, "check .", ".: no zone in this folder (a zone's file is NAME.zone)\n",
		"gslbctl: 1 mistake in 0 files\n" },
};

START_TEST(check_tells_good_files_from_others)
{
	const struct check_case *c = &checks[_i];
	struct buf out = { 0 }, err = { 0 };
	char *both;

	unit_folder(folder);
	ck_assert_int_eq(chdir(folder), 0);
	path = mem_strdup("/none");
	if (c->one != NULL)
		ck_assert(file_replace("one.example.zone", c->one, strlen(c->one), 0600, NULL));
	if (c->two != NULL)
		ck_assert(file_replace("two.example.zone", c->two, strlen(c->two), 0600, NULL));
	ck_assert_int_eq(run(c->words, false, &out, &err), *c->err != '\0' ? CTL_FAILED : CTL_DONE);
	both = mem_printf("%s|%s", out.text, err.text != NULL ? err.text : "");
	buf_fini(&out);
	buf_printf(&out, "%s|%s", c->out, c->err);
	ck_assert_str_eq(both, out.text);
	free(both);
	free(path);
	buf_fini(&out);
	buf_fini(&err);
}
END_TEST

START_TEST(check_tells_mistakes_with_their_lines_and_what_a_lone_file_cannot_know)
{
	static const char broken[] = ZONE_HEAD "eu._pool TXT \"v=pool1; interval=5x\"\n SRV 0 1 80 a\na A 192.0.2.1\n";
	static const char lone[] = ZONE_HEAD "_gslb.www TXT \"v=gslb1; pools=eu._pool.one.example.\"\n";
	struct buf out = { 0 }, err = { 0 };
	json_t *json;

	unit_folder(folder);
	ck_assert_int_eq(chdir(folder), 0);
	path = mem_strdup("/none");
	ck_assert(file_replace("one.example.zone", broken, sizeof broken - 1, 0600, NULL));
	ck_assert(file_replace("two.example.zone", lone, sizeof lone - 1, 0600, NULL));
	ck_assert_int_eq(run("check one.example.zone two.example.zone", false, &out, &err), CTL_FAILED);
	ck_assert_ptr_nonnull(strstr(out.text, "one.example.zone:5: eu._pool: interval=5x: "));
	ck_assert_ptr_null(strstr(out.text, "two.example.zone")); /* what one.example holds is not known */
	ck_assert_str_eq(err.text, "gslbctl: 1 mistake in 2 files\n");
	buf_fini(&out);
	buf_fini(&err);
	ck_assert_int_eq(run("check two.example.zone", false, &out, &err), CTL_FAILED);
	ck_assert_ptr_nonnull(strstr(out.text, "two.example.zone:5: "));
	ck_assert_ptr_nonnull(strstr(err.text, "pools of other zones are found when their files are given too"));
	buf_fini(&out);
	ck_assert_int_eq(run("check --json one.example.zone", false, &out, &err), CTL_FAILED);
	json = json_loads(out.text, 0, NULL);
	ck_assert_int_eq(
		json_integer_value(json_object_get(json_array_get(json_object_get(json, "mistakes"), 0), "line")), 5);
	json_decref(json);
	free(path);
	buf_fini(&out);
	buf_fini(&err);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ctl");
	TCase *cases = tcase_create("ctl");

	unsetenv("GSLB_SOCKET");
	tcase_add_loop_test(cases, each_document_makes_its_table, 0, COUNT_OF(goldens));
	tcase_add_test(cases, colours_are_green_red_and_yellow);
	tcase_add_loop_test(cases, the_rows_make_the_arguments_and_the_exit_status, 0, COUNT_OF(args_cases));
	tcase_add_test(cases, drain_status_waits_only_when_it_is_told_to);
	tcase_add_test(cases, a_failure_is_one_json_document_too);
	tcase_add_test(cases, a_missing_daemon_is_one_sentence);
	tcase_add_test(cases, each_command_has_its_help);
	tcase_add_test(cases, each_command_and_option_is_in_the_manual);
	tcase_add_loop_test(cases, check_tells_good_files_from_others, 0, COUNT_OF(checks));
	tcase_add_test(cases, check_tells_mistakes_with_their_lines_and_what_a_lone_file_cannot_know);
	suite_add_tcase(suite, cases);
	return unit_run(suite);
}
