/* The format: https://maxmind.github.io/MaxMind-DB/ */
#include "tests/geo/mmdb_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	POINTER = 1,
	STRING = 2,
	DOUBLE = 3,
	UINT16 = 5,
	UINT32 = 6,
	MAP = 7,
	INT32 = 8,
	UINT64 = 9,
	ARRAY = 11,
	FLOAT = 15
};

static const uint64_t node_mark = (uint64_t)1 << 62, record_mark = (uint64_t)2 << 62;

/* ---- data ---- */

static void put_byte(struct buf *out, unsigned byte)
{
	uint8_t b = (uint8_t)byte;

	buf_add(out, &b, 1);
}

static void put_number(struct buf *out, uint64_t number, unsigned nbytes)
{
	while (nbytes-- > 0)
		put_byte(out, (unsigned)(number >> 8 * nbytes) & 0xff);
}

static void put_head(struct buf *out, unsigned type, size_t size)
{
	unsigned kept = size < 29 ? (unsigned)size : size < 285 ? 29 : 30;

	put_byte(out, (type > 7 ? 0 : type) << 5 | kept);
	if (type > 7)
		put_byte(out, type - 7);
	if (kept == 29)
		put_number(out, size - 29, 1);
	else if (kept == 30)
		put_number(out, size - 285, 2);
}

static void put_string(struct buf *out, const char *text, size_t len)
{
	put_head(out, STRING, len);
	buf_add(out, text, len);
}

static void put_uint(struct buf *out, unsigned type, uint64_t number)
{
	unsigned nbytes = 0;

	while (nbytes < 8 && number >> 8 * nbytes != 0)
		nbytes++;
	put_head(out, type, nbytes);
	put_number(out, number, nbytes);
}

static void put_real(struct buf *out, double number, bool single)
{
	float f = (float)number;
	uint64_t word = 0;

	if (single) {
		uint32_t half;

		memcpy(&half, &f, 4);
		word = half;
	} else {
		memcpy(&word, &number, 8);
	}
	put_head(out, single ? FLOAT : DOUBLE, single ? 4 : 8);
	put_number(out, word, single ? 4 : 8);
}

static void skip_blank(const char **at)
{
	while (**at == ' ' || **at == ',' || **at == ':')
		(*at)++;
}

static void put_quoted(struct buf *out, const char **at)
{
	char quote = *(*at)++;
	const char *end = strchr(*at, quote);

	if (end == NULL)
		abort();
	put_string(out, *at, (size_t)(end - *at));
	*at = end + 1;
}

static void put_numeral(struct buf *out, const char **at)
{
	char *end;
	double number = strtod(*at, &end);
	bool real = memchr(*at, '.', (size_t)(end - *at)) != NULL;

	if (end == *at)
		abort();
	if (real)
		put_real(out, number, *end == 'f');
	else if (number < 0)
		put_uint(out, INT32, (uint32_t)(int32_t)number);
	else
		put_uint(out, UINT32, (uint64_t)number);
	*at = end + (real && *end == 'f');
}

static void put_value(struct mmdb_write *w, struct buf *out, const char **at);

static void put_container(struct mmdb_write *w, struct buf *out, const char **at, bool map)
{
	struct buf inside = { 0 };
	size_t n = 0;

	for ((*at)++, skip_blank(at); **at != (map ? '}' : ']'); skip_blank(at), n++)
		put_value(w, &inside, at);
	(*at)++;
	put_head(out, map ? MAP : ARRAY, map ? n / 2 : n);
	if (inside.len > 0)
		buf_add(out, inside.text, inside.len);
	buf_fini(&inside);
}

static void put_pointer(struct mmdb_write *w, struct buf *out, const char **at)
{
	struct buf target = { 0 };
	size_t offset;

	(*at)++;
	put_value(w, &target, at);
	offset = w->data.len;
	buf_add(&w->data, target.text, target.len);
	buf_fini(&target);
	put_byte(out, POINTER << 5 | 3 << 3);
	put_number(out, offset, 4);
}

static void put_value(struct mmdb_write *w, struct buf *out, const char **at)
{
	skip_blank(at);
	if (**at == '{' || **at == '[')
		put_container(w, out, at, **at == '{');
	else if (**at == '\'' || **at == '"')
		put_quoted(out, at);
	else if (**at == '^')
		put_pointer(w, out, at);
	else
		put_numeral(out, at);
}

uint32_t mmdb_write_record(struct mmdb_write *w, const char *json)
{
	struct buf record = { 0 };
	uint32_t offset;

	put_value(w, &record, &json);
	offset = (uint32_t)w->data.len;
	buf_add(&w->data, record.text, record.len);
	buf_fini(&record);
	return offset;
}

/* ---- the tree ---- */

static size_t new_node(struct mmdb_write *w, uint64_t both)
{
	w->nodes = mem_grow(w->nodes, w->nnodes, &w->cap, sizeof *w->nodes);
	w->nodes[w->nnodes][0] = w->nodes[w->nnodes][1] = both;
	return w->nnodes++;
}

void mmdb_write_init(struct mmdb_write *w, unsigned ip_version, unsigned record_bits, const char *type)
{
	*w = (struct mmdb_write){ .ip_version = ip_version, .record_bits = record_bits, .type = type };
	new_node(w, MMDB_WRITE_EMPTY);
}

void mmdb_write_fini(struct mmdb_write *w)
{
	free(w->nodes);
	buf_fini(&w->data);
}

