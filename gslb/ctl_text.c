#include "gslb/ctl_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const json_t *ctl_at(const json_t *json, const char *path)
{
	while (json != NULL && *path != '\0') {
		size_t len = strcspn(path, ".");
		char key[64];

		if (len >= sizeof key)
			return NULL;
		memcpy(key, path, len);
		key[len] = '\0';
		json = json_object_get(json, key);
		path += path[len] == '.' ? len + 1 : len;
	}
	return json;
}

const char *ctl_string(const json_t *json, const char *path)
{
	const char *text = json_string_value(ctl_at(json, path));

	return text != NULL ? text : "";
}

json_int_t ctl_integer(const json_t *json, const char *path)
{
	const json_t *number = ctl_at(json, path);

	return json_is_real(number) ? (json_int_t)json_real_value(number) : json_integer_value(number);
}

bool ctl_true(const json_t *json, const char *path)
{
	return json_is_true(ctl_at(json, path));
}

/* The bytes of a control character at `at`: C0, DEL, or C1 as UTF-8 writes it; 0: it prints. */
static size_t control_len(const char *at)
{
	unsigned char c = (unsigned char)at[0];

	if (c < 0x20 || c == 0x7f)
		return 1;
	return c == 0xc2 && (unsigned char)at[1] >= 0x80 && (unsigned char)at[1] < 0xa0 ? 2 : 0;
}

void ctl_add(struct buf *out, const char *text)
{
	while (*text != '\0') {
		size_t control = control_len(text), len = 1;

		if (control > 0) {
			buf_add(out, "?", 1);
			text += control;
			continue;
		}
		while (text[len] != '\0' && control_len(text + len) == 0)
			len++;
		buf_add(out, text, len);
		text += len;
	}
}

enum ctl_colour ctl_colour_of(const char *state)
{
	static const struct {
		const char *state;
		enum ctl_colour colour;
	} colours[] = {
		{ "up", CTL_GREEN },
		{ "loaded", CTL_GREEN },
		{ "running", CTL_GREEN },
		{ "ok", CTL_GREEN },
		{ "down", CTL_RED },
		{ "refused", CTL_RED },
		{ "drain", CTL_YELLOW },
		{ "doubt", CTL_YELLOW },
		{ "unknown", CTL_YELLOW },
		{ "last-good", CTL_YELLOW },
		{ "restarting", CTL_YELLOW },
	};

	for (size_t i = 0; i < COUNT_OF(colours); i++)
		if (strcmp(colours[i].state, state) == 0)
			return colours[i].colour;
	return CTL_PLAIN;
}

void ctl_paint(struct buf *out, const struct ctl_view *view, enum ctl_colour colour, const char *text)
{
	static const char *const codes[] = { "", "\033[32m", "\033[31m", "\033[33m", "\033[1m" };
	bool painted = view->colour && colour != CTL_PLAIN;

	if (painted)
		buf_printf(out, "%s", codes[colour]);
	ctl_add(out, text);
	if (painted)
		buf_printf(out, "\033[0m");
}

const char *ctl_duration(uint64_t ms, char text[static 32])
{
	static const uint64_t units_ms[] = { 86400000, 3600000, 60000, 1000, 1 };

	for (size_t i = 0; i + 1 < COUNT_OF(units_ms); i++)
		if (ms >= units_ms[i])
			return duration_format(ms - ms % units_ms[i + 1 < 3 ? i + 1 : 3], text);
	return duration_format(ms, text);
}

const char *ctl_ago(const struct ctl_view *view, const char *since, char text[static 32])
{
	struct tm tm = { 0 };
	const char *rest = strptime(since, "%Y-%m-%dT%H:%M:%SZ", &tm);
	uint64_t then_ms;

	if (rest == NULL)
		return strcpy(text, "-");
	then_ms = (uint64_t)timegm(&tm) * 1000;
	return ctl_duration(view->now_ms > then_ms ? (view->now_ms - then_ms) / 1000 * 1000 : 0, text);
}

const char *ctl_bytes(json_int_t bytes, char text[static 32])
{
	if (bytes < 1 << 20)
		snprintf(text, 32, "%.1f KiB", (double)bytes / (1 << 10));
	else
		snprintf(text, 32, "%.1f MiB", (double)bytes / (1 << 20));
	return text;
}
