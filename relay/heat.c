#include "relay/heat.h"

#include <stdlib.h>
#include <string.h>

#include "relay/check.h"
#include "relay/hits.h"

enum { TAKE_MAX = 1024 };

struct heat {
	const struct relay_conf *conf;
	struct hot *here, *elsewhere;
	struct hits *log[CONF_LOGS_MAX];
	uint64_t now_ms, read_ms;
	uint64_t wrong;
};

struct heat *heat_new(const struct relay_conf *conf, uint64_t now_ms)
{
	struct heat *heat = mem_alloc(sizeof *heat);

	*heat = (struct heat){ .conf = conf, .here = hot_new(now_ms), .elsewhere = hot_new(now_ms), .read_ms = now_ms };
	for (size_t i = 0; i < conf->nlogs; i++)
		heat->log[i] = hits_follow(conf->logs[i]);
	return heat;
}

void heat_free(struct heat *heat)
{
	if (heat == NULL)
		return;
	for (size_t i = 0; i < heat->conf->nlogs; i++)
		hits_free(heat->log[i]);
	hot_free(heat->here);
	hot_free(heat->elsewhere);
	free(heat);
}

void heat_add(struct heat *heat, enum event_class class, const char *text, double times, uint64_t now_ms)
{
	hot_add(heat->here, class, text, times, now_ms);
}

double heat_rate(struct heat *heat, enum event_class class, const char *text, uint64_t now_ms)
{
	return hot_rate(hot_knows(heat->here, class) ? heat->here : heat->elsewhere, class, text, now_ms);
}

/* ---- what is told over the socket ---- */

struct told {
	enum event_class class;
	char text[CHECK_TEXT_MAX];
	double times;
};

static bool read_hit(const json_t *item, size_t at, struct told *told, struct err *err)
{
	const json_t *value = json_object_get(item, "value"), *times = json_object_get(item, "times");
	const char *class = json_string_value(json_object_get(item, "class"));
	struct err why;

	told->times = times != NULL ? json_number_value(times) : 1;
	if (class == NULL || !event_class_parse(class, &told->class) || told->class == EVENT_ALL)
		return err_set(err, "hits[%zu].class: must be one of dns, key, tag, url, prefix and zone", at);
	if (!json_is_string(value))
		return err_set(err, "hits[%zu]: must have a text \"value\"", at);
	if (!event_item_check(told->class, json_string_value(value), json_string_length(value), told->text, &why))
		return err_set(err, "hits[%zu]: %s", at, why.text);
	return told->times > 0 && told->times <= 1e9
		       ? true
		       : err_set(err, "hits[%zu].times: must be above 0, and 1000000000 at most", at);
}

bool heat_take(struct heat *heat, const json_t *args, size_t *n, uint64_t now_ms, struct err *err)
{
	const json_t *list = json_object_get(args, "hits");
	struct told *told;
	size_t len = json_array_size(list), at = 0;

	if (!json_is_array(list) || len > TAKE_MAX)
		return err_set(err, "hits: must be a list of at most %d", TAKE_MAX);
	told = mem_alloc((len + 1) * sizeof *told);
	while (at < len && read_hit(json_array_get(list, at), at, &told[at], err))
		at++;
	for (size_t i = 0; at == len && i < len; i++)
		heat_add(heat, told[i].class, told[i].text, told[i].times, now_ms);
	free(told);
	*n = len;
	return at == len;
}

/* ---- between hosts: "CLASS VALUE TIMES" lines, TIMES for HEAT_SAY_MS ---- */

static void add_elsewhere(void *arg, enum event_class class, const char *text, double times)
{
	struct heat *heat = arg;

	hot_add(heat->elsewhere, class, text, times, heat->now_ms);
}

static void add_here(void *arg, enum event_class class, const char *text, double times)
{
	struct heat *heat = arg;

	hot_add(heat->here, class, text, times, heat->now_ms);
}

void heat_hear(struct heat *heat, const void *body, size_t len, uint64_t now_ms)
{
	const struct hits_ear ear = { heat, add_elsewhere };
	const char *at = body, *end = at + len;

	heat->now_ms = now_ms;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *line_end = newline != NULL ? newline : end;

		heat->wrong += !hits_line(at, (size_t)(line_end - at), &ear);
		at = line_end + 1;
	}
}

void heat_print(struct heat *heat, struct buf *body, uint64_t now_ms)
{
	struct hot_item items[HEAT_SAY_MAX];
	size_t n = hot_top(heat->here, items, HEAT_SAY_MAX, now_ms);

	for (size_t i = 0; i < n; i++) {
		size_t before = body->len;
		double times = items[i].rate * HEAT_SAY_MS / 1000;

		buf_printf(body, "%s %s %.0f\n", event_class_name(items[i].class), items[i].text,
			times < 1     ? 1
			: times < 1e9 ? times
				      : 1e9);
		if (body->len > STATE_BODY_MAX) {
			body->len = before; /* the rest is colder */
			return;
		}
	}
}

/* ---- the logs ---- */

uint64_t heat_run(struct heat *heat, uint64_t now_ms)
{
	const struct hits_ear ear = { heat, add_here };

	if (heat->conf->nlogs == 0)
		return UINT64_MAX;
	if (now_ms < heat->read_ms)
		return heat->read_ms;
	heat->now_ms = now_ms;
	for (size_t i = 0; i < heat->conf->nlogs; i++)
		heat->wrong += hits_read(heat->log[i], &ear);
	heat->read_ms = now_ms + HEAT_READ_MS;
	return heat->read_ms;
}

/* ---- looking ---- */

json_t *heat_json(struct heat *heat, size_t n, uint64_t now_ms)
{
	struct hot_item *items = mem_alloc(HEAT_SHOW_MAX * sizeof *items);
	json_t *list = json_array();

	n = hot_top(heat->here, items, n < HEAT_SHOW_MAX ? n : HEAT_SHOW_MAX, now_ms);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:f}", "class", event_class_name(items[i].class),
						    "value", items[i].text, "rate", items[i].rate));
	free(items);
	return list;
}

size_t heat_count(const struct heat *heat)
{
	return hot_count(heat->here);
}

uint64_t heat_wrong(const struct heat *heat)
{
	return heat->wrong;
}
