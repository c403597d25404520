/* drill_commands - the control socket's commands for drills; rows of daemon_commands. The context is the daemon. */
#ifndef GSLB_DRILL_COMMANDS_H
#define GSLB_DRILL_COMMANDS_H

#include "base/control.h"

#define DRILL_COMMAND(name)                                                                                            \
	void drill_command_##name(void *context, const json_t *args, const struct control_peer *peer, uint64_t ticket, \
		struct control_reply *reply)
DRILL_COMMAND(check); /* file, text */
DRILL_COMMAND(run);   /* file, text, detach; answered at the drill's end */
DRILL_COMMAND(status);
DRILL_COMMAND(abort);
DRILL_COMMAND(report); /* file: an id or a name */
DRILL_COMMAND(list);
#undef DRILL_COMMAND

#endif
