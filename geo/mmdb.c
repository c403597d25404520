/* The file is copied into a memfd first: somebody may overwrite it while it is being read (cp instead of mv), and a mapped
 * file that shrinks is a SIGBUS. The copy is gone when reading ends.
 *
 * The tree is walked node by node with a stack of what is still to be seen, never more than one entry a bit; a node budget
 * ends a tree that leads back into itself. Records are decoded value by value in one pass, with libmaxminddb as the decoder of
 * a single value (a lookup path of no keys): its own lookups skip nested values by recursion without a limit. */
#include "geo/mmdb.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "geo/fields.h"
#include "geo/guard.h"
#include "geo/layer.h"

enum { NESTING_MAX = 4, STEPS_PER_BYTE = 8 };

struct mmdb {
	char *path;
	MMDB_s lib;
};

/* ---- open ---- */

static bool copy_file(int from, int to, size_t len)
{
	while (len > 0) {
		ssize_t n = sendfile(to, from, NULL, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* it shrank meanwhile */
		if (n <= 0)
			return false;
		len -= (size_t)n;
	}
	return true;
}

/* A private copy of the file; -1 with err set when there is none. */
static int open_copy(const char *path, size_t *len, struct err *err)
{
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), to = -1;
	struct stat st;

	if (from < 0 || fstat(from, &st) != 0) {
		err_set(err, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		err_set(err, "%s: not a regular file (a MaxMind DB file is expected)", path);
	} else if (st.st_size == 0) {
		err_set(err, "%s: not a MaxMind DB file (it is empty)", path);
	} else if ((to = memfd_create("mmdb", MFD_CLOEXEC)) < 0 || !copy_file(from, to, (size_t)st.st_size)) {
		err_set(err, "%s: cannot be read: %s", path, strerror(errno));
		if (to >= 0)
			close(to);
		to = -1;
	}
	*len = to >= 0 ? (size_t)st.st_size : 0;
	if (from >= 0)
		close(from);
	return to;
}

static bool check_metadata(const char *path, int fd, size_t len, struct err *err)
{
	const char *mistake;
	void *bytes = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);

	if (bytes == MAP_FAILED)
		return err_set(err, "%s: cannot be mapped: %s", path, strerror(errno));
	mistake = guard_metadata(bytes, len);
	munmap(bytes, len);
	return mistake == NULL || err_set(err, "%s: %s", path, mistake);
}

static bool open_lib(struct mmdb *db, int fd, struct err *err)
{
	char name[64];
	int status;

	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	status = MMDB_open(name, MMDB_MODE_MMAP, &db->lib);
	if (status == MMDB_SUCCESS)
		return true;
	return err_set(err, "%s: not a MaxMind DB file that can be read: %s (fetch the file again)", db->path,
		MMDB_strerror(status));
}

struct mmdb *mmdb_open(const char *path, struct err *err)
{
	struct mmdb *db;
	size_t len;
	int fd = open_copy(path, &len, err);

	if (fd < 0)
		return NULL;
	if (!check_metadata(path, fd, len, err)) {
		close(fd);
		return NULL;
	}
	db = mem_alloc(sizeof *db);
	db->path = mem_strdup(path);
	if (!open_lib(db, fd, err)) {
		free(db->path);
		free(db);
		db = NULL;
	}
	close(fd); /* the mapping stays */
	return db;
}

void mmdb_close(struct mmdb *db)
{
	if (db == NULL)
		return;
	MMDB_close(&db->lib);
	free(db->path);
	free(db);
}

const char *mmdb_path(const struct mmdb *db)
{
	return db->path;
}

const char *mmdb_type(const struct mmdb *db)
{
	return db->lib.metadata.database_type;
}

uint64_t mmdb_build_epoch_s(const struct mmdb *db)
{
	return db->lib.metadata.build_epoch;
}

/* ---- records ---- */

void mmdb_reader_init(struct mmdb_reader *reader, const struct mmdb *db)
{
	*reader =
		(struct mmdb_reader){ .db = db, .steps = (uint64_t)db->lib.data_section_size * STEPS_PER_BYTE + 1000 };
}

static bool is_container(const MMDB_entry_data_s *value)
{
	return value->type == MMDB_DATA_TYPE_MAP || value->type == MMDB_DATA_TYPE_ARRAY;
}

/* One value, through a pointer if it is one. next: where the value behind it begins; of a container that is not behind a
 * pointer, its first entry. */
static bool read_value(struct mmdb_reader *reader, uint32_t offset, MMDB_entry_data_s *value, uint32_t *next)
{
	static const char *const no_keys[] = { NULL };
	MMDB_entry_s entry = { .mmdb = &reader->db->lib, .offset = offset };

	if (reader->steps == 0 || MMDB_aget_value(&entry, value, no_keys) != MMDB_SUCCESS || !value->has_data)
		return false;
	reader->steps--;
	*next = value->offset_to_next;
	/* there the library tells the first entry of the pointer's target; a pointer is its head and 1 to 4 bytes */
	if (is_container(value) && value->offset != offset)
		*next = offset + 2 + (reader->db->lib.data_section[offset] >> 3 & 3);
	return true;
}

