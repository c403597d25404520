/* relay drain: gslb-relay is asked again and again how much is left. */
#include "gslb/ctl_relay.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 100, WAIT_MS = 60000 };

static const char *plural(json_int_t n)
{
	return n == 1 ? "" : "s";
}

/* "us (5 events, the oldest for 31.0 s), cache kv (3 items, paused)": who has something to do; begins with `before`. */
static void add_left(const json_t *result, const char *before, struct buf *out)
{
	const char *sign = before;
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(result, "regions"), i, row)
	{
		buf_printf(out, "%sregion ", sign);
		ctl_add(out, ctl_string(row, "region"));
		if (ctl_true(row, "unlisted"))
			buf_printf(out, ", which section bus does not name any more: name it again, or let relay.keep "
					"pass");
		buf_printf(out, " (%lld event%s behind, for %.1f s)", (long long)ctl_integer(row, "behind"),
			plural(ctl_integer(row, "behind")), json_real_value(json_object_get(row, "behind_s")));
		sign = ", ";
	}
	json_array_foreach(json_object_get(result, "caches"), i, row)
	{
		buf_printf(out, "%scache ", sign);
		ctl_add(out, ctl_string(row, "cache"));
		buf_printf(out, " (%lld item%s", (long long)ctl_integer(row, "pending"),
			plural(ctl_integer(row, "pending")));
		if (strcmp(ctl_string(row, "state"), "works") != 0)
			buf_printf(out, ", it %s",
				strcmp(ctl_string(row, "state"), "paused") == 0 ? "is paused" : "does not answer");
		buf_printf(out, ")");
		sign = ", ";
	}
}

static void show(const json_t *result)
{
	struct buf now = { 0 };

	buf_printf(&now, "%lld event%s under way, %lld in the outbox", (long long)ctl_integer(result, "events"),
		plural(ctl_integer(result, "events")), (long long)ctl_integer(result, "outbox"));
	add_left(result, ": ", &now);
	buf_printf(&now, "\n");
	file_write_all(STDOUT_FILENO, now.text, now.len);
	buf_fini(&now);
}

static uint64_t counted(const json_t *result)
{
	uint64_t sum = (uint64_t)ctl_integer(result, "events") + (uint64_t)ctl_integer(result, "outbox");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(result, "caches"), i, row) sum += (uint64_t)ctl_integer(row, "pending");
	return sum;
}

static enum ctl_exit turn_off(const char *socket, json_t **result, struct err *err)
{
	json_t *args = json_pack("{s:b}", "off", 1);
	enum ctl_exit code = ctl_put(socket, true, "drain", args, result, err);

	json_decref(args);
	if (code == CTL_MOOT)
		err_set(err, "it was not drained");
	return code;
}

/* What is left when the time is over goes to standard error, too: it names where not. */
static enum ctl_exit give_up(const json_t *result, uint64_t wait_ms, struct err *err)
{
	struct buf left = { 0 };
	char time[32];

	add_left(result, ": ", &left);
	err_set(err, "not all is done after %s%.400s", ctl_duration(wait_ms, time), left.len > 0 ? left.text : "");
	buf_fini(&left);
	return CTL_PART;
}

enum ctl_exit ctl_relay_drain(const struct ctl_line *line, const char *socket, json_t **result, struct err *err)
{
	uint64_t wait_ms =
		json_object_get(line->args, "wait_ms") != NULL ? (uint64_t)ctl_integer(line->args, "wait_ms") : WAIT_MS;
	uint64_t until_ms = clock_monotonic_ms() + wait_ms, shown = UINT64_MAX, shown_ms = 0;
	json_t *none = json_object();
	enum ctl_exit code;

	if (ctl_true(line->args, "off")) {
		json_decref(none);
		return turn_off(socket, result, err);
	}
	while ((code = ctl_put(socket, true, "drain", none, result, err)) == CTL_PART) {
		uint64_t now_ms = clock_monotonic_ms();

		if (!line->json && counted(*result) != shown && now_ms >= shown_ms + 1000) {
			show(*result);
			shown = counted(*result);
			shown_ms = now_ms;
		}
		if (now_ms >= until_ms) {
			code = give_up(*result, wait_ms, err);
			break;
		}
		json_decref(*result);
		*result = NULL;
		nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000L }, NULL);
	}
	json_decref(none);
	return code;
}

void ctl_relay_drain_print(const json_t *result, struct buf *out)
{
	if (!ctl_true(result, "draining"))
		buf_printf(out, "events are taken in\n");
	else if (ctl_true(result, "left"))
		buf_printf(out, "it goes on: nothing new is taken in until gslbctl relay drain --off\n");
	else
		buf_printf(out, "drained: nothing is left; nothing new is taken in until gslbctl relay drain --off, or "
				"the next start\n");
}
