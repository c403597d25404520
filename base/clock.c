#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "base/units.h"

static uint64_t read_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

uint64_t clock_monotonic_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

const char *clock_format(uint64_t wall_ms, char text[static CLOCK_TEXT_MAX])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(text, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return text;
}

bool clock_parse(const char *text, uint64_t now_ms, uint64_t *wall_ms)
{
	uint64_t later_ms = 0;
	struct tm utc = { 0 };
	const char *end;

	if (strncmp(text, "now", 3) == 0) {
		if (text[3] != '\0' && (text[3] != '+' || !duration_parse(text + 4, &later_ms)))
			return false;
		if (later_ms > UINT64_MAX - now_ms)
			return false;
		*wall_ms = now_ms + later_ms;
		return true;
	}
	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &utc);
	if (end == NULL || *end != '\0' || utc.tm_year < 70)
		return false;
	*wall_ms = (uint64_t)timegm(&utc) * 1000;
	return true;
}
