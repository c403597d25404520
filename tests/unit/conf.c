#include "gslb/conf.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

/* Each test runs in a process of its own, in this folder: zones/ city.mmdb seed bad.seed checks/ */
static char folder[UNIT_FOLDER_MAX];

static void write_file(const char *name, const char *text)
{
	ck_assert(file_replace(name, text, strlen(text), 0600, NULL));
}

static void make_folder(void)
{
	unit_folder(folder);
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkdir("zones", 0700), 0);
	ck_assert_int_eq(mkdir("checks", 0700), 0);
	ck_assert_int_eq(mkdir("state", 0700), 0);
	write_file("city.mmdb", "x");
	write_file("token", "0123456789abcdef\n");
	write_file("short.token", "0123456789abcde\n");
	write_file("seed", "000102030405060708090A0b0c0d0e0f\n");
	write_file("bad.seed", "0001\n");
	write_file("cookie.key", "000102030405060708090a0b0c0d0e0f\n101112131415161718191a1b1c1d1e1f\n");
}

#define BASE                                                                                               \
	"server: { listen: [127.0.0.1@5300] }\nzones: { directory: zones }\nstate: { directory: state }\n" \
	"control: { socket: ctl.sock }\n"

/* What is appended to a good file (or, with a leading '!', stands in its place), and the lines that it draws. */
static const struct mistake_case {
	const char *yaml, *lines;
} mistakes[] = {
	{ "", "" },
	{ "log: { level: debug }", "" },
	{ "log: { level: loud }",
		"c.yaml:5:15: log.level: loud: not a level (try error, warning, notice, info or debug)\n" },
	{ "log:\n  level: info\n  level: debug", "c.yaml:7:3: log.level: given twice (keep one)\n" },
	{ "log.level: info", "c.yaml:5:1: log.level: a dot leads nowhere (write what is before it as a key, and the "
			     "rest below that)\n" },
	{ "logs: { level: info }",
		"c.yaml:5:1: logs: no such key (the file has server, zones, geo, latency, health, drills, selection, "
		"state, control, http, relay, bus, log)\n" },
	{ "log: { levle: info }", "c.yaml:5:8: log.levle: no such key (log has level)\n" },
	{ "log: info", "c.yaml:5:6: log: keys belong below it: level\n" },
	{ "log:", "c.yaml:5:5: log: keys belong below it: level\n" },
	{ "log: { level: }", "c.yaml:5:15: log.level: no value (leave the line out for the default)\n" },
	{ "log: { level: ~ }", "c.yaml:5:15: log.level: no value (leave the line out for the default)\n" },
	{ "log: { level: \"\" }", "c.yaml:5:15: log.level: no value (leave the line out for the default)\n" },
	{ "log: { level: [info] }", "c.yaml:5:15: log.level: one value belongs here, not a list\n" },
	{ "log: { level: \"a\\0b\" }",
		"c.yaml:5:15: log.level: holds a control character or a line's end (write it on one line)\n" },
	{ "log: { level: &a info }", "c.yaml:5:15: an anchor (&name): write the value where it is used\n" },
	{ "log: { level: !!str info }", "c.yaml:5:15: a tag (!name): leave it out, each key has one type\n" },
	{ "---\nlog: { level: info }", "c.yaml:5:1: a second document: the file holds one\n" },
	{ "...\nlog: { level: info }\nx: y", "c.yaml:6:1: a second document: the file holds one\n" },
	{ "...\n# no more", "" },
	{ "!---\n" BASE "...", "" },
	{ "log: { level: *a }",
		"c.yaml:5:15: an alias (*name): write the value out (a text that begins with * wants quotes)\n"
		"c.yaml:5:15: not YAML: found undefined alias\n" },
	{ "? [a]\n: b", "c.yaml:5:3: a key is a plain word, not a list or a mapping\n" },
	{ "http: { listen: 127.0.0.1@9153 }", "" },
	{ "http: { listen: \"::1@9153\" }", "" },
	{ "http: { listen: none }", "" },
	{ "http: { listen: here }",
		"c.yaml:5:17: http.listen: here: not an address and port, nor none (try 127.0.0.1@9153 or "
		"\"::1@9153\")\n" },
	{ "http: { listen: 0.0.0.0@9153 }", "c.yaml:5:17: http.listen: 0.0.0.0@9153: others than this host could read "
					    "it (name a token they show as "
					    "http.token-file, or listen on 127.0.0.1)\n" },
	{ "http: { listen: \"::@9153\", endpoint-metrics: perhaps }",
		"c.yaml:5:17: http.listen: ::@9153: others than this host could read it (name a token they show as "
		"http.token-file, or listen on 127.0.0.1)\n"
		"c.yaml:5:46: http.endpoint-metrics: perhaps: neither yes nor no (try yes)\n" },
	{ "http: { listen: 0.0.0.0@9153, token-file: token }", "" },
	{ "health: { push-token-file: token }", "" },
	{ "health: { push-token-file: none }",
		"c.yaml:5:28: health.push-token-file: none: No such file or directory\n" },
	{ "health: { push-token-file: short.token }", "c.yaml:5:28: health.push-token-file: short.token: does not hold "
						      "a token of at least 16 characters without "
						      "blanks (make it: openssl rand -hex 16)\n" },
	{ "bus: { servers: [x] }\ncaches: [{ whatever: is }]\nrelay: { not: ours }", "" }, /* gslb-relay reads these */
	{ "bus: { regions: [eu, local] }", "" },
	{ "bus: { regions: [eu, us-east] }", "c.yaml: bus.regions: server.region local is not among them (name all "
					     "regions of the fleet, with this one, "
					     "alike in each host's file)\n" },
	{ "bus: { regions: [local, \"a b\", local] }",
		"c.yaml:5:25: bus.regions: a b: must be 1 to 63 letters, digits, - and _ (try eu-west)\n"
		"c.yaml:5:32: bus.regions: local: listed twice (keep one)\n" },
	{ "health: { anchors: [192.0.2.1, \"2001:db8::1@443\"] }", "" },
	{ "health: { anchors: 192.0.2.1 }",
		"c.yaml:5:20: health.anchors: not a list (write [one, two], also for a single one)\n" },
	{ "health: { anchors: [gw, 192.0.2.1@0] }",
		"c.yaml:5:21: health.anchors: gw: not an address, with a TCP port or without "
		"(try 192.0.2.1 or 192.0.2.1@443)\n"
		"c.yaml:5:25: health.anchors: 192.0.2.1@0: not an address, with a TCP port or without "
		"(try 192.0.2.1 or 192.0.2.1@443)\n" },
	{ "health: { anchors: [192.0.2.1, 192.0.2.1@443] }",
		"c.yaml:5:32: health.anchors: 192.0.2.1@443: listed twice (keep one: an anchor is a host)\n" },
	{ "geo: { databases: city.mmdb }",
		"c.yaml:5:19: geo.databases: not a list (write [one, two], also for a single one)\n" },
	{ "geo: { databases: [] }",
		"c.yaml:5:19: geo.databases: an empty list (leave the line out for the default)\n" },
	{ "geo: { databases: [city.mmdb, none.mmdb, zones] }",
		"c.yaml:5:31: geo.databases: none.mmdb: No such file or directory\n"
		"c.yaml:5:42: geo.databases: zones: is not a file (try the path of an .mmdb)\n" },
	{ "geo: { databases: [city.mmdb, city.mmdb] }",
		"c.yaml:5:31: geo.databases: city.mmdb: listed twice (keep one)\n" },
	{ "geo: { databases: [[city.mmdb]] }", "c.yaml:5:20: geo.databases: not a list of single values\n" },
	{ "health: { checks-directory: checks }", "" },
	{ "health: { checks-directory: seed }", "c.yaml:5:29: health.checks-directory: seed: is not a folder\n" },
	{ "health: { checks-directory: none }",
		"c.yaml:5:29: health.checks-directory: none: No such file or directory\n" },
	{ "drills: { directory: checks }", "" },
	{ "drills: { directory: none }", "c.yaml:5:22: drills.directory: none: No such file or directory\n" },
	{ "selection: { seed-file: seed }", "" },
	{ "selection: { seed-file: none }", "c.yaml:5:25: selection.seed-file: none: No such file or directory\n" },
	{ "selection: { seed-file: bad.seed }",
		"c.yaml:5:25: selection.seed-file: bad.seed: "
		"does not hold 32 hexadecimal digits (make it: openssl rand -hex 16)\n" },
	{ "log: { level: info",
		"c.yaml:6:1: not YAML: while parsing a flow mapping, did not find expected ',' or '}'\n" },
	{ "\tlog: x", "c.yaml:5:1: not YAML: while scanning for the next token, found character that cannot start any "
		      "token\n" },
	{ "log: \377", "c.yaml:5:6: not YAML: invalid leading UTF-8 octet\n" },
	{ "!", "c.yaml: server.listen: missing (it has no default)\nc.yaml: zones.directory: missing (it has no "
	       "default)\n" },
	{ "!- a", "c.yaml:1:1: keys belong here (try \"server:\")\n" },
	{ "!server: { listen: [127.0.0.1@5300] }\nzones: { directory: zones }\nstate: { directory: no/where }\n"
	  "control: { socket: no/where/s }",
		"c.yaml:3:21: state.directory: no/where: cannot be made: there is no folder DIR/no\n"
		"c.yaml:4:20: control.socket: no/where/s: cannot be made: there is no folder DIR/no\n" },
	{ "!server: { listen: [127.0.0.1@5300] }\nzones: { directory: zones }\nstate: { directory: seed }\n"
	  "control: { socket: seed }",
		"c.yaml:3:21: state.directory: seed: is not a folder\n"
		"c.yaml:4:20: control.socket: seed: is there, and is not a socket (name a path that is free)\n" },
};

