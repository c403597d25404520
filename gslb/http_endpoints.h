/* http_endpoints - the table of endpoints, document_endpoints, as a text that is made in pieces: of one moment, as a scrape is, whose
 * look at things it shares. */
#ifndef GSLB_HTTP_ENDPOINTS_H
#define GSLB_HTTP_ENDPOINTS_H

#include "base/base.h"

/* The context is a struct metrics, from metrics_begin. */
bool endpoints_next(void *context, struct buf *piece, size_t len);
void endpoints_end(void *context);

#endif
