#include "health/ballot.h"

#include <assert.h>

enum { FORMAT = 1, ABSTAINS = 1, SAYS = 3, LEANING = 4, SINCE = 8, KEPT = 16, FLAG_BITS = 5, ID_LEN = 6 };

/* ---- out ---- */

static void put(struct buf *buf, uint64_t number, unsigned nbytes)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < nbytes; i++)
		bytes[i] = (uint8_t)(number >> 8 * i);
	buf_add(buf, bytes, nbytes);
}

/* Seven bits a byte, the low ones first; all but the last byte have the top bit (LEB128). */
static void put_varint(struct buf *buf, uint64_t number)
{
	uint8_t bytes[10];
	unsigned n = 0;

	for (; number > 127; number >>= 7)
		bytes[n++] = (uint8_t)(number | 128);
	bytes[n++] = (uint8_t)number;
	buf_add(buf, bytes, n);
}

void ballot_begin(struct ballot_writer *writer, struct buf *buf, const struct ballot_head *head)
{
	put(buf, FORMAT, 1);
	put(buf, head->abstains ? ABSTAINS : 0, 1);
	put(buf, head->digest, 8);
	put(buf, head->from, ID_LEN);
	*writer = (struct ballot_writer){ .buf = buf, .to_at = buf->len };
	put(buf, head->to, ID_LEN);
}

void ballot_add(struct ballot_writer *writer, const struct ballot_entry *entry)
{
	uint64_t flags = (uint64_t)entry->says | (entry->leaning ? LEANING : 0) | (entry->since_s != 0 ? SINCE : 0) |
			 (entry->kept != HEALTH_UNKNOWN ? KEPT : 0);

	assert(entry->id >= writer->last && entry->id <= BALLOT_ID_MAX);
	put_varint(writer->buf, (entry->id - writer->last) << FLAG_BITS | flags);
	if (entry->since_s != 0)
		put_varint(writer->buf, entry->since_s);
	if (entry->kept != HEALTH_UNKNOWN)
		put_varint(writer->buf, (uint64_t)entry->kept_since_s << 2 | (entry->kept_unanimous ? 2 : 0) |
						(entry->kept == HEALTH_DOWN));
	writer->last = entry->id;
}

void ballot_end(struct ballot_writer *writer, uint64_t to)
{
	for (unsigned i = 0; i < ID_LEN; i++)
		writer->buf->text[writer->to_at + i] = (char)(to >> 8 * i);
}

/* ---- in ---- */

static uint64_t get(struct ballot_reader *reader, unsigned nbytes)
{
	uint64_t number = 0;

	if (reader->bad || (size_t)(reader->end - reader->at) < nbytes) {
		reader->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < nbytes; i++)
		number |= (uint64_t)*reader->at++ << 8 * i;
	return number;
}

static uint64_t get_varint(struct ballot_reader *reader)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 63; shift += 7) {
		uint64_t byte = get(reader, 1);

		number |= (byte & 127) << shift;
		if ((byte & 128) == 0)
			return number;
	}
	reader->bad = true;
	return 0;
}

static uint32_t get_seconds(struct ballot_reader *reader, uint64_t number)
{
	reader->bad |= number > UINT32_MAX;
	return (uint32_t)number;
}

bool ballot_open(struct ballot_reader *reader, const void *body, size_t len, struct ballot_head *head)
{
	*reader = (struct ballot_reader){ .at = body, .end = (const uint8_t *)body + len, .first = true };
	*head = (struct ballot_head){ 0 };
	if (get(reader, 1) != FORMAT)
		return false;
	head->abstains = (get(reader, 1) & ABSTAINS) != 0;
	head->digest = get(reader, 8);
	head->from = get(reader, ID_LEN);
	head->to = get(reader, ID_LEN);
	return !reader->bad;
}

bool ballot_next(struct ballot_reader *reader, struct ballot_entry *entry)
{
	uint64_t word, kept;

	*entry = (struct ballot_entry){ 0 };
	if (reader->bad || reader->at == reader->end)
		return false;
	word = get_varint(reader);
	entry->id = reader->last + (word >> FLAG_BITS);
	reader->bad |=
		(word & SAYS) > VOTE_DOWN || entry->id > BALLOT_ID_MAX || (!reader->first && entry->id == reader->last);
	entry->says = (enum vote_says)(word & SAYS);
	entry->leaning = (word & LEANING) != 0;
	if ((word & SINCE) != 0)
		entry->since_s = get_seconds(reader, get_varint(reader));
	if ((word & KEPT) != 0) {
		kept = get_varint(reader);
		entry->kept_unanimous = (kept & 2) != 0;
		entry->kept = (kept & 1) != 0 ? HEALTH_DOWN : HEALTH_UP;
		entry->kept_since_s = get_seconds(reader, kept >> 2);
	}
	reader->last = entry->id;
	reader->first = false;
	return !reader->bad;
}