/* server and zones, which BASE has already */
static const struct mistake_case server_mistakes[] = {
	{ "workers: 4", "" },
	{ "workers: many", "c.yaml:5:12: server.workers: many: not a number (try 0 to 256)\n" },
	{ "workers: -1", "c.yaml:5:12: server.workers: -1: not a number (try 0 to 256)\n" },
	{ "workers: 257", "c.yaml:5:12: server.workers: 257: out of bounds (try 0 to 256)\n" },
	{ "workers: 99999999999999999999",
		"c.yaml:5:12: server.workers: 99999999999999999999: out of bounds (try 0 to 256)\n" },
	{ "limits: { tcp-clients: 0 }",
		"c.yaml:5:26: server.limits.tcp-clients: 0: out of bounds (try 1 to 1000000)\n" },
	{ "limits: { tcp-per-prefix: -1 }",
		"c.yaml:5:29: server.limits.tcp-per-prefix: -1: not a number (try 0 to 1000000)\n" },
	{ "limits: { tcp-idle: 5x }", "c.yaml:5:23: server.limits.tcp-idle: 5x: not a duration (try 10s)\n" },
	{ "limits: { tcp-idle: 2h }", "c.yaml:5:23: server.limits.tcp-idle: 2h: out of bounds (try 100ms to 1h)\n" },
	{ "limits: { udp: 1 }", "c.yaml:5:13: server.limits.udp: no such key (server.limits has tcp-clients, "
				"tcp-per-prefix, tcp-idle)\n" },
	{ "region: eu west",
		"c.yaml:5:11: server.region: eu west: not a name (try letters, digits, - _ and ., at most 63)\n" },
	{ "user: no-such-user-here", "c.yaml:5:9: server.user: no-such-user-here: no such user "
				     "(make it: adduser --system --group no-such-user-here)\n" },
	{ "user: root", "" },
	{ "rrl: { rate: 0, burst: 1 }", "" },
	{ "rrl: { rate: 1000001, burst: 0 }",
		"c.yaml:5:16: server.rrl.rate: 1000001: out of bounds (try 0 to 1000000)\n"
		"c.yaml:5:32: server.rrl.burst: 0: out of bounds (try 1 to 10000000)\n" },
	{ "rrl: { rate: 2e3 }", "c.yaml:5:16: server.rrl.rate: 2e3: not a number (try 0 to 1000000)\n" },
	{ "rrl: 200", "c.yaml:5:8: server.rrl: keys belong below it: rate, burst\n" },
	{ "cookies: { secret-file: cookie.key }", "" },
	{ "cookies: { secret-file: none }",
		"c.yaml:5:27: server.cookies.secret-file: none: No such file or directory\n" },
	{ "cookies: { secret-file: bad.seed }", "c.yaml:5:27: server.cookies.secret-file: bad.seed: line 1: not 32 "
						"hexadecimal digits (make them: openssl rand -hex 16)\n" },
	{ "cookies: { secret-file: city.mmdb }\n  workers: x\n  region: /",
		"c.yaml:5:27: server.cookies.secret-file: city.mmdb: line 1: not 32 hexadecimal digits (make them: "
		"openssl rand -hex 16)\n"
		"c.yaml:6:12: server.workers: x: not a number (try 0 to 256)\n"
		"c.yaml:7:11: server.region: /: not a name (try letters, digits, - _ and ., at most 63)\n" },
};

