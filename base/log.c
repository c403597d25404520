#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static const char *program = "gslb";
static enum log_level shown = LOG_INFO;

void log_setup(const char *name, enum log_level most)
{
	program = name;
	shown = most;
}

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "error";
	case LOG_WARNING:
		return "warning";
	case LOG_NOTICE:
		return "notice";
	case LOG_INFO:
		return "info";
	case LOG_DEBUG:
		return "debug";
	}
	return "?";
}

/* What a stranger wrote may stand in a line: control characters must not make a second one of it. */
static void make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

void log_at(enum log_level level, const char *fmt, ...)
{
	char line[4096], stamp[CLOCK_TEXT_MAX];
	uint64_t now_ms;
	size_t head, len;
	va_list args;

	if (level > shown)
		return;
	if (getenv("JOURNAL_STREAM") != NULL) { /* the journal has a clock of its own */
		snprintf(line, sizeof line, "<%d>%s: ", (int)level, program);
	} else {
		now_ms = clock_wall_ms();
		clock_format(now_ms, stamp);
		snprintf(line, sizeof line, "%.19s.%03uZ %s[%d] %s: ", stamp, (unsigned)(now_ms % 1000), program,
			(int)getpid(), level_name(level));
	}
	head = strlen(line);
	va_start(args, fmt);
	vsnprintf(line + head, sizeof line - head - 1, fmt, args);
	va_end(args);
	make_printable(line + head);
	len = strlen(line);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return; /* nowhere left to say it */
}

bool log_allowed(struct log_limit *limit, uint64_t now_monotonic_ms, unsigned *held)
{
	if (limit->last_ms != 0 && now_monotonic_ms < limit->last_ms + 1000) {
		limit->held++;
		return false;
	}
	*held = limit->held;
	limit->held = 0;
	limit->last_ms = now_monotonic_ms;
	return true;
}
