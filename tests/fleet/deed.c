#include "tests/fleet/deed.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct deeds deeds;

void deeds_reset(void)
{
	for (size_t i = 0; i < deeds.n; i++)
		writ_free(deeds.list[i].writ);
	memset(&deeds, 0, sizeof deeds);
}

struct deed *deed_new(unsigned origin, struct writ *writ)
{
	struct deed *deed = &deeds.list[deeds.n++];

	assert(deeds.n <= DEEDS_MAX);
	deed->origin = origin;
	deed->writ = writ;
	deed->made_ms = engine_now_ms();
	return deed;
}

unsigned deed_number(const struct deed *deed)
{
	return (unsigned)(deed - deeds.list);
}

const char *deed_text(const struct deed *deed, char text[static DEED_TEXT_MAX])
{
	snprintf(text, DEED_TEXT_MAX, "e%u", deed_number(deed));
	return text;
}

struct deed *deed_in(const struct event *event)
{
	unsigned long number = DEEDS_MAX;

	if (event->nitems == 1 && event->items[0].text != NULL && event->items[0].text[0] == 'e')
		number = strtoul(event->items[0].text + 1, NULL, 10);
	return number < deeds.n ? &deeds.list[number] : NULL;
}

bool deed_is_covered(const struct deed *deed, unsigned host)
{
	return deed->applied[host] > 0 || (deed->writ == NULL && deeds.coarse_ms[host] >= deed->made_ms);
}