static void check_lines(const char *yaml, const char *lines)
{
	struct report report = { 0 };
	struct buf got = { 0 }, want = { 0 };
	struct conf *conf = conf_parse("c.yaml", yaml, strlen(yaml), &report);

	for (size_t i = 0; i < report.nlines; i++) {
		char line[2048];

		report_format(&report.lines[i], line, sizeof line);
		buf_printf(&got, "%s\n", line);
	}
	for (const char *at = lines; *at != '\0';) { /* DIR stands for the folder */
		const char *mark = strstr(at, "DIR");

		buf_printf(&want, "%.*s%s", mark != NULL ? (int)(mark - at) : (int)strlen(at), at,
			mark != NULL ? folder : "");
		at = mark != NULL ? mark + 3 : at + strlen(at);
	}
	ck_assert_str_eq(got.text != NULL ? got.text : "", want.text != NULL ? want.text : "");
	ck_assert_msg((conf != NULL) == (*lines == '\0'), "%s", yaml);
	conf_free(conf);
	report_fini(&report);
	buf_fini(&got);
	buf_fini(&want);
}

START_TEST(each_mistake_is_told_with_its_line_and_column)
{
	const struct mistake_case *c = &mistakes[_i];
	char *yaml = c->yaml[0] == '!' ? mem_strdup(c->yaml + 1) : mem_printf("%s%s", BASE, c->yaml);

	check_lines(yaml, c->lines);
	free(yaml);
}
END_TEST

