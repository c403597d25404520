/* A load decays as e^-(rate/burst)t: who sends at exactly the rate has a load that settles at the burst, which is the limit.
 *
 * A load is not stored as a number, which would have to be decayed before it can be compared, but as the time at which it will
 * have decayed to nothing ("nothing" is 2^-22 of the limit, the floor). That time stands still while the load decays. With
 * time counted in e-folds, a load of e^x floors ends x from now; it is at its limit when x is HEIGHT = ln 2^22; and an answer
 * whose price is e^c floors moves the end
 *     from now + x to now + ln(e^x + e^c), which is now + x + softplus(c - x), softplus(y) = ln(1 + e^y).
 * So one table of softplus serves all prefixes, prices and times, an update is a lookup and an addition, and of two items the
 * one that ends first has the smaller load, whatever their limits are.
 *
 * An item is one word: the end in the upper 48 bits (in 2^-27 e-folds, which wrap after two million of them), a keyed id in the
 * lower 16. A key has two lines of eight items to be in (two choices spread keys far more evenly than one). A new key takes the
 * place of the item with the smallest load there, and takes on its load (Metwally's space-saving): so a flood of forged
 * sources cannot wash a loud one out of the table, and a newcomer starts too high only by what the quietest of sixteen has.
 *
 * A prefix over its limit stops the answer, and none of the source's prefixes is charged: a loud host fills its own load to
 * the limit, and its network's by no more than that host may have. */
#include "gslb/rrl.h"

#include <assert.h>
#include <endian.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { EFOLD_BITS = 27, ID_BITS = 16, LINE_ITEMS = 8, LINE_LEN = 64, FLOOR_BITS = 22 };
enum { BIN_BITS = 21, BINS_AN_EFOLD = 1 << (EFOLD_BITS - BIN_BITS) };
enum { SOFT_LEAST = -20, SOFT_MOST = 8, NBINS = (SOFT_MOST - SOFT_LEAST) * BINS_AN_EFOLD };
enum { HUGE_PAGE_LEN = 2 << 20, SCALE_BITS = 16 };

static const int64_t efold = 1 << EFOLD_BITS;
static const uint64_t highest = (uint64_t)32
				<< EFOLD_BITS; /* no end is as far away: HEIGHT is 15.25, and ln 2 may be added */

/* The networks that are counted, and how many addresses' worth each gets. */
static const struct ladder {
	unsigned n;
	struct {
		uint8_t bits;
		uint16_t times;
	} step[RRL_PREFIXES_MAX];
} ladders[2] = {
	{ 4, { { 32, 1 }, { 24, 32 }, { 20, 256 }, { 18, 768 } } },
	{ 5, { { 128, 1 }, { 64, 2 }, { 56, 3 }, { 48, 4 }, { 32, 64 } } },
};
static const double weights[RRL_WEIGHTS] = { 1, 10 };

/* A network of a source: what its loads are keyed and counted with. */
struct rung {
	uint64_t key;
	unsigned shift; /* over what of an address's first 64 bits lies past the prefix; 64: the whole of IPv6 */
	int64_t price[RRL_WEIGHTS]; /* c */
};

struct rrl {
	int64_t limit;       /* HEIGHT */
	uint64_t units_a_ms; /* time, scaled by SCALE_BITS */
	uint64_t line_mask;  /* of a hash: the offset of a line */
	uint8_t *table;      /* lines of LINE_ITEMS atomic words */
	struct rung rung[2][RRL_PREFIXES_MAX];
	uint32_t soft[NBINS];
};

/* ---- making ---- */

static void fill_rungs(struct rrl *rrl, uint32_t burst, struct dice *dice)
{
	for (unsigned family = 0; family < 2; family++)
		for (unsigned i = 0; i < ladders[family].n; i++) {
			double limit = (double)burst * ladders[family].step[i].times;
			struct rung *rung = &rrl->rung[family][i];

			rung->key = dice_next(dice);
			rung->shift = 64u - ladders[family].step[i].bits % 128u;
			for (unsigned w = 0; w < RRL_WEIGHTS; w++) {
				double share = weights[w] < limit ? weights[w] / limit : 1;

				rung->price[w] = (int64_t)((log(share) + FLOOR_BITS * log(2)) * (double)efold);
			}
		}
}

