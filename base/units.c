#include "base/units.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const struct unit {
	const char *name;
	uint64_t ms;
} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };

static bool digits(const char **at, uint64_t *number)
{
	const char *start = *at;

	*number = 0;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (*number > UINT64_MAX / 10 - 9)
			return false;
		*number = *number * 10 + (uint64_t)(**at - '0');
	}
	return *at != start;
}

bool duration_parse(const char *text, uint64_t *ms)
{
	const char *at = text;
	uint64_t number;
	size_t next = 0; /* units come in falling order, each once */

	*ms = 0;
	do {
		size_t letters, i;

		if (!digits(&at, &number))
			return false;
		letters = strspn(at, "abcdefghijklmnopqrstuvwxyz");
		if (letters == 0) {
			if (*at != '\0' || next != 0 || number > UINT32_MAX)
				return false;
			*ms = number * 1000;
			return true;
		}
		for (i = next; i < COUNT_OF(units); i++)
			if (strlen(units[i].name) == letters && memcmp(units[i].name, at, letters) == 0)
				break;
		if (i == COUNT_OF(units) || number > UINT32_MAX)
			return false;
		*ms += number * units[i].ms;
		next = i + 1;
		at += letters;
	} while (*at != '\0');
	return true;
}

const char *duration_format(uint64_t ms, char text[static 32])
{
	size_t len = 0;

	if (ms == 0)
		snprintf(text, 32, "0s");
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		uint64_t n = ms / units[i].ms;

		if (n == 0)
			continue;
		len += (size_t)snprintf(text + len, 32 - len, "%llu%s", (unsigned long long)n, units[i].name);
		ms %= units[i].ms;
		if (len >= 32)
			break;
	}
	return text;
}

bool number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	const char *at = text;

	return digits(&at, number) && *at == '\0' && *number >= min && *number <= max;
}
