#include "gslb/slots.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Open addressing over identities, which are hashes already. An entry without a slot is a kept verdict waiting for one. */
struct entry {
	uint64_t identity;
	uint32_t slot;       /* NO_SLOT: only kept */
	uint32_t last_round; /* when it was taken last */
	struct verdict kept;
	uint32_t kept_last_s; /* of the kept verdict's last result, until the board has one */
	bool used;
};

enum { NO_SLOT = 0xffffffff };

struct slots {
	struct board *board;
	struct entry *entries;
	size_t nentries, cap; /* cap is a power of two */
	uint32_t next, round;
	uint32_t *free; /* slots given back */
	size_t nfree, free_cap;
	uint16_t *generation; /* by slot, as large as `next` needs */
	size_t generation_cap;
};

struct slots *slots_new(struct board *board)
{
	struct slots *slots = mem_alloc(sizeof *slots);

	slots->board = board;
	slots->cap = 1024;
	slots->entries = mem_alloc(slots->cap * sizeof *slots->entries);
	slots->round = 1;
	return slots;
}

void slots_free(struct slots *slots)
{
	if (slots == NULL)
		return;
	free(slots->entries);
	free(slots->free);
	free(slots->generation);
	free(slots);
}

static struct entry *place_of(struct entry *entries, size_t cap, uint64_t identity)
{
	size_t i = hash_mix(identity, 1) & (cap - 1);

	while (entries[i].used && entries[i].identity != identity)
		i = (i + 1) & (cap - 1);
	return &entries[i];
}

/* Move the entries that stay into a table that has room. */
static void rebuild(struct slots *slots, size_t cap, bool (*stays)(const struct slots *, const struct entry *))
{
	struct entry *fresh = mem_alloc(cap * sizeof *fresh);

	slots->nentries = 0;
	for (size_t i = 0; i < slots->cap; i++) {
		const struct entry *entry = &slots->entries[i];

		if (!entry->used || (stays != NULL && !stays(slots, entry)))
			continue;
		*place_of(fresh, cap, entry->identity) = *entry;
		slots->nentries++;
	}
	free(slots->entries);
	slots->entries = fresh;
	slots->cap = cap;
}

static struct entry *entry_for(struct slots *slots, uint64_t identity)
{
	struct entry *entry;

	if (slots->nentries * 2 >= slots->cap)
		rebuild(slots, slots->cap * 2, NULL);
	entry = place_of(slots->entries, slots->cap, identity);
	if (!entry->used) {
		*entry = (struct entry){ .identity = identity, .slot = NO_SLOT, .used = true };
		slots->nentries++;
	}
	return entry;
}

static bool assign(struct slots *slots, struct entry *entry)
{
	struct verdict first = entry->kept;

	if (slots->nfree > 0) {
		entry->slot = slots->free[--slots->nfree];
	} else {
		if (slots->next == board_nslots(slots->board))
			return false;
		slots->generation =
			mem_grow(slots->generation, slots->next, &slots->generation_cap, sizeof *slots->generation);
		slots->generation[slots->next] = 0;
		entry->slot = slots->next++;
	}
	first.generation = ++slots->generation[entry->slot];
	return board_put(slots->board, entry->slot, &first);
}

bool slots_take(struct slots *slots, uint64_t identity, uint32_t *slot, uint16_t *generation)
{
	struct entry *entry = entry_for(slots, identity);

	entry->last_round = slots->round;
	if (entry->slot == NO_SLOT && !assign(slots, entry))
		return false;
	*slot = entry->slot;
	*generation = slots->generation[entry->slot];
	return true;
}

bool slots_known(const struct slots *slots, uint64_t identity, uint32_t *slot, uint16_t *generation)
{
	const struct entry *entry = place_of(slots->entries, slots->cap, identity);

	if (!entry->used || entry->slot == NO_SLOT)
		return false;
	*slot = entry->slot;
	*generation = slots->generation[entry->slot];
	return true;
}

static struct verdict verdict_of(const struct slots *slots, const struct entry *entry)
{
	return board_read(
		board_slots(slots->board), board_nslots(slots->board), entry->slot, slots->generation[entry->slot]);
}

