/* log - one line per change, key=value, to stderr; under systemd with the journal's level prefix. Programs log, libraries
 * return. Any thread but a packet worker may log: a line is one write. */
#ifndef GSLB_BASE_LOG_H
#define GSLB_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

/* The program's name before each line, and the least important level that is shown (default: gslb, info). */
void log_setup(const char *program, enum log_level most);
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_at(LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/* At most one line a second for what a stranger can cause: true when it may be logged now; *held counts those since. */
struct log_limit {
	uint64_t last_ms;
	unsigned held;
};
bool log_allowed(struct log_limit *limit, uint64_t now_monotonic_ms, unsigned *held);

#endif
