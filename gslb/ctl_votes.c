/* What the regions of a fleet say of an endpoint, for people. */
#include <stdio.h>
#include <string.h>

#include "gslb/ctl_text.h"

const char *ctl_votes(const json_t *endpoint, char text[static CTL_VOTES_MAX])
{
	size_t len = 0, i;
	const json_t *vote;

	text[0] = '\0';
	json_array_foreach(json_object_get(endpoint, "votes"), i, vote)
	{
		if (len + 1 < CTL_VOTES_MAX)
			len += (size_t)snprintf(text + len, CTL_VOTES_MAX - len, "%s%s %s%s", i > 0 ? ", " : "",
				ctl_string(vote, "region"), ctl_string(vote, "says"),
				ctl_true(vote, "leaning") ? " in doubt" : "");
	}
	if (len + 1 < CTL_VOTES_MAX && ctl_true(endpoint, "regional"))
		len += (size_t)snprintf(text + len, CTL_VOTES_MAX - len, "; this region goes by what it sees");
	if (len + 1 < CTL_VOTES_MAX && ctl_true(endpoint, "frozen"))
		snprintf(text + len, CTL_VOTES_MAX - len, "; no majority: it stands as it was");
	return text;
}

bool ctl_votes_differ(const json_t *endpoint)
{
	const char *state = ctl_string(endpoint, "state");
	bool differ = ctl_true(endpoint, "regional") || ctl_true(endpoint, "frozen");
	const json_t *vote;
	size_t i;

	json_array_foreach(json_object_get(endpoint, "votes"), i, vote) differ |=
		strcmp(ctl_string(vote, "says"), state) != 0 || ctl_true(vote, "leaning");
	return differ;
}

const char *ctl_condition(const json_t *endpoint)
{
	if (ctl_true(endpoint, "held"))
		return " (held)";
	if (ctl_true(endpoint, "regional"))
		return " (region)";
	if (ctl_true(endpoint, "frozen"))
		return " (kept)";
	if (ctl_true(endpoint, "doubt"))
		return " (doubt)";
	return ctl_true(endpoint, "damped") ? " (damped)" : "";
}
