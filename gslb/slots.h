/* slots - which endpoint has which slot of the board. A slot belongs to a health identity (probe and address), is shared by
 * endpoints of the same one, and is given to another identity only under a new generation. One thread at a time. */
#ifndef GSLB_SLOTS_H
#define GSLB_SLOTS_H

#include "health/health.h"

struct slots;

struct slots *slots_new(struct board *board);
void slots_free(struct slots *slots);
/* The identity's slot; a new one starts with the verdict kept for it, else unknown. False when the board is full. */
bool slots_take(struct slots *slots, uint64_t identity, uint32_t *slot, uint16_t *generation);
/* The same for who only looks: false when the identity has none. */
bool slots_known(const struct slots *slots, uint64_t identity, uint32_t *slot, uint16_t *generation);
/* What was not taken since the last sweep is free for others after this one: call it once a new snapshot is in force. */
void slots_sweep(struct slots *slots);

/* A verdict from the checkpoint, for identities that will be taken; last_s: when its last result came (Unix seconds). */
void slots_keep(struct slots *slots, uint64_t identity, const struct verdict *verdict, uint32_t last_s);
/* The checkpoint: one line an identity in use, from what the board says now. */
void slots_print(const struct slots *slots, uint64_t now_ms, struct buf *text);
/* Read its file; verdicts whose last result is older than max_age_ms are not kept. A missing file is fine. */
bool slots_restore(struct slots *slots, const char *path, uint64_t now_ms, uint64_t max_age_ms, struct err *err);

#endif
