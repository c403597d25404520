/* ctl - gslbctl's commands. A command is a file with one row, struct ctl_command; its operands and options are rows too, and
 * make the parser, the checks, the help, and the arguments that go to the daemon. All in one thread. */
#ifndef GSLB_CTL_H
#define GSLB_CTL_H

#include <jansson.h>

#include "base/base.h"

/* DESIGN 7. */
enum ctl_exit { CTL_DONE = 0, CTL_FAILED = 1, CTL_USAGE = 2, CTL_PART = 3, CTL_MOOT = 4 };

enum ctl_arity { CTL_ONE, CTL_OPTIONAL, CTL_MANY };

struct ctl_operand {
	const char *name; /* "TARGET"; NULL ends the table */
	const char *key;  /* of its argument; CTL_MANY makes an array */
	enum ctl_arity arity;
	const char *choices; /* "up|down|drain"; NULL: any text */
	const char *sentence;
};

enum ctl_kind { CTL_FLAG, CTL_TEXT, CTL_DURATION /* argument in ms */, CTL_LIST /* may be given again */ };

struct ctl_option {
	const char *name; /* without "--"; NULL ends the table */
	enum ctl_kind kind;
	const char *key, *value; /* value: "TIME", as the help calls it */
	bool required;
	const char *sentence;
};

/* How a result is shown. */
struct ctl_view {
	bool colour;
	uint64_t now_ms; /* wall: for "3m ago" */
};

struct ctl_line;

struct ctl_command {
	const char *name, *summary;
	const struct ctl_operand *operands; /* NULL: none */
	const struct ctl_option *options;   /* NULL: none */
	const char *more;                   /* the help's last paragraph; NULL: none */
	/* Done here, without the daemon: fills the result; NULL: the daemon is asked. */
	enum ctl_exit (*run)(const json_t *args, json_t **result, struct err *err);
	bool relay; /* gslb-relay is asked, not gslbd */
	/* Make the request of the arguments: the daemon's command, and what goes with it (a new reference); NULL with a sentence: usage.
	 * Without it the command's name and the arguments are the request. */
	const char *(*prepare)(const json_t *args, json_t **request, struct err *err);
	/* A conversation with the daemon of several requests: fills the result; NULL: one request is all. */
	enum ctl_exit (*talk)(const struct ctl_line *line, const char *socket, const struct ctl_view *view,
		json_t **result, struct err *err);
	/* Leave out of the result what was not asked for. May be NULL. */
	void (*sift)(json_t *result, const json_t *args);
	/* How many ms to wait before the daemon is asked again; 0: this result is it. May be NULL. */
	uint32_t (*again)(const json_t *result, const json_t *args);
	/* What the result means for the exit status when the daemon said done. May be NULL. */
	enum ctl_exit (*judge)(const json_t *result, struct err *err);
	void (*print)(const json_t *result, const struct ctl_view *view, struct buf *out);
};

extern const struct ctl_command ctl_status, ctl_services, ctl_pools, ctl_endpoints, ctl_explain, ctl_check, ctl_force,
	ctl_clear, ctl_latency, ctl_overrides, ctl_push, ctl_reload, ctl_stats, ctl_drain_status, ctl_capacity,
	ctl_plan, ctl_purge, ctl_relay, ctl_bus, ctl_drill;
extern const struct ctl_command *const ctl_commands[]; /* NULL behind the last */

/* ---- the command line (ctl_args.c) ---- */

struct ctl_line {
	const struct ctl_command *command; /* NULL with help or version alone */
	json_t *args;                      /* owned */
	const char *socket;                /* NULL: the default */
	bool json, help, version;
};

/* False with a sentence: CTL_USAGE. */
bool ctl_parse(int argc, char **argv, struct ctl_line *line, struct err *err);
void ctl_help(const struct ctl_command *command, struct buf *out); /* NULL: the program */

/* ---- the daemon (ctl_ask.c) ---- */

/* One command of gslbd (or of gslb-relay): the result, when there is one, and the exit status as it has it. */
enum ctl_exit ctl_put(
	const char *socket, bool relay, const char *command, const json_t *args, json_t **result, struct err *err);
/* The document of gslbd (or of gslb-relay), a new reference, or NULL with a sentence. */
json_t *ctl_ask(const char *socket, bool relay, const char *command, const json_t *args, struct err *err);

/* The same in two parts, for what takes long: a connected socket on which the request was sent (-1 with a sentence), and the
 * document, which the socket is readable for. */
int ctl_begin(const char *socket, bool relay, const char *command, const json_t *args, struct err *err);
json_t *ctl_finish(int fd, const char *socket, bool relay, struct err *err);
/* Without waiting for it. */
void ctl_leave(int fd);
/* What a document of the daemon means: the result, borrowed, NULL without one; the sentence. */
enum ctl_exit ctl_outcome(const json_t *reply, json_t **result, struct err *err);

/* The whole program: the result (or, with --json, one document) to out, the sentence to err. */
enum ctl_exit ctl_main(int argc, char **argv, const struct ctl_view *view, struct buf *out, struct buf *err);

#endif
