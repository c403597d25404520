/* The verdict board: an array of slots in a memfd, and statistics behind it. It is sealed against resizing before anyone else sees it, so that neither
 * side can make the other trip over a missing page; gslbd maps it read-only and presets slots through the descriptor. */
#include "health/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct board_slot) == 64, "the layout both programs agree on");

struct board {
	int fd;
	uint32_t nslots;
	const struct board_slot *slots;
};

enum { PAGE = 4096 };

static size_t whole_pages(size_t len)
{
	return (len + PAGE - 1) / PAGE * PAGE;
}

/* Slots, then on pages of their own the statistics. */
static size_t stats_at(uint32_t nslots)
{
	return whole_pages(nslots * sizeof(struct board_slot));
}

/* And then what the regions say of each slot. */
static size_t says_at(uint32_t nslots)
{
	return stats_at(nslots) + whole_pages(sizeof(struct board_stats));
}

static size_t board_len(uint32_t nslots)
{
	return says_at(nslots) + whole_pages(nslots * sizeof(uint64_t));
}

struct board *board_new(uint32_t nslots, struct err *err)
{
	int fd = memfd_create("gslb-board", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct board *board;
	void *slots;

	if (fd < 0) {
		err_set(err, "the verdict board cannot be made: %s", strerror(errno));
		return NULL;
	}
	if (ftruncate(fd, (off_t)board_len(nslots)) != 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0 ||
		(slots = mmap(NULL, board_len(nslots), PROT_READ, MAP_SHARED, fd, 0)) == MAP_FAILED) {
		err_set(err, "the verdict board of %u slots cannot be made: %s", nslots, strerror(errno));
		close(fd);
		return NULL;
	}
	board = mem_alloc(sizeof *board);
	*board = (struct board){ .fd = fd, .nslots = nslots, .slots = slots };
	return board;
}

void board_free(struct board *board)
{
	if (board == NULL)
		return;
	board_detach((struct board_slot *)(uintptr_t)board->slots, board->nslots);
	close(board->fd);
	free(board);
}

int board_fd(const struct board *board)
{
	return board->fd;
}

uint32_t board_nslots(const struct board *board)
{
	return board->nslots;
}

const struct board_slot *board_slots(const struct board *board)
{
	return board->slots;
}

const struct board_stats *board_stats(const struct board *board)
{
	return (const struct board_stats *)(const void *)((const char *)board->slots + stats_at(board->nslots));
}

const _Atomic uint64_t *board_says(const struct board *board)
{
	return (const _Atomic uint64_t *)(const void *)((const char *)board->slots + says_at(board->nslots));
}

bool board_put(struct board *board, uint32_t slot, const struct verdict *verdict)
{
	struct board_slot fresh = { .word = verdict_pack(verdict) };
	uint64_t says = 0; /* what was said of whoever had the slot before is not of this one */
	off_t at = (off_t)slot * (off_t)sizeof fresh, says_there = (off_t)(says_at(board->nslots) + slot * sizeof says);

	return slot < board->nslots && pwrite(board->fd, &says, sizeof says, says_there) == (ssize_t)sizeof says &&
	       pwrite(board->fd, &fresh, sizeof fresh, at) == (ssize_t)sizeof fresh;
}

struct board_slot *board_attach(int fd, uint32_t nslots, struct err *err)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *slots;

	if (seals < 0 || !(seals & F_SEAL_SHRINK)) {
		err_set(err, "the verdict board is not sealed against shrinking: it must be a memfd that "
			     "gslbd made");
		return NULL;
	}
	if (fstat(fd, &st) != 0 || (uint64_t)st.st_size < board_len(nslots)) {
		err_set(err, "the verdict board is too small for its %u slots", nslots);
		return NULL;
	}
	slots = mmap(NULL, board_len(nslots), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (slots == MAP_FAILED) {
		err_set(err, "the verdict board cannot be mapped: %s", strerror(errno));
		return NULL;
	}
	return slots;
}

void board_detach(struct board_slot *slots, uint32_t nslots)
{
	if (slots != NULL)
		munmap(slots, board_len(nslots));
}

struct board_stats *board_attached_stats(struct board_slot *slots, uint32_t nslots)
{
	return (struct board_stats *)(void *)((char *)slots + stats_at(nslots));
}

_Atomic uint64_t *board_attached_says(struct board_slot *slots, uint32_t nslots)
{
	return (_Atomic uint64_t *)(void *)((char *)slots + says_at(nslots));
}

/* ---- histograms ---- */

static const uint32_t bucket_us[BOARD_BUCKETS - 1] = { 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000,
	200000, 500000, 1000000, 2000000, 5000000, 10000000, 20000000, 50000000 };

uint64_t board_bucket_us(unsigned bucket)
{
	return bucket < COUNT_OF(bucket_us) ? bucket_us[bucket] : UINT64_MAX;
}

void board_histogram_add(struct board_histogram *histogram, uint64_t us)
{
	unsigned bucket = 0;

	while (bucket < COUNT_OF(bucket_us) && us > bucket_us[bucket])
		bucket++;
	board_count(&histogram->buckets[bucket]);
	board_count(&histogram->count);
	atomic_store_explicit(&histogram->sum_us, atomic_load_explicit(&histogram->sum_us, memory_order_relaxed) + us,
		memory_order_relaxed);
}
