/* What this host says of itself: all of it in parts, each of a range of endpoints, and what changed. */
#include "health/fleet_inner.h"

enum {
	SINCE_TOLD_S = 3600, /* an "up" that is older is told without since when */
	HEAD_LEN = 32,
	PART_MEMBERS = (STATE_BODY_MAX - HEAD_LEN) / BALLOT_ENTRY_MAX,
};

static struct ballot_head head_of(struct fleet *fleet)
{
	return (struct ballot_head){ .abstains = fleet->hosts[FLEET_OWN].abstains, .digest = fleet->digest };
}

/* Since when a "down" began decides in which order the budget takes pools; of an old "up" it decides nothing. */
static void forget_old_since(struct said *said, uint64_t wall_ms)
{
	if (said->says == VOTE_UP && said->since_s + (uint64_t)SINCE_TOLD_S < wall_ms / 1000)
		said->since_s = 0;
}

/* False: there is nothing to say of it. */
static bool entry_of(const struct member *member, struct ballot_entry *entry)
{
	const struct said *said = member_said(member, FLEET_OWN);

	*entry = (struct ballot_entry){ .id = member->id };
	if (said != NULL) {
		entry->says = (enum vote_says)said->says;
		entry->leaning = said->leaning;
		entry->since_s = said->says != VOTE_SILENT ? said->since_s : 0;
	}
	if (!member->decided && member->quorate) {
		entry->kept = member->state;
		entry->kept_unanimous = member->unanimous;
		entry->kept_since_s = member->since_s;
	}
	return entry->says != VOTE_SILENT || entry->kept != HEALTH_UNKNOWN;
}

static uint32_t members_a_part(const struct fleet *fleet)
{
	uint32_t most = (fleet->nmembers + STATE_PARTS_MAX - 1) / STATE_PARTS_MAX;

	return most > PART_MEMBERS ? most : PART_MEMBERS; /* entries are about half as long as they can be */
}

bool fleet_write(struct fleet *fleet, unsigned *part, unsigned *nparts, const struct fleet_now *now, struct buf *body)
{
	uint32_t step = members_a_part(fleet), first = *part * step, end = first + step;
	struct ballot_head head = head_of(fleet);
	struct ballot_writer writer;
	struct ballot_entry entry;

	*nparts = fleet->nmembers == 0 ? 1 : (fleet->nmembers + step - 1) / step;
	if (*part >= *nparts)
		return false;
	end = end < fleet->nmembers ? end : fleet->nmembers;
	head.from = first == 0 ? 0 : fleet->members[first].id;
	head.to = end == fleet->nmembers ? BALLOT_ID_MAX : fleet->members[end].id - 1;
	body->len = 0;
	ballot_begin(&writer, body, &head);
	for (uint32_t i = first; i < end; i++) {
		struct said *said = member_said(&fleet->members[i], FLEET_OWN);

		if (said != NULL)
			forget_old_since(said, now->wall_ms);
		if (entry_of(&fleet->members[i], &entry))
			ballot_add(&writer, &entry);
	}
	ballot_end(&writer, head.to);
	(*part)++;
	return true;
}

bool fleet_write_changes(struct fleet *fleet, struct buf *body)
{
	struct ballot_head head = head_of(fleet);
	struct ballot_writer writer;
	struct ballot_entry entry;
	unsigned n = 0;

	if (fleet->nchanged == 0 && !fleet->beacon)
		return false;
	fleet->beacon = false;
	head.from = 1; /* above `to`, which is 0 */
	body->len = 0;
	ballot_begin(&writer, body, &head);
	for (uint32_t i = 0; i < fleet->nmembers && fleet->nchanged > 0 && n < PART_MEMBERS; i++) {
		if (!fleet->members[i].changed)
			continue;
		fleet->members[i].changed = false;
		fleet->nchanged--;
		entry_of(&fleet->members[i], &entry);
		ballot_add(&writer, &entry);
		n++;
	}
	return true;
}

bool fleet_full_wanted(struct fleet *fleet)
{
	bool wanted = fleet->full_wanted;

	fleet->full_wanted = false;
	return wanted;
}