/* Each bin holds the value in its middle, at least one unit: an answer is never free. */
static void fill_soft(struct rrl *rrl)
{
	for (int i = 0; i < NBINS; i++) {
		double units = log1p(exp(SOFT_LEAST + (i + 0.5) / BINS_AN_EFOLD)) * (double)efold;

		rrl->soft[i] = units < 1 ? 1 : (uint32_t)(units + 0.5);
	}
}

struct rrl *rrl_new(uint32_t rate, uint32_t burst, size_t table_len, struct dice *dice)
{
	struct rrl *rrl = mem_alloc(sizeof *rrl);
	size_t align = table_len < HUGE_PAGE_LEN ? LINE_LEN : HUGE_PAGE_LEN;

	assert(rate > 0 && rate <= RRL_RATE_MAX && burst > 0 && burst <= RRL_BURST_MAX);
	assert(table_len >= 2 * LINE_LEN && (table_len & (table_len - 1)) == 0);
	rrl->limit = (int64_t)(FLOOR_BITS * log(2) * (double)efold);
	rrl->units_a_ms = (uint64_t)((double)efold * rate / burst / 1000 * (1 << SCALE_BITS));
	rrl->line_mask = table_len - LINE_LEN;
	rrl->table = aligned_alloc(align, table_len);
	if (rrl->table == NULL)
		abort();
	madvise(rrl->table, table_len, MADV_HUGEPAGE); /* a wish: lookups are all over it */
	memset(rrl->table, 0, table_len);
	fill_rungs(rrl, burst, dice);
	fill_soft(rrl);
	return rrl;
}

void rrl_free(struct rrl *rrl)
{
	if (rrl == NULL)
		return;
	free(rrl->table);
	free(rrl);
}

/* ---- where ---- */

static uint64_t load64(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
	return be64toh(word);
}

static _Atomic uint64_t *line_of(const struct rrl *rrl, uint64_t hash, unsigned choice)
{
	return (_Atomic uint64_t *)(rrl->table + (hash >> 24 * choice & rrl->line_mask));
}

static uint64_t look_up(const struct rrl *rrl, uint64_t hash)
{
	__builtin_prefetch(line_of(rrl, hash, 0), 1);
	__builtin_prefetch(line_of(rrl, hash, 1), 1);
	return hash;
}

/* Of IPv6 all but the whole address lie in its first half. */
void rrl_look(const struct rrl *rrl, const struct addr *source, struct rrl_keys *keys)
{
	uint64_t high = load64(source->bytes);
	const struct rung *rung;

	keys->v6 = source->family == ADDR_V6;
	if (!keys->v6) {
		rung = rrl->rung[0];
		keys->n = 4;
		for (unsigned i = 0; i < 4; i++)
			keys->hash[i] = look_up(rrl, hash_mix(rung[i].key, high >> rung[i].shift));
		return;
	}
	rung = rrl->rung[1];
	keys->n = RRL_PREFIXES_MAX;
	keys->hash[0] = look_up(rrl, hash_mix(hash_mix(rung[0].key, high), load64(source->bytes + 8)));
	for (unsigned i = 1; i < RRL_PREFIXES_MAX; i++)
		keys->hash[i] = look_up(rrl, hash_mix(rung[i].key, high >> rung[i].shift));
}

/* ---- how much ---- */

/* How far away an item's end is: its load, in the logarithm. Ends that have passed are 0; so is what cannot be, an item that
 * lay untouched until the time wrapped: taken without a sign, both are out of reach. */
static int64_t height(uint64_t word, uint64_t now)
{
	uint64_t away = ((word >> ID_BITS) - now) << ID_BITS >> ID_BITS;

	return away <= highest ? (int64_t)away : 0;
}

