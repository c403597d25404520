/* Each group remembers in which slice of time it had its last success, and a ring counts the groups by that. Only groups that
 * do not fail stand in the ring: a group that begins to fail is taken out of it. */
#include "health/crowd.h"

#include <stdlib.h>

struct group {
	uint32_t up, failing;
	uint64_t slice; /* of its last success; 0: not in the ring */
};

struct crowd {
	uint32_t ngroups, failing;
	uint64_t slice; /* the newest */
	uint32_t seen[CROWD_SLICES];
	struct group groups[];
};

struct crowd *crowd_new(uint32_t ngroups)
{
	struct crowd *crowd = mem_alloc(sizeof *crowd + ngroups * sizeof crowd->groups[0]);

	crowd->ngroups = ngroups;
	return crowd;
}

void crowd_free(struct crowd *crowd)
{
	free(crowd);
}

static bool group_fails(const struct group *group)
{
	return group->up > 0 && (uint64_t)group->failing * 2 > group->up;
}

static void forget_success(struct crowd *crowd, struct group *group)
{
	if (group->slice != 0 && group->slice + CROWD_SLICES > crowd->slice)
		crowd->seen[group->slice % CROWD_SLICES]--;
	group->slice = 0;
}

static void note_success(struct crowd *crowd, struct group *group, uint64_t at_ms)
{
	uint64_t slice = at_ms / CROWD_SLICE_MS + 1; /* 0 stands for none */

	if (slice <= group->slice || slice + CROWD_SLICES <= crowd->slice)
		return;
	if (slice > crowd->slice + CROWD_SLICES)
		crowd->slice = slice - CROWD_SLICES;
	while (crowd->slice < slice)
		crowd->seen[++crowd->slice % CROWD_SLICES] = 0;
	forget_success(crowd, group);
	group->slice = slice;
	crowd->seen[slice % CROWD_SLICES]++;
}

/* Count the member as this from now on. */
static void count(struct crowd *crowd, struct crowd_member *member, bool up, bool failing)
{
	struct group *group = &crowd->groups[member->group];
	bool failed = group_fails(group);

	group->up += (uint32_t)up - (uint32_t)member->up;
	group->failing += (uint32_t)failing - (uint32_t)member->failing;
	member->up = up;
	member->failing = failing;
	crowd->failing += (uint32_t)group_fails(group) - (uint32_t)failed;
	if (group_fails(group))
		forget_success(crowd, group);
}

void crowd_join(struct crowd *crowd, struct crowd_member *member, uint32_t group, bool up)
{
	bool failing = up && member->failing;

	member->group = group < crowd->ngroups ? group : CROWD_ALONE;
	member->up = member->failing = false;
	if (member->group == CROWD_ALONE)
		return;
	count(crowd, member, up, failing);
	if (member->ok_ms != 0 && !group_fails(&crowd->groups[member->group]))
		note_success(crowd, &crowd->groups[member->group], member->ok_ms);
}

void crowd_leave(struct crowd *crowd, struct crowd_member *member)
{
	if (member->group != CROWD_ALONE)
		count(crowd, member, false, false);
	member->group = CROWD_ALONE;
}

void crowd_result(struct crowd *crowd, struct crowd_member *member, bool up, bool ok, uint64_t now_ms)
{
	struct group *group;

	if (member->group == CROWD_ALONE)
		return;
	group = &crowd->groups[member->group];
	count(crowd, member, up, up && !ok);
	if (ok)
		member->ok_ms = now_ms;
	if (ok && !group_fails(group))
		note_success(crowd, group, now_ms);
}

uint32_t crowd_failing(const struct crowd *crowd)
{
	return crowd->failing;
}

uint32_t crowd_seen_since(const struct crowd *crowd, uint64_t since_ms)
{
	uint64_t first = since_ms / CROWD_SLICE_MS + 1;
	uint32_t n = 0;

	if (first + CROWD_SLICES <= crowd->slice)
		first = crowd->slice - CROWD_SLICES + 1;
	for (uint64_t slice = first; slice <= crowd->slice; slice++)
		n += crowd->seen[slice % CROWD_SLICES];
	return n;
}