START_TEST(each_mistake_of_the_server_is_told_too)
{
	char *yaml = mem_printf("zones: { directory: zones }\nstate: { directory: state }\ncontrol: { socket: s }\n"
				"server:\n  %s\n  listen: [127.0.0.1@5300]\n",
		server_mistakes[_i].yaml);

	check_lines(yaml, server_mistakes[_i].lines);
	free(yaml);
}
END_TEST

static const struct listen_case {
	const char *list, *wrong; /* wrong NULL: good */
} listens[] = {
	{ "[127.0.0.1@5300, \"::1@5300\"]", NULL },
	{ "[127.0.0.1]", NULL },
	{ "[127.0.0.1@0, 127.0.0.1@0]", NULL },
	{ "[127.0.0.1@53, 127.0.0.1]", "127.0.0.1: listed twice (keep one)" },
	{ "[localhost@53]", "localhost@53: not an address and port (try 192.0.2.53@53 or \"2001:db8::53@53\")" },
	{ "[127.0.0.1:53]", "127.0.0.1:53: not an address and port (try 192.0.2.53@53 or \"2001:db8::53@53\")" },
	{ "[127.0.0.1@65536]", "127.0.0.1@65536: not an address and port (try 192.0.2.53@53 or \"2001:db8::53@53\")" },
};

START_TEST(a_listen_address_is_an_address_and_a_port)
{
	char *yaml = mem_printf("server: { listen: %s }\nzones: { directory: zones }\nstate: { directory: state }\n"
				"control: { socket: s }\n",
		listens[_i].list);
	struct report report = { 0 };
	struct conf *conf = conf_parse("c.yaml", yaml, strlen(yaml), &report);

	if (listens[_i].wrong == NULL) {
		ck_assert_ptr_nonnull(conf);
	} else {
		ck_assert_ptr_null(conf);
		ck_assert_ptr_nonnull(strstr(report.lines[0].text, listens[_i].wrong));
	}
	conf_free(conf);
	report_fini(&report);
	free(yaml);
}
END_TEST