static int64_t softplus(const struct rrl *rrl, int64_t y)
{
	uint64_t from_least = (uint64_t)(y - SOFT_LEAST * efold);

	if (from_least < (uint64_t)((SOFT_MOST - SOFT_LEAST) * efold))
		return rrl->soft[from_least >> BIN_BITS];
	return y > 0 ? y : 1;
}

static _Atomic uint64_t *find_id(_Atomic uint64_t *line, uint16_t id)
{
	for (_Atomic uint64_t *item = line; item < line + LINE_ITEMS; item++)
		if ((uint16_t)atomic_load_explicit(item, memory_order_relaxed) == id)
			return item;
	return NULL;
}

/* The item with the smallest load of the key's two lines. */
__attribute__((noinline)) static _Atomic uint64_t *find_least(const struct rrl *rrl, uint64_t hash, uint64_t now)
{
	_Atomic uint64_t *least = NULL;
	int64_t x = INT64_MAX;

	for (unsigned choice = 0; choice < 2; choice++)
		for (unsigned i = 0; i < LINE_ITEMS; i++) {
			_Atomic uint64_t *item = line_of(rrl, hash, choice) + i;
			int64_t one = height(atomic_load_explicit(item, memory_order_relaxed), now);

			if (one < x) {
				x = one;
				least = item;
			}
		}
	return least;
}

/* The key's item, or the one that it takes the place of; not the first of its first line. */
__attribute__((noinline)) static _Atomic uint64_t *find_further(const struct rrl *rrl, uint64_t hash, uint64_t now)
{
	_Atomic uint64_t *item = find_id(line_of(rrl, hash, 0), (uint16_t)(hash >> 48));

	if (item == NULL)
		item = find_id(line_of(rrl, hash, 1), (uint16_t)(hash >> 48));
	return item != NULL ? item : find_least(rrl, hash, now);
}

static inline _Atomic uint64_t *find_item(const struct rrl *rrl, uint64_t hash, uint64_t now)
{
	_Atomic uint64_t *first = line_of(rrl, hash, 0);

	/* nearly always it is there where it was put into an empty line */
	if (LIKELY((uint16_t)atomic_load_explicit(first, memory_order_relaxed) == hash >> 48))
		return first;
	return find_further(rrl, hash, now);
}

/* With n a constant the loops are laid out flat, and the heights stay in registers. */
static inline __attribute__((always_inline)) bool take(
	const struct rrl *rrl, const struct rung *rung, const uint64_t *hash, unsigned n, unsigned weight, uint64_t now)
{
	_Atomic uint64_t *item[RRL_PREFIXES_MAX];
	int64_t x[RRL_PREFIXES_MAX];

#pragma GCC unroll 5
	for (unsigned i = 0; i < n; i++) {
		item[i] = find_item(rrl, hash[i], now);
		x[i] = height(atomic_load_explicit(item[i], memory_order_relaxed), now);
		if (UNLIKELY(x[i] >= rrl->limit))
			return false;
	}
#pragma GCC unroll 5
	for (unsigned i = 0; i < n; i++) {
		uint64_t end = now + (uint64_t)(x[i] + softplus(rrl, rung[i].price[weight] - x[i]));

		atomic_store_explicit(item[i], end << ID_BITS | hash[i] >> 48, memory_order_relaxed);
	}
	return true;
}

bool rrl_take(struct rrl *rrl, const struct rrl_keys *keys, enum rrl_weight weight, uint64_t now_monotonic_ms)
{
	uint64_t now = (uint64_t)(((unsigned __int128)now_monotonic_ms * rrl->units_a_ms) >> SCALE_BITS);

	if (keys->v6)
		return take(rrl, rrl->rung[1], keys->hash, RRL_PREFIXES_MAX, weight, now);
	return take(rrl, rrl->rung[0], keys->hash, RRL_PREFIXES_MAX - 1, weight, now);
}
