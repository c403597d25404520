#include "relay/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/work.h"

enum { FIRST_MAX = 96, ACTOR_MAX = 64, WHY_MAX = 96 };

struct entry {
	char id[EVENT_ID_MAX], origin[EVENT_LABEL_MAX];
	char first[FIRST_MAX], actor[ACTOR_MAX], why[WHY_MAX]; /* cut short */
	enum event_class class;
	enum event_op op;
	enum event_prio prio;
	size_t nitems;
	uint64_t made_ms;                       /* wall: by its origin */
	uint64_t began_ms, flushed_ms, done_ms; /* wall: here; 0: not yet */
	unsigned caches;
	bool errors;
};

struct journal {
	struct entry entry[JOURNAL_MAX]; /* a ring */
	uint64_t n;
};

struct journal *journal_new(void)
{
	return mem_alloc(sizeof(struct journal));
}

void journal_free(struct journal *journal)
{
	free(journal);
}

/* Cut short between two characters of UTF-8. */
static void copy(char *to, size_t size, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	if (len >= size) {
		len = size - 1;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	if (len > 0)
		memcpy(to, text, len);
	to[len] = '\0';
}

uint64_t journal_begin(struct journal *journal, const struct event *event, uint64_t now_ms)
{
	struct entry *entry;

	if (journal == NULL)
		return 0;
	entry = &journal->entry[journal->n % JOURNAL_MAX];
	*entry = (struct entry){
		.class = event->class,
		.op = event->op,
		.prio = event->prio,
		.nitems = event->nitems,
		.made_ms = event->made_ms,
		.began_ms = now_ms,
	};
	event_id(event, entry->id);
	copy(entry->origin, sizeof entry->origin, event->origin);
	copy(entry->first, sizeof entry->first, event->nitems > 0 ? event->items[0].text : "");
	copy(entry->actor, sizeof entry->actor, event->actor);
	copy(entry->why, sizeof entry->why, event->why);
	return journal->n++;
}

void journal_note(struct journal *journal, uint64_t number, const struct work_state *state, uint64_t now_ms)
{
	struct entry *entry;

	if (journal == NULL || number + JOURNAL_MAX < journal->n)
		return;
	entry = &journal->entry[number % JOURNAL_MAX];
	entry->caches = state->targets;
	entry->errors = state->errors;
	if (state->flushed && entry->flushed_ms == 0)
		entry->flushed_ms = now_ms;
	if (state->done)
		entry->done_ms = now_ms;
}

/* ---- looking ---- */

static const char *state_of(const struct entry *entry)
{
	if (entry->done_ms != 0)
		return entry->errors ? "done with errors" : "done";
	return entry->flushed_ms != 0 ? "flushed" : "pending";
}

static json_t *entry_json(const struct entry *entry)
{
	char made[CLOCK_TEXT_MAX], began[CLOCK_TEXT_MAX];
	json_t *json = json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:I,s:s,s:s,s:s,s:s,s:i}", "id", entry->id, "made",
		clock_format(entry->made_ms, made), "came", clock_format(entry->began_ms, began), "class",
		event_class_name(entry->class), "op", event_op_name(entry->op), "prio", (int)entry->prio, "items",
		(json_int_t)entry->nitems, "first", entry->first, "actor", entry->actor, "why", entry->why, "state",
		state_of(entry), "caches", (int)entry->caches);

	if (entry->flushed_ms != 0)
		json_object_set_new(
			json, "flushed_ms", json_integer((json_int_t)(entry->flushed_ms - entry->began_ms)));
	if (entry->done_ms != 0)
		json_object_set_new(json, "done_ms", json_integer((json_int_t)(entry->done_ms - entry->began_ms)));
	return json;
}

json_t *journal_event(const struct journal *journal, const char *id)
{
	uint64_t oldest = journal->n > JOURNAL_MAX ? journal->n - JOURNAL_MAX : 0;

	for (uint64_t i = journal->n; i-- > oldest;)
		if (strcmp(journal->entry[i % JOURNAL_MAX].id, id) == 0)
			return entry_json(&journal->entry[i % JOURNAL_MAX]);
	return NULL;
}

json_t *journal_tail(const struct journal *journal, const char *origin, size_t n)
{
	uint64_t oldest = journal->n > JOURNAL_MAX ? journal->n - JOURNAL_MAX : 0;
	json_t *list = json_array();

	for (uint64_t i = journal->n; i-- > oldest && json_array_size(list) < n;) {
		const struct entry *entry = &journal->entry[i % JOURNAL_MAX];

		if (origin == NULL || strcmp(entry->origin, origin) == 0)
			json_array_insert_new(list, 0, entry_json(entry));
	}
	return list;
}