START_TEST(what_is_left_out_has_its_default)
{
	struct report report = { 0 };
	struct conf *conf = conf_parse("gslb.yaml", BASE, strlen(BASE), &report);
	char host[256], *zones = mem_printf("%s/zones", folder);

	ck_assert_ptr_nonnull(conf);
	ck_assert_uint_eq(conf->nlisten, 1);
	ck_assert_uint_eq(conf->listen[0].port, 5300);
	ck_assert_uint_eq(conf->listen[0].line, 1);
	ck_assert_uint_ge(conf->workers, 1);
	ck_assert_int_eq(gethostname(host, sizeof host), 0);
	ck_assert_str_eq(conf->identity, host);
	ck_assert_str_eq(conf->region, "");
	ck_assert_str_eq(conf->user, "");
	ck_assert_str_eq(conf->probe_user, "");
	ck_assert_uint_eq(conf->tcp_clients, 10000);
	ck_assert_uint_eq(conf->tcp_per_prefix, 0);
	ck_assert_uint_eq(conf->tcp_idle_ms, 10000);
	ck_assert_uint_eq(conf->latency_interval_ms, 600000);
	ck_assert(!conf->latency_sampling);
	ck_assert_uint_eq(conf->rrl_rate, 200);
	ck_assert_uint_eq(conf->rrl_burst, 500);
	ck_assert_str_eq(conf->cookie_file, "");
	ck_assert_uint_eq(conf->cookies.n, 0);
	ck_assert_str_eq(conf->zones_directory, zones);
	ck_assert(conf->zones_watch);
	ck_assert_uint_eq(conf->ndatabases, 0);
	ck_assert_str_eq(conf->checks_directory, "");
	ck_assert_str_eq(conf->seed_file, "");
	ck_assert_str_eq(conf->control_group, "");
	ck_assert_str_eq(conf->readonly_group, "");
	ck_assert_int_eq(conf->log_level, LOG_INFO);
	conf_free(conf);
	report_fini(&report);
	free(zones);
}
END_TEST

START_TEST(what_is_given_is_taken)
{
	static const char yaml[] =
		"server: { listen: [\"::1@0\"], workers: 3, identity: ns1.eu, region: eu-west, user: root,\n"
		"  limits: { tcp-clients: 7, tcp-per-prefix: 5, tcp-idle: 1m30s },\n"
		"  rrl: { rate: 50, burst: 125 }, cookies: { secret-file: cookie.key } }\nzones: { directory: zones, "
		"watch: no }\n"
		"geo:\n  databases:\n    - city.mmdb\nlatency: { interval: 1m, sampling: yes }\nhealth: { "
		"checks-directory: checks "
		"}\nselection: { seed-file: "
		"seed }\n"
		"state: { directory: made }\ncontrol: { socket: made/s, group: root, read-only-group: root }\n";
	struct report report = { 0 };
	struct conf *conf = conf_parse("gslb.yaml", yaml, sizeof yaml - 1, &report);

	ck_assert_ptr_nonnull(conf);
	ck_assert_uint_eq(conf->listen[0].addr.family, ADDR_V6);
	ck_assert_uint_eq(conf->workers, 3);
	ck_assert_str_eq(conf->identity, "ns1.eu");
	ck_assert_str_eq(conf->region, "eu-west");
	ck_assert_str_eq(conf->user, "root");
	ck_assert_str_eq(conf->probe_user, "root");
	ck_assert_uint_eq(conf->tcp_clients, 7);
	ck_assert_uint_eq(conf->tcp_per_prefix, 5);
	ck_assert_uint_eq(conf->tcp_idle_ms, 90000);
	ck_assert(!conf->zones_watch);
	ck_assert_uint_eq(conf->ndatabases, 1);
	ck_assert_uint_eq(conf->database_line[0], 7);
	ck_assert_uint_eq(conf->latency_interval_ms, 60000);
	ck_assert(conf->latency_sampling);
	ck_assert_uint_eq(conf->rrl_rate, 50);
	ck_assert_uint_eq(conf->rrl_burst, 125);
	ck_assert_uint_eq(conf->cookies.n, 2);
	ck_assert_uint_eq(conf->cookies.key[1][15], 0x1f);
	ck_assert_uint_eq(conf->seed[10], 0x0a);
	ck_assert_uint_eq(conf->seed[15], 0x0f);
	ck_assert_str_eq(conf->control_group, "root");
	conf_free(conf);
	report_fini(&report);
}
END_TEST

static const struct watch_case {
	const char *text;
	int watch; /* -1: a mistake */
} watches[] = {
	{ "yes", 1 },
	{ "no", 0 },
	{ "true", 1 },
	{ "false", 0 },
	{ "maybe", -1 },
	{ "Yes", -1 },
	{ "on", -1 },
	{ "1", -1 },
	{ "y", -1 },
	{ "\"yes\"", 1 },
};