/* Kept verdicts that nothing asked for stay for one more sweep: a zone may be refused at start and mended a little later. */
static bool stays(const struct slots *slots, const struct entry *entry)
{
	return entry->last_round == slots->round || (entry->slot == NO_SLOT && entry->last_round + 100 > slots->round);
}

void slots_sweep(struct slots *slots)
{
	for (size_t i = 0; i < slots->cap; i++) {
		struct entry *entry = &slots->entries[i];

		if (!entry->used || stays(slots, entry) || entry->slot == NO_SLOT)
			continue;
		slots->free = mem_grow(slots->free, slots->nfree, &slots->free_cap, sizeof *slots->free);
		slots->free[slots->nfree++] = entry->slot;
	}
	rebuild(slots, slots->cap, stays);
	slots->round++;
}

void slots_keep(struct slots *slots, uint64_t identity, const struct verdict *verdict, uint32_t last_s)
{
	struct entry *entry = entry_for(slots, identity);

	entry->kept = *verdict;
	entry->kept_last_s = last_s;
	entry->last_round = slots->round;
}

static const char heading[] = "gslb-verdicts 1";

void slots_print(const struct slots *slots, uint64_t now_ms, struct buf *text)
{
	const struct board_slot *board = board_slots(slots->board);

	buf_printf(text, "%s %" PRIu64 "\n# identity state recovered reason since last\n", heading, now_ms);
	for (size_t i = 0; i < slots->cap; i++) {
		const struct entry *entry = &slots->entries[i];
		struct verdict verdict;
		uint32_t last_s;

		if (!entry->used)
			continue;
		verdict = entry->slot == NO_SLOT ? entry->kept : verdict_of(slots, entry);
		if (verdict.state == HEALTH_UNKNOWN)
			continue;
		/* a kept verdict that was not probed anew yet keeps its age over one more restart */
		last_s = entry->slot == NO_SLOT
				 ? 0
				 : atomic_load_explicit(&board[entry->slot].last_s, memory_order_relaxed);
		if (last_s == 0)
			last_s = entry->kept_last_s;
		buf_printf(text, "%016" PRIx64 " %u %u %u %" PRIu32 " %" PRIu32 "\n", entry->identity, verdict.state,
			verdict.recovered, verdict.reason, verdict.since_s, last_s);
	}
}

static bool restore_line(struct slots *slots, const char *line, uint64_t now_ms, uint64_t max_age_ms)
{
	uint32_t since_s, last_s;
	unsigned state, recovered, reason;
	uint64_t identity;

	if (line[0] == '#')
		return true;
	if (sscanf(line, "%16" SCNx64 " %u %u %u %" SCNu32 " %" SCNu32, &identity, &state, &recovered, &reason,
		    &since_s, &last_s) != 6 ||
		state > HEALTH_DOWN)
		return false;
	if ((uint64_t)last_s * 1000 + max_age_ms >= now_ms)
		slots_keep(slots, identity,
			&(struct verdict){ .state = (enum health_state)state,
				.recovered = recovered != 0,
				.reason = (uint8_t)reason,
				.since_s = since_s },
			last_s);
	return true;
}

bool slots_restore(struct slots *slots, const char *path, uint64_t now_ms, uint64_t max_age_ms, struct err *err)
{
	char *text, *line, *rest;
	unsigned number = 1;
	size_t len;

	if (access(path, F_OK) != 0 && errno == ENOENT)
		return true;
	if (!file_read(path, 256u << 20, &text, &len, err))
		return false;
	rest = text;
	line = strsep(&rest, "\n");
	if (strncmp(line, heading, sizeof heading - 1) != 0) {
		err_set(err, "%s:1: not a checkpoint of this version: verdicts start as unknown", path);
		free(text);
		return false;
	}
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		number++;
		if (!restore_line(slots, line, now_ms, max_age_ms)) {
			err_set(err, "%s:%u: damaged: what came before it is kept", path, number);
			free(text);
			return false;
		}
	}
	free(text);
	return true;
}
