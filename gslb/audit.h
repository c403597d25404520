/* audit - who changed what, and when: JSON lines, synced as they are written; full files are kept as audit.log.1 (the newest) to
 * audit.log.4, so that all together stay under 50 MB. Main thread. */
#ifndef GSLB_AUDIT_H
#define GSLB_AUDIT_H

#include <jansson.h>

#include "base/base.h"

enum { AUDIT_MAX_BYTES = 10 * 1024 * 1024, AUDIT_OLDER = 4 };

/* Append one line to audit.log in the folder, whole or not at all; a file over the limit is put aside first. `event` is borrowed. On
 * failure a sentence. */
bool audit_append(const char *directory, const json_t *event, struct err *err);

/* Does one of the last lines (256 KiB of them) have this member with this text? */
bool audit_holds(const char *directory, const char *member, const char *text);

#endif
