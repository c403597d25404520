/* The file: a head; the regions' names, and when a measurement of each was imported last; the cells (key, when it was used, which
 * regions have a word, and the words); metros that the geo database has in the wrong place; and a SipHash of all that. Version 1 has
 * neither imports nor metros. Little-endian, as the machines are that this runs on; a file of another kind has another mark. */
#include <stddef.h>
#include <string.h>

#include "geo/latency_map.h"

enum { FILE_VERSION = 2, FILE_VERSION_LEAST = 1, METROS_PART = 4 /* of the first of several messages at most */ };

static const uint8_t seal_key[16] = "gslb latency map";

struct head {
	char mark[8]; /* "gslb-rtt" */
	uint32_t version, nregions;
	uint64_t ncells, saved_s;
};

static const char file_mark[8] = { 'g', 's', 'l', 'b', '-', 'r', 't', 't' };

struct metro_head {
	uint64_t key;
	uint32_t seen_s, moved_s;
	float latitude, longitude;
	uint32_t nnets, nregions; /* and then for each network its key, and a float for each region */
};

/* The map's columns from `first` on, so many. */
static void put_metro(const struct misplaced *metro, unsigned first, unsigned nregions, struct buf *bytes)
{
	const struct metro_head head = { .key = metro->key,
		.seen_s = metro->seen_s,
		.moved_s = metro->moved_s,
		.latitude = metro->latitude,
		.longitude = metro->longitude,
		.nnets = metro->nnets,
		.nregions = nregions };

	buf_add(bytes, &head, sizeof head);
	for (uint8_t net = 0; net < metro->nnets; net++) {
		buf_add(bytes, &metro->net[net], sizeof metro->net[net]);
		buf_add(bytes, metro->least_ms[net] + first, nregions * sizeof metro->least_ms[net][0]);
	}
}

/* How many, and they: as many as there is room for. */
static void put_misplaced(
	const struct latency_map *map, unsigned first, unsigned nregions, size_t bytes_max, struct buf *bytes)
{
	const size_t metro_bytes =
		sizeof(struct metro_head) + MISPLACED_NETS * (sizeof(uint64_t) + nregions * sizeof(float));
	uint64_t n = bytes_max / metro_bytes;

	if (n > map->misplaced.n)
		n = map->misplaced.n;
	buf_add(bytes, &n, sizeof n);
	for (uint64_t i = 0; i < n; i++)
		put_metro(&map->misplaced.metros[i], first, nregions, bytes);
}

static void put_head(uint32_t nregions, uint64_t ncells, uint64_t now_s, struct buf *bytes)
{
	struct head head = { .version = FILE_VERSION, .nregions = nregions, .ncells = ncells, .saved_s = now_s };

	memcpy(head.mark, file_mark, sizeof head.mark);
	buf_add(bytes, &head, sizeof head);
}

static void put_seal(struct buf *bytes)
{
	uint64_t seal = hash_sip(seal_key, bytes->text, bytes->len);

	buf_add(bytes, &seal, sizeof seal);
}

void latency_save(const struct latency_map *map, uint64_t now_s, struct buf *bytes)
{
	put_head(map->nregions, map->n, now_s, bytes);
	for (unsigned i = 0; i < map->nregions; i++) {
		buf_add(bytes, map->region[i], sizeof map->region[i]);
		buf_add(bytes, &map->vouched_s[i], sizeof map->vouched_s[i]);
	}
	for (size_t cell = 0; cell < map->n; cell++) {
		const uint64_t *stats = map->stats + cell * map->stride;
		uint32_t has = 0;

		for (unsigned region = 0; region < map->nregions; region++)
			has |= (uint32_t)(stats[region] != 0) << region;
		buf_add(bytes, &map->key[cell], sizeof map->key[cell]);
		buf_add(bytes, &map->used[cell], sizeof map->used[cell]);
		buf_add(bytes, &has, sizeof has);
		for (unsigned region = 0; region < map->nregions; region++)
			if (stats[region] != 0)
				buf_add(bytes, &stats[region], sizeof stats[region]);
	}
	put_misplaced(map, 0, map->nregions, SIZE_MAX, bytes);
	put_seal(bytes);
}

/* Room for one more cell with a word of one region, and the seal? */
static bool has_room(const struct buf *bytes, const struct buf *metros, size_t bytes_max)
{
	return bytes->len + metros->len + sizeof(uint64_t) + sizeof(uint16_t) + sizeof(uint32_t) +
		       2 * sizeof(uint64_t) <=
	       bytes_max;
}