START_TEST(watch_is_yes_or_no_and_nothing_else)
{
	char *yaml = mem_printf("server: { listen: [127.0.0.1@5300] }\nzones: { directory: zones, watch: %s }\n"
				"state: { directory: state }\ncontrol: { socket: s }\n",
		watches[_i].text);
	struct report report = { 0 };
	struct conf *conf = conf_parse("c.yaml", yaml, strlen(yaml), &report);

	ck_assert_int_eq(conf != NULL ? conf->zones_watch : -1, watches[_i].watch);
	ck_assert_msg(conf != NULL || strstr(report.lines[0].text, "neither yes nor no (try yes)") != NULL, "%s",
		watches[_i].text);
	conf_free(conf);
	report_fini(&report);
	free(yaml);
}
END_TEST

START_TEST(relative_paths_count_from_the_folder_of_the_file)
{
	struct report report = { 0 };
	char *path = mem_printf("%s/gslb.yaml", folder), *socket = mem_printf("%s/ctl.sock", folder);
	struct conf *conf;

	write_file("gslb.yaml", BASE);
	ck_assert_int_eq(chdir("/"), 0);
	conf = conf_load(path, &report);
	ck_assert_ptr_nonnull(conf);
	ck_assert_str_eq(conf->control_socket, socket);
	conf_free(conf);
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_ptr_null(conf_load("none.yaml", &report));
	ck_assert_str_eq(report.lines[0].file, "none.yaml");
	ck_assert_str_eq(report.lines[0].text, "No such file or directory");
	report_fini(&report);
	free(path);
	free(socket);
}
END_TEST

START_TEST(a_token_that_everyone_may_read_is_none)
{
	static const char yaml[] = BASE "health: { push-token-file: token }\n";
	struct report report = { 0 };
	struct conf *conf = conf_parse("c.yaml", yaml, strlen(yaml), &report);

	ck_assert_ptr_nonnull(conf);
	ck_assert_str_eq(conf->push_token.text, "0123456789abcdef");
	ck_assert_ptr_null(conf->http_token.text);
	ck_assert_uint_eq(conf->http.port, 9153);
	ck_assert(!conf->http_given && conf->endpoint_metrics);
	conf_free(conf);
	ck_assert_int_eq(chmod("token", 0644), 0);
	ck_assert_ptr_null(conf_parse("c.yaml", yaml, strlen(yaml), &report));
	ck_assert_uint_eq(report.nlines, 1);
	ck_assert_ptr_nonnull(strstr(report.lines[0].text, "token: every user may open it (chmod o= "));
	report_fini(&report);
}
END_TEST

START_TEST(a_change_that_waits_for_a_restart_is_named)
{
	static const char changed[] = "server: { listen: [127.0.0.1@5301], workers: 3, limits: { tcp-clients: 5 } }\n"
				      "zones: { directory: zones }\nstate: { directory: state }\ncontrol: { socket: "
				      "ctl.sock }\nlog: { level: debug }\n";
	struct report report = { 0 };
	struct conf *now = conf_parse("c.yaml", BASE, strlen(BASE), &report);
	struct conf *same = conf_parse("c.yaml", BASE "log: { level: debug }\n", strlen(BASE) + 22, &report);
	struct conf *next = conf_parse("c.yaml", changed, sizeof changed - 1, &report);
	char text[200];

	ck_assert(now != NULL && same != NULL && next != NULL);
	ck_assert(!conf_needs_restart(now, same, text, sizeof text));
	ck_assert(conf_needs_restart(now, next, text, sizeof text));
	ck_assert_str_eq(text, "server.listen, server.workers");
	ck_assert(conf_needs_restart(now, next, text, 10));
	ck_assert_str_eq(text, "server.li");
	conf_free(now);
	conf_free(same);
	conf_free(next);
	report_fini(&report);
}
END_TEST