/* Step over the value at an offset and all that lies in it; what lies behind pointers is not looked at. */
static bool skip_value(struct mmdb_reader *reader, uint32_t *offset)
{
	MMDB_entry_data_s value;

	for (uint64_t pending = 1; pending > 0; pending--) {
		uint32_t at = *offset;

		if (!read_value(reader, at, &value, offset))
			return false;
		if (is_container(&value) && value.offset == at) /* else it was a pointer to one */
			pending += (uint64_t)value.data_size * (value.type == MMDB_DATA_TYPE_MAP ? 2 : 1);
	}
	return true;
}

static struct field_value plain_value(const MMDB_entry_data_s *value)
{
	switch (value->type) {
	case MMDB_DATA_TYPE_UTF8_STRING:
		return (struct field_value){ .text = value->utf8_string, .len = value->data_size };
	case MMDB_DATA_TYPE_DOUBLE:
		return (struct field_value){ .number = value->double_value };
	case MMDB_DATA_TYPE_FLOAT:
		return (struct field_value){ .number = (double)value->float_value };
	case MMDB_DATA_TYPE_UINT16:
		return (struct field_value){ .number = value->uint16 };
	case MMDB_DATA_TYPE_UINT32:
		return (struct field_value){ .number = value->uint32 };
	case MMDB_DATA_TYPE_INT32:
		return (struct field_value){ .number = value->int32 };
	case MMDB_DATA_TYPE_UINT64:
		return (struct field_value){ .number = (double)value->uint64 };
	default:
		return (struct field_value){ .text = "", .len = 0 };
	}
}

static bool read_container(
	struct mmdb_reader *reader, uint32_t offset, enum field_context context, unsigned depth, struct fields *fields);

/* The value of a known field: a plain one is kept, a container is read with the context its field gives. */
static bool read_field(
	struct mmdb_reader *reader, uint32_t *offset, const struct field *field, unsigned depth, struct fields *fields)
{
	MMDB_entry_data_s value;
	uint32_t at = *offset;

	if (field == NULL)
		return skip_value(reader, offset);
	if (!read_value(reader, at, &value, offset))
		return false;
	if (!is_container(&value)) {
		fields_take(fields, field, plain_value(&value));
		return true;
	}
	if (field->inside != CONTEXT_NONE && !read_container(reader, value.offset, field->inside, depth + 1, fields))
		return false;
	if (value.offset == at) { /* not behind a pointer */
		*offset = at;
		return skip_value(reader, offset);
	}
	return true;
}

static bool read_container(
	struct mmdb_reader *reader, uint32_t offset, enum field_context context, unsigned depth, struct fields *fields)
{
	MMDB_entry_data_s container, key;

	if (depth > NESTING_MAX || !read_value(reader, offset, &container, &offset))
		return false;
	if (container.type == MMDB_DATA_TYPE_ARRAY) /* of subdivisions, the first is the largest */
		return container.data_size == 0 ||
		       read_field(reader, &offset, field_find(context, "0", 1), depth, fields);
	for (uint32_t i = 0; i < container.data_size; i++) {
		if (!read_value(reader, offset, &key, &offset) || key.type != MMDB_DATA_TYPE_UTF8_STRING)
			return false;
		if (!read_field(reader, &offset, field_find(context, key.utf8_string, key.data_size), depth, fields))
			return false;
	}
	return true;
}

bool mmdb_read(struct mmdb_reader *reader, uint32_t offset, struct mmdb_record *record, struct err *err)
{
	struct fields fields = { 0 };
	MMDB_entry_data_s value;
	uint32_t next;

	*record = (struct mmdb_record){ 0 };
	if (!read_value(reader, offset, &value, &next))
		return err_set(err, "%s: damaged: no record at data offset %u (fetch the file again)", reader->db->path,
			offset);
	if (value.type != MMDB_DATA_TYPE_MAP)
		return true; /* a schema of somebody else's: says nothing to us */
	if (!read_container(reader, value.offset, CONTEXT_RECORD, 0, &fields))
		return err_set(err, "%s: damaged: the record at data offset %u cannot be read (fetch the file again)",
			reader->db->path, offset);
	record->coordinates = fields_place(&fields, &record->place);
	record->nested = fields.nested;
	record->flat = fields.flat;
	return true;
}

/* ---- the tree ---- */

/* A record of the tree that is still to be looked at. */
struct branch {
	uint64_t record, block;
	uint32_t offset;
	uint8_t type, depth;
};

struct walk {
	const struct mmdb *db;
	const struct mmdb_visitor *visitor;
	struct err *err;
	uint64_t nodes;   /* that it may still read */
	unsigned bits;    /* LAYER_V4_BITS or LAYER_V6_BITS */
	struct branch v4; /* where IPv4 begins */
};