size_t latency_save_some(const struct latency_map *map, unsigned region, size_t from, size_t bytes_max, uint64_t now_s,
	struct buf *bytes)
{
	const uint32_t has = 1;
	uint64_t ncells = 0;
	struct buf metros = { 0 };
	size_t cell = from;

	put_misplaced(map, region, 1, from == 0 ? bytes_max / METROS_PART : 0, &metros);
	put_head(1, 0, now_s, bytes);
	buf_add(bytes, map->region[region], sizeof map->region[region]);
	buf_add(bytes, &map->vouched_s[region], sizeof map->vouched_s[region]);
	for (; cell < map->n && has_room(bytes, &metros, bytes_max); cell++) {
		const uint64_t *word = &map->stats[cell * map->stride + region];

		if (*word == 0)
			continue;
		buf_add(bytes, &map->key[cell], sizeof map->key[cell]);
		buf_add(bytes, &map->used[cell], sizeof map->used[cell]);
		buf_add(bytes, &has, sizeof has);
		buf_add(bytes, word, sizeof *word);
		ncells++;
	}
	memcpy(bytes->text + offsetof(struct head, ncells), &ncells, sizeof ncells);
	buf_add(bytes, metros.text, metros.len);
	buf_fini(&metros);
	put_seal(bytes);
	return cell < map->n ? cell : 0;
}

/* What is still to be read. */
struct rest {
	const uint8_t *at;
	size_t len;
};

static bool take(struct rest *rest, void *to, size_t len)
{
	if (rest->len < len)
		return false;
	memcpy(to, rest->at, len);
	rest->at += len;
	rest->len -= len;
	return true;
}

static bool is_level(uint64_t key)
{
	return key >> 61 >= 1 && key >> 61 <= LATENCY_LEVELS;
}

/* What a file's regions are called here; -1: not wanted. */
struct columns {
	uint32_t n;
	int at[LATENCY_REGIONS_MAX];
};

/* Which regions are wanted: all, all but one, or one. */
struct wanted {
	const char *but, *only;
};

static bool is_wanted(const struct wanted *wanted, const char *region)
{
	return (wanted->but == NULL || strcmp(region, wanted->but) != 0) &&
	       (wanted->only == NULL || strcmp(region, wanted->only) == 0);
}

static bool take_regions(struct rest *rest, const struct head *head, const struct wanted *wanted,
	struct latency_map *map, struct columns *columns)
{
	columns->n = head->nregions;
	for (uint32_t i = 0; i < head->nregions; i++) {
		char name[LATENCY_REGION_LEN];

		uint64_t vouched_s = 0;
		int at;

		if (!take(rest, name, sizeof name) || memchr(name, '\0', sizeof name) == NULL ||
			(head->version >= 2 && !take(rest, &vouched_s, sizeof vouched_s)))
			return false;
		at = is_wanted(wanted, name) ? latency_region_add(map, name) : -1;
		if (at >= 0 && vouched_s > map->vouched_s[at])
			map->vouched_s[at] = vouched_s;
		columns->at[i] = at;
	}
	return true;
}

/* The word that was written last counts: a region's samples come from one place, which knows them all. */
static void take_word(
	struct latency_map *map, uint64_t key, unsigned used, unsigned region, uint64_t word, unsigned tick)
{
	ptrdiff_t found = latency_find(map, key);
	unsigned was_used = found == LATENCY_NO_CELL ? used : map->used[found];
	size_t cell = latency_put(map, key, latency_age(was_used, tick) < latency_age(used, tick) ? was_used : used);
	uint64_t *here = &map->stats[cell * map->stride + region];

	if (*here == 0 || latency_age(latency_unpack(word).tick, tick) <= latency_age(latency_unpack(*here).tick, tick))
		*here = word;
}

static bool take_cell(struct rest *rest, const struct columns *columns, struct latency_map *map, unsigned tick)
{
	uint64_t key, word;
	uint16_t used;
	uint32_t has;

	if (!take(rest, &key, sizeof key) || !take(rest, &used, sizeof used) || !take(rest, &has, sizeof has))
		return false;
	if (!is_level(key) || used >= TICKS || (uint64_t)has >> columns->n != 0)
		return false;
	for (uint32_t i = 0; i < columns->n; i++) {
		if (!(has >> i & 1))
			continue;
		if (!take(rest, &word, sizeof word))
			return false;
		if (columns->at[i] >= 0)
			take_word(map, key, used, (unsigned)columns->at[i], word, tick);
	}
	return true;
}

