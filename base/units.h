/* units - numbers as operators write them: durations, ranges, whole numbers. */
#ifndef GSLB_BASE_UNITS_H
#define GSLB_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "500ms", "5s", "2m", "1h", "1d", also "1m30s"; a bare number is seconds. False when it is not a duration. */
bool duration_parse(const char *text, uint64_t *ms);
/* The shortest exact form: "90s" is "1m30s"; 0 is "0s". */
const char *duration_format(uint64_t ms, char text[static 32]);
/* A decimal number without sign, from min to max; nothing else around it. */
bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number);

#endif
