/* Chunks double up to 4 MiB, two huge pages; what is larger than a quarter of a chunk gets one of its own, so that little is wasted. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { CHUNK_FIRST = 4096, CHUNK_LARGEST = 4 << 20 };

struct chunk {
	struct chunk *next;
	alignas(max_align_t) uint8_t bytes[];
};

struct arena {
	struct chunk *chunks;
	uint8_t *at, *end;
	size_t chunk_len, used;
};

struct arena *arena_new(void)
{
	struct arena *arena = mem_alloc(sizeof *arena);

	arena->chunk_len = CHUNK_FIRST;
	return arena;
}

void arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	for (struct chunk *c = arena->chunks, *next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	free(arena);
}

static uint8_t *chunk_add(struct arena *arena, size_t len)
{
	struct chunk *chunk = mem_alloc(sizeof *chunk + len);

	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->used += sizeof *chunk + len;
	return chunk->bytes;
}

void *arena_alloc(struct arena *arena, size_t len)
{
	size_t rounded = ((len > 0 ? len : 1) + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	uint8_t *taken;

	if (rounded > (size_t)(arena->end - arena->at)) {
		if (rounded > arena->chunk_len / 4)
			return chunk_add(arena, rounded);
		arena->at = chunk_add(arena, arena->chunk_len - sizeof(struct chunk));
		arena->end = arena->at + arena->chunk_len - sizeof(struct chunk);
		if (arena->chunk_len < CHUNK_LARGEST)
			arena->chunk_len *= 2;
	}
	taken = arena->at;
	arena->at += rounded;
	return taken;
}

void *arena_dup(struct arena *arena, const void *bytes, size_t len)
{
	void *copy = arena_alloc(arena, len);

	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return arena_dup(arena, text, strlen(text) + 1);
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}
