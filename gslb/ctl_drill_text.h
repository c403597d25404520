/* ctl_drill_text - what `gslbctl drill` shows of gslbd's documents. Inside gslbctl. */
#ifndef GSLB_CTL_DRILL_TEXT_H
#define GSLB_CTL_DRILL_TEXT_H

#include "gslb/ctl_text.h"

/* Any of the documents, told by what they hold. */
void ctl_drill_print(const json_t *result, const struct ctl_view *view, struct buf *out);
/* What happened between two live reports, a line each: steps begun and ended. before may be NULL. */
void ctl_drill_news(const json_t *before, const json_t *now, const struct ctl_view *view, struct buf *out);

#endif