START_TEST(what_waits_for_a_restart_stays_as_it_is_and_is_named_again)
{
	static const char *const fleet[] = {
		"server: { listen: [127.0.0.1@5300], workers: 2, region: eu }\nbus: { regions: [eu, us] }\n",
		"server: { listen: [127.0.0.1@5300], workers: 3, region: us, limits: { tcp-clients: 5 } }\n"
		"bus: { regions: [us, ap] }\nrelay: { socket: relay.sock }\n",
	};
	struct report report = { 0 };
	struct conf *conf[3];
	char text[200];

	for (unsigned i = 0; i < 3; i++) {
		char *yaml =
			mem_printf("%szones: { directory: zones }\nstate: { directory: state }\ncontrol: { socket: "
				   "ctl.sock }\n",
				fleet[i > 0]);

		conf[i] = conf_parse("c.yaml", yaml, strlen(yaml), &report);
		ck_assert_msg(conf[i] != NULL, "%s", report.nlines > 0 ? report.lines[0].text : "");
		free(yaml);
	}
	for (unsigned i = 1; i < 3; i++) {
		ck_assert(conf_needs_restart(conf[i - 1], conf[i], text, sizeof text));
		ck_assert_str_eq(text, "server.workers, server.region, relay.socket, bus.regions");
		conf_keep(conf[i - 1], conf[i]);
		conf_free(conf[i - 1]);
		ck_assert_uint_eq(conf[i]->workers, 2);
		ck_assert_str_eq(conf_region(conf[i]), "eu");
		ck_assert_uint_eq(conf[i]->nregions, 2);
		ck_assert_str_eq(conf[i]->regions[1], "us");
		ck_assert_str_eq(conf[i]->relay_socket, "");
		ck_assert_uint_eq(conf[i]->tcp_clients, 5);
	}
	conf_free(conf[2]);
	report_fini(&report);
}
END_TEST

/* Every key is in the manual and in the example. */
START_TEST(each_key_is_in_the_manual_and_in_the_example)
{
	static const char *const files[] = { "man/gslb.yaml.5", "examples/gslb.yaml" };
	const char *source = getenv("top_srcdir");

	for (size_t f = 0; f < COUNT_OF(files); f++) {
		char *path = mem_printf("%s/%s", source != NULL ? source : ".", files[f]), *text;
		size_t len;

		ck_assert_msg(file_read(path, 1 << 20, &text, &len, NULL), "%s", path);
		for (size_t i = 0; conf_key(i) != NULL; i++) {
			const char *last = strrchr(conf_key(i), '.') + 1;
			struct buf escaped = { 0 };

			for (const char *c = last; *c != '\0'; c++)
				buf_printf(&escaped, "%s%c", *c == '-' && f == 0 ? "\\" : "", *c);
			ck_assert_msg(strstr(text, escaped.text) != NULL, "%s: %s", files[f], conf_key(i));
			buf_fini(&escaped);
		}
		free(text);
		free(path);
	}
}
END_TEST

START_TEST(the_example_is_good)
{
	const char *source = getenv("top_srcdir");
	char *path = mem_printf("%s/examples/gslb.yaml", source != NULL ? source : ".");
	struct report report = { 0 };
	struct conf *conf = conf_load(path, &report);

	ck_assert_msg(conf != NULL, "%s: %s", path, report.nlines > 0 ? report.lines[0].text : "");
	ck_assert_uint_eq(conf->nlisten, 2);
	conf_free(conf);
	report_fini(&report);
	free(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf");
	TCase *cases = tcase_create("conf");

	tcase_add_unchecked_fixture(cases, make_folder, NULL);
	tcase_add_loop_test(cases, each_mistake_is_told_with_its_line_and_column, 0, COUNT_OF(mistakes));
	tcase_add_loop_test(cases, each_mistake_of_the_server_is_told_too, 0, COUNT_OF(server_mistakes));
	tcase_add_loop_test(cases, a_listen_address_is_an_address_and_a_port, 0, COUNT_OF(listens));
	tcase_add_test(cases, what_is_left_out_has_its_default);
	tcase_add_test(cases, what_is_given_is_taken);
	tcase_add_loop_test(cases, watch_is_yes_or_no_and_nothing_else, 0, COUNT_OF(watches));
	tcase_add_test(cases, relative_paths_count_from_the_folder_of_the_file);
	tcase_add_test(cases, a_token_that_everyone_may_read_is_none);
	tcase_add_test(cases, a_change_that_waits_for_a_restart_is_named);
	tcase_add_test(cases, what_waits_for_a_restart_stays_as_it_is_and_is_named_again);
	tcase_add_test(cases, the_example_is_good);
	tcase_add_test(cases, each_key_is_in_the_manual_and_in_the_example);
	suite_add_tcase(suite, cases);
	return unit_run(suite);
}