static bool is_metro_head(const struct metro_head *head, const struct columns *columns)
{
	return head->key >> 61 == LATENCY_METRO + 1 && head->nnets <= MISPLACED_NETS && head->nregions == columns->n &&
	       head->latitude >= -90 && head->latitude <= 90 && head->longitude >= -180 && head->longitude <= 180;
}

static bool take_metro(struct rest *rest, const struct columns *columns, struct latency_map *map)
{
	struct metro_head head;
	struct misplaced metro;

	if (!take(rest, &head, sizeof head) || !is_metro_head(&head, columns))
		return false;
	metro = (struct misplaced){ .key = head.key,
		.seen_s = head.seen_s,
		.moved_s = head.moved_s,
		.latitude = head.latitude,
		.longitude = head.longitude,
		.nnets = (uint8_t)head.nnets };
	for (uint32_t net = 0; net < head.nnets; net++) {
		if (!take(rest, &metro.net[net], sizeof metro.net[net]))
			return false;
		for (uint32_t i = 0; i < columns->n; i++) {
			float ms;

			if (!take(rest, &ms, sizeof ms) || !(ms >= 0 && ms < 1e6F))
				return false;
			if (columns->at[i] >= 0)
				metro.least_ms[net][columns->at[i]] = ms;
		}
	}
	misplaced_merge(&map->misplaced, &metro);
	return true;
}

static bool take_misplaced(struct rest *rest, const struct columns *columns, struct latency_map *map)
{
	uint64_t n;

	if (!take(rest, &n, sizeof n) || n > MISPLACED_MAX)
		return false;
	while (n > 0 && take_metro(rest, columns, map))
		n--;
	return n == 0;
}

static bool take_head(
	struct rest *rest, const void *bytes, size_t len, struct head *head, uint64_t now_s, struct err *err)
{
	uint64_t seal;

	if (len < sizeof *head + sizeof seal)
		return err_set(err, "is no latency map, or is cut short");
	*rest = (struct rest){ bytes, len - sizeof seal };
	memcpy(&seal, rest->at + rest->len, sizeof seal);
	take(rest, head, sizeof *head);
	if (memcmp(head->mark, file_mark, sizeof head->mark) != 0)
		return err_set(err, "is no latency map");
	if (head->version < FILE_VERSION_LEAST || head->version > FILE_VERSION)
		return err_set(
			err, "is a latency map of version %u, and this program knows %d", head->version, FILE_VERSION);
	if (seal != hash_sip(seal_key, bytes, len - sizeof seal))
		return err_set(err, "is damaged: its checksum does not match");
	if (head->nregions > LATENCY_REGIONS_MAX)
		return err_set(err, "has more than %d regions", LATENCY_REGIONS_MAX);
	if (now_s > head->saved_s && (now_s - head->saved_s) / TICK_S > TICKS_FORGOTTEN)
		return err_set(err, "is older than 20 days");
	return true;
}

static bool merge_wanted(struct latency_map *map, const void *bytes, size_t len, const struct wanted *wanted,
	uint64_t now_s, struct err *err)
{
	struct columns columns;
	struct rest rest = { 0 };
	struct head head;
	bool good;

	if (!take_head(&rest, bytes, len, &head, now_s, err))
		return false;
	good = take_regions(&rest, &head, wanted, map, &columns);
	for (uint64_t i = 0; i < head.ncells && good; i++)
		good = take_cell(&rest, &columns, map, latency_tick(now_s));
	good = good && (head.version < 2 || take_misplaced(&rest, &columns, map));
	return (good && rest.len == 0) || err_set(err, "is damaged inside");
}

bool latency_merge(
	struct latency_map *map, const void *bytes, size_t len, const char *but, uint64_t now_s, struct err *err)
{
	return merge_wanted(map, bytes, len, &(struct wanted){ .but = but }, now_s, err);
}

bool latency_merge_one(
	struct latency_map *map, const void *bytes, size_t len, const char *region, uint64_t now_s, struct err *err)
{
	return merge_wanted(map, bytes, len, &(struct wanted){ .only = region }, now_s, err);
}

bool latency_restore(struct latency_map *map, const void *bytes, size_t len, uint64_t now_s, struct err *err)
{
	struct latency_map *read = latency_map_new(map->bytes_max), before = *map;

	if (!latency_merge(read, bytes, len, NULL, now_s, err)) {
		latency_map_free(read);
		return false;
	}
	latency_sweep(read, now_s);
	*map = *read;
	*read = before;
	latency_map_free(read);
	return true;
}
