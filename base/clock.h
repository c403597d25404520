/* clock - the time, read at the edges and handed in as a value: what decides never asks a clock itself. */
#ifndef GSLB_BASE_CLOCK_H
#define GSLB_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t clock_wall_ms(void);      /* since 1970; for what is dated: overrides, verdicts, TTLs */
uint64_t clock_monotonic_ms(void); /* for deadlines and intervals */
uint64_t clock_monotonic_us(void);

enum { CLOCK_TEXT_MAX = 32 };
/* "2026-11-22T10:20:30Z" (RFC 3339). */
const char *clock_format(uint64_t wall_ms, char text[static CLOCK_TEXT_MAX]);
/* The same back, or "now", or "now+10m" (units.h). False when it is no time. */
bool clock_parse(const char *text, uint64_t now_ms, uint64_t *wall_ms);

#endif