static void set_at(struct mmdb_write *w, const uint8_t bytes[static 16], unsigned len, uint64_t value)
{
	size_t node = 0;

	if (len == 0) {
		w->nodes[0][0] = w->nodes[0][1] = value;
		return;
	}
	for (unsigned bit = 0;; bit++) {
		unsigned side = bytes[bit / 8] >> (7 - bit % 8) & 1;
		uint64_t next = w->nodes[node][side];

		if (bit + 1 == len) {
			w->nodes[node][side] = value;
			return;
		}
		if ((next & node_mark) == 0) { /* a leaf or nothing: both halves of it begin as it was */
			next = node_mark | new_node(w, next);
			w->nodes[node][side] = next;
		}
		node = (size_t)(next & ~node_mark);
	}
}

static void set_prefix(struct mmdb_write *w, const struct prefix *prefix, uint64_t value)
{
	uint8_t bytes[16] = { 0 };
	unsigned len = prefix->len;

	if (prefix->addr.family == ADDR_V4 && w->ip_version == 6) {
		memcpy(bytes + 12, prefix->addr.bytes, 4);
		len += 96;
	} else {
		memcpy(bytes, prefix->addr.bytes, 16);
	}
	set_at(w, bytes, len, value);
}

void mmdb_write_insert(struct mmdb_write *w, const struct prefix *prefix, uint32_t record)
{
	set_prefix(w, prefix, record_mark | record);
}

void mmdb_write_put(struct mmdb_write *w, const char *prefix, const char *json)
{
	struct prefix parsed;

	if (!prefix_parse(prefix, &parsed))
		abort();
	mmdb_write_insert(w, &parsed, mmdb_write_record(w, json));
}

void mmdb_write_alias(struct mmdb_write *w, const char *prefix)
{
	struct prefix parsed;
	uint64_t next = node_mark;

	for (unsigned bit = 0; bit < 96; bit++) {
		next = w->nodes[next & ~node_mark][0];
		if ((next & node_mark) == 0)
			abort(); /* no IPv4 yet */
	}
	if (!prefix_parse(prefix, &parsed))
		abort();
	set_prefix(w, &parsed, next);
}

/* ---- the file ---- */

static uint32_t record_number(const struct mmdb_write *w, uint64_t value)
{
	if (value & node_mark)
		return (uint32_t)value;
	if (value & record_mark)
		return (uint32_t)value + (uint32_t)w->nnodes + 16;
	return (uint32_t)w->nnodes;
}

static void put_node(const struct mmdb_write *w, struct buf *out, const uint64_t node[static 2])
{
	uint32_t left = record_number(w, node[0]), right = record_number(w, node[1]);

	if (w->record_bits == 28) {
		put_number(out, left & 0xffffff, 3);
		put_byte(out, left >> 24 << 4 | right >> 24);
		put_number(out, right & 0xffffff, 3);
	} else {
		put_number(out, left, w->record_bits / 8);
		put_number(out, right, w->record_bits / 8);
	}
}

static void put_key(struct buf *out, const char *key)
{
	put_string(out, key, strlen(key));
}

static void put_key_uint(struct buf *out, const char *key, unsigned type, uint64_t number)
{
	put_key(out, key);
	put_uint(out, type, number);
}

static void put_metadata(const struct mmdb_write *w, struct buf *out)
{
	struct mmdb_write scratch = { 0 };
	const char *extra = w->meta_extra;

	buf_add(out, "\xab\xcd\xefMaxMind.com", 14);
	put_head(out, MAP, extra != NULL ? 10 : 9);
	if (extra != NULL) {
		put_key(out, "extra");
		put_value(&scratch, out, &extra);
	}
	put_key_uint(out, "node_count", UINT32, w->nnodes);
	put_key_uint(out, "record_size", UINT16, w->record_bits);
	put_key_uint(out, "ip_version", UINT16, w->ip_version);
	put_key_uint(out, "binary_format_major_version", UINT16, 2);
	put_key_uint(out, "binary_format_minor_version", UINT16, 0);
	put_key_uint(out, "build_epoch", UINT64, 1780000000);
	put_key(out, "database_type");
	put_key(out, w->type);
	put_key(out, "languages");
	put_head(out, ARRAY, 1);
	put_key(out, "en");
	put_key(out, "description");
	put_head(out, MAP, 1);
	put_key(out, "en");
	put_key(out, "made by a test");
	buf_fini(&scratch.data);
}

void mmdb_write_bytes(const struct mmdb_write *w, struct buf *out)
{
	static const uint8_t separator[16];

	for (size_t i = 0; i < w->nnodes; i++)
		put_node(w, out, w->nodes[i]);
	buf_add(out, separator, sizeof separator);
	if (w->data.len > 0)
		buf_add(out, w->data.text, w->data.len);
	put_metadata(w, out);
}

const char *mmdb_write_memfd(const void *bytes, size_t len, int *fd, char path[static 64])
{
	*fd = memfd_create("test", MFD_CLOEXEC);
	if (*fd < 0 || !file_write_all(*fd, bytes, len))
		abort();
	snprintf(path, 64, "/proc/self/fd/%d", *fd);
	return path;
}

const char *mmdb_write_file(const struct mmdb_write *w, int *fd, char path[static 64])
{
	struct buf bytes = { 0 };

	mmdb_write_bytes(w, &bytes);
	mmdb_write_memfd(bytes.text, bytes.len, fd, path);
	buf_fini(&bytes);
	return path;
}
