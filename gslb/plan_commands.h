/* plan_commands - what `gslbctl plan` asks gslbd for, over the control socket: who asked lately, and what edited zones would change.
 * Main thread. */
#ifndef GSLB_PLAN_COMMANDS_H
#define GSLB_PLAN_COMMANDS_H

#include "base/control.h"

/* {"from":0,"shuffles":N} → {"text":…,"next":…,"of":…,"shuffles":…}: lines of audience.h, some thousands at a time. Who sees
 * shuffles change begins anew. */
void plan_command_clients(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);

/* {} → {"plan":N}; {"plan":N,"file":"svc.example.zone","text":…} → {}; {"plan":N} → the document of `gslbctl plan`, when it is made;
 * {"plan":N} → {"phase":…,"permille":…}. planner.h */
void plan_command_begin(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);
void plan_command_put(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);
void plan_command_run(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);
void plan_command_progress(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket,
	struct control_reply *reply);

#endif