static bool damaged_tree(const struct walk *walk)
{
	return err_set(walk->err, "%s: damaged: its search tree leads nowhere or into itself (fetch the file again)",
		walk->db->path);
}

static bool read_node(struct walk *walk, uint64_t record, MMDB_search_node_s *node)
{
	if (walk->nodes == 0)
		return false;
	walk->nodes--;
	return MMDB_read_node(&walk->db->lib, (uint32_t)record, node) == MMDB_SUCCESS;
}

static struct branch left_of(const MMDB_search_node_s *node, const struct branch *parent)
{
	return (struct branch){ .record = node->left_record,
		.offset = node->left_record_entry.offset,
		.type = node->left_record_type,
		.depth = (uint8_t)(parent->depth + 1),
		.block = parent->block };
}

static struct branch right_of(const MMDB_search_node_s *node, const struct branch *parent, unsigned bits)
{
	return (struct branch){ .record = node->right_record,
		.offset = node->right_record_entry.offset,
		.type = node->right_record_type,
		.depth = (uint8_t)(parent->depth + 1),
		.block = parent->block | (uint64_t)1 << (bits - parent->depth - 1) };
}

/* Follow zero bits down to a leaf, or to a depth. */
static bool go_left(struct walk *walk, struct branch *branch, unsigned depth)
{
	MMDB_search_node_s node;

	while (branch->type == MMDB_RECORD_TYPE_SEARCH_NODE && branch->depth < depth) {
		if (!read_node(walk, branch->record, &node))
			return damaged_tree(walk);
		*branch = left_of(&node, branch);
	}
	return true;
}

/* IPv4 seen through IPv6: the ranges that embed it (a database repeats the IPv4 tree there), and ::/56 with all of IPv4. */
static bool is_alias(const struct walk *walk, const struct branch *branch)
{
	static const struct {
		uint64_t block;
		unsigned depth;
	} ranges[] = {
		{ 0, LAYER_V6_BITS },
		{ 0x0064ff9b000000, LAYER_V6_BITS },
		{ 0x20010000000000, 32 },
		{ 0x20020000000000, 16 },
	};

	if (walk->bits == LAYER_V4_BITS)
		return false;
	for (size_t i = 0; i < COUNT_OF(ranges); i++)
		if (branch->depth == ranges[i].depth && branch->block == ranges[i].block)
			return true;
	return walk->v4.type == MMDB_RECORD_TYPE_SEARCH_NODE && branch->type == MMDB_RECORD_TYPE_SEARCH_NODE &&
	       branch->record == walk->v4.record;
}

static bool visit_leaf(struct walk *walk, const struct branch *branch)
{
	uint32_t offset = MMDB_NOTHING;

	if (branch->type == MMDB_RECORD_TYPE_DATA)
		offset = branch->offset;
	else if (branch->type != MMDB_RECORD_TYPE_EMPTY)
		return damaged_tree(walk);
	return walk->visitor->leaf(walk->visitor->context, branch->block, offset, walk->err);
}

static bool walk_from(struct walk *walk, struct branch root)
{
	struct branch stack[LAYER_V6_BITS + 1] = { root };
	unsigned address_bits = walk->bits == LAYER_V4_BITS ? 32 : 128;
	MMDB_search_node_s node;

	for (unsigned n = 1; n > 0;) {
		struct branch branch = stack[--n];

		if (is_alias(walk, &branch))
			branch.type = MMDB_RECORD_TYPE_EMPTY;
		if (branch.depth == walk->bits && !go_left(walk, &branch, address_bits))
			return false;
		if (branch.type != MMDB_RECORD_TYPE_SEARCH_NODE || branch.depth >= walk->bits) {
			if (!visit_leaf(walk, &branch))
				return false;
			continue;
		}
		if (!read_node(walk, branch.record, &node))
			return damaged_tree(walk);
		stack[n++] = right_of(&node, &branch, walk->bits);
		stack[n++] = left_of(&node, &branch);
	}
	return true;
}

bool mmdb_walk(const struct mmdb *db, enum addr_family family, const struct mmdb_visitor *visitor, struct err *err)
{
	bool v6_tree = db->lib.metadata.ip_version == 6;
	struct walk walk = { .db = db,
		.visitor = visitor,
		.err = err,
		.v4 = { .type = MMDB_RECORD_TYPE_SEARCH_NODE },
		.nodes = (uint64_t)db->lib.metadata.node_count * 2 + 1000,
		.bits = family == ADDR_V4 ? LAYER_V4_BITS : LAYER_V6_BITS };

	assert(family != ADDR_NONE);
	if (family == ADDR_V6 && !v6_tree)
		return true;
	if (v6_tree && !go_left(&walk, &walk.v4, 96))
		return false;
	walk.v4.depth = 0;
	if (family == ADDR_V4)
		return walk_from(&walk, walk.v4);
	return walk_from(&walk, (struct branch){ .type = MMDB_RECORD_TYPE_SEARCH_NODE });
}
