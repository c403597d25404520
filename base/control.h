/* control - the daemon's side of gslbctl: a Unix socket with one JSON document a line.
 *
 *   → {"command":"force","args":{"target":"eu","action":"drain","for_ms":30000,"why":"drill"}}
 *   ← {"ok":true,"result":{…}}   or   {"ok":false,"exit":1,"error":"one sentence"}
 *
 * Who asks is known from the peer's credentials (SO_PEERCRED). Runs in the main thread's event loop; clients are bounded in
 * number, line length and time, and a slow one never blocks. */
#ifndef GSLB_BASE_CONTROL_H
#define GSLB_BASE_CONTROL_H

#include <jansson.h>
#include <sys/types.h>

#include "base/base.h"

struct control_peer {
	uid_t uid;
	char name[64];  /* user name, or the number */
	bool read_only; /* member of the read-only group alone */
};

struct control_reply {
	json_t *result; /* owned by control after the call; NULL on failure */
	int exit;       /* gslbctl's exit status: 0 done, 1 refused or failed, 3 in part, 4 moot */
	struct err err; /* the sentence, when exit is 1 */
	uint64_t defer; /* not 0: the answer comes later through control_answer with this ticket (reload) */
};

struct control_command {
	const char *name;
	bool changes; /* refused to read-only peers */
	void (*run)(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
		struct control_reply *reply);
};

struct control;

enum { CONTROL_PLACES = 128 }; /* clients at a time */

/* gslbctl relay bench has gslb-relay drop keys that begin so, and no cache has one. */
#define CONTROL_BENCH_KEYS "gslb-bench:"

/* Make the socket (mode 0660, the group given or -1; an old dead socket is replaced, a live one refused). read_only_group: -1
 * for none. The table ends with a NULL name. */
struct control *control_open(const char *path, gid_t group, gid_t read_only_group,
	const struct control_command *commands, void *context, struct err *err);
void control_close(struct control *control);
/* Told what was no request at all: too long, or not JSON. */
void control_on_refusal(
	struct control *control, void (*refused)(void *context, const struct control_peer *peer, const char *sentence));
/* An epoll descriptor to wait on; when it is readable call control_run, which never blocks. */
int control_fd(const struct control *control);
void control_run(struct control *control, uint64_t now_monotonic_ms);
/* Is who asked with this ticket still there, waiting? */
bool control_waits(const struct control *control, uint64_t ticket);
void control_answer(struct control *control, uint64_t ticket, struct control_reply *reply);

#endif
