/* audit - who changed what, and when: JSON lines, synced as they are written, one older file kept. Main thread. */
#ifndef GSLB_AUDIT_H
#define GSLB_AUDIT_H

#include <jansson.h>

#include "base/base.h"

enum { AUDIT_MAX_BYTES = 10 * 1024 * 1024 };

/* Append one line to audit.log in the folder; over the limit it becomes audit.log.1 first. `event` is borrowed. A failure is
 * a sentence: what was done stays done. */
bool audit_append(const char *directory, const json_t *event, struct err *err);

#endif
