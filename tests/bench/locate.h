/* locate - the table that classes of clients are found in, as the server has it, and clients that are in no cache. */
#ifndef GSLB_BENCH_LOCATE_H
#define GSLB_BENCH_LOCATE_H

#include "base/base.h"

/* Compile the databases that the environment variable GEO names (FILE[,FILE]) for eight data centres, and draw a million
 * clients. False when it names none. Exits with a sentence when they cannot be read. */
bool locate_open(void);
void locate_close(void);
/* Find the next batch of clients, as a worker does it: the reads of all of them begun before the first is waited for. */
enum { LOCATE_BATCH = 32 };
uint64_t locate_batch(void);

#endif
