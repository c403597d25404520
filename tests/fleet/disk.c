#include "tests/fleet/disk.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 8, PAGE = 4096, SHM_MAX = 8 };

/* bytes is what a reader sees; safe is what the medium holds. From dirty to dirty_end they may differ. */
struct node {
	char path[DISK_PATH_MAX];
	uint8_t *bytes, *safe, *copy;
	size_t len, safe_len, copy_len, room, dirty, dirty_end;
	bool used, copied;
	void *shm[SHM_MAX];
};

struct disk {
	struct node nodes[FILES_MAX];
	bool full, frozen;
};

/* SQLite's handle of a node. */
struct handle {
	sqlite3_file base;
	struct node *node;
	struct disk *disk;
	struct node own; /* of a file without a name */
};

static struct disk disks[DISKS_MAX];
static uint64_t syncs;

/* ---- nodes ---- */

static struct disk *disk_of(const char *path)
{
	unsigned number = (unsigned)strtoul(path, NULL, 10);

	return &disks[number < DISKS_MAX ? number : 0];
}

static struct node *find(const char *path)
{
	struct disk *disk = disk_of(path);

	for (unsigned i = 0; i < FILES_MAX; i++)
		if (disk->nodes[i].used && strcmp(disk->nodes[i].path, path) == 0)
			return &disk->nodes[i];
	return NULL;
}

static struct node *make(const char *path)
{
	struct disk *disk = disk_of(path);

	for (unsigned i = 0; i < FILES_MAX; i++) {
		struct node *node = &disk->nodes[i];

		if (node->used)
			continue;
		node->used = true;
		node->len = node->safe_len = node->dirty = node->dirty_end = 0;
		snprintf(node->path, sizeof node->path, "%s", path);
		return node;
	}
	fprintf(stderr, "%s: more than %d files on a disk\n", path, FILES_MAX);
	abort();
}

static void reserve(struct node *node, size_t len)
{
	size_t room = node->room > 0 ? node->room : PAGE;

	if (len <= node->room)
		return;
	while (room < len)
		room *= 2;
	node->bytes = realloc(node->bytes, room);
	node->safe = realloc(node->safe, room);
	if (node->bytes == NULL || node->safe == NULL)
		abort();
	memset(node->bytes + node->room, 0, room - node->room);
	memset(node->safe + node->room, 0, room - node->room);
	node->room = room;
}

static void soil(struct node *node, size_t from, size_t to)
{
	if (node->dirty == node->dirty_end) {
		node->dirty = from;
		node->dirty_end = to;
		return;
	}
	node->dirty = from < node->dirty ? from : node->dirty;
	node->dirty_end = to > node->dirty_end ? to : node->dirty_end;
}

static void put(struct node *node, const void *bytes, size_t len, size_t at)
{
	reserve(node, at + len);
	if (at > node->len)
		memset(node->bytes + node->len, 0, at - node->len);
	memcpy(node->bytes + at, bytes, len);
	soil(node, at, at + len);
	node->len = at + len > node->len ? at + len : node->len;
}

static void sync(struct node *node)
{
	if (node->dirty_end > node->dirty)
		memcpy(node->safe + node->dirty, node->bytes + node->dirty, node->dirty_end - node->dirty);
	node->safe_len = node->len;
	node->dirty = node->dirty_end = 0;
}

static void drop_shm(struct node *node)
{
	for (unsigned i = 0; i < SHM_MAX; i++) {
		free(node->shm[i]);
		node->shm[i] = NULL;
	}
}

/* ---- what happens to disks ---- */

void disk_reset(void)
{
	for (unsigned i = 0; i < DISKS_MAX; i++)
		for (unsigned k = 0; k < FILES_MAX; k++) {
			struct node *node = &disks[i].nodes[k];

			node->used = node->copied = false;
			disks[i].full = disks[i].frozen = false;
			drop_shm(node);
		}
	syncs = 0;
	sqlite3_randomness(0, NULL); /* seeded anew: a run is the same everywhere */
}

const char *disk_path(unsigned disk, const char *name, char text[static DISK_PATH_MAX])
{
	snprintf(text, DISK_PATH_MAX, "%u/%s", disk, name);
	return text;
}

static void lose_pages(struct node *node, struct dice *dice)
{
	size_t len = node->safe_len;

	for (size_t at = node->dirty / PAGE * PAGE; at < node->dirty_end; at += PAGE) {
		size_t end = at + PAGE < node->len ? at + PAGE : node->len;

		if (dice_below(dice, 2) == 0 || end <= at)
			continue;
		memcpy(node->safe + at, node->bytes + at, end - at);
		len = end > len ? end : len;
	}
	if (node->len < len && dice_below(dice, 2) == 0) /* a truncation, that did or did not come through */
		len = node->len;
	memcpy(node->bytes, node->safe, len);
	node->len = node->safe_len = len;
	node->dirty = node->dirty_end = 0;
}

void disk_lose_power(unsigned disk, struct dice *dice)
{
	for (unsigned i = 0; i < FILES_MAX; i++)
		if (disks[disk].nodes[i].used && disks[disk].nodes[i].room > 0)
			lose_pages(&disks[disk].nodes[i], dice);
}

void disk_lose(unsigned disk)
{
	disks[disk].full = false;
	for (unsigned i = 0; i < FILES_MAX; i++)
		disks[disk].nodes[i].used = disks[disk].nodes[i].copied = false;
}

void disk_freeze(unsigned disk, bool frozen)
{
	disks[disk].frozen = frozen;
}

void disk_fill(unsigned disk, bool full)
{
	disks[disk].full = full;
}

void disk_copy(unsigned disk)
{
	for (unsigned i = 0; i < FILES_MAX; i++) {
		struct node *node = &disks[disk].nodes[i];

		node->copied = node->used;
		if (!node->used)
			continue;
		node->copy = realloc(node->copy, node->safe_len + 1);
		if (node->copy == NULL)
			abort();
		if (node->safe_len > 0)
			memcpy(node->copy, node->safe, node->safe_len);
		node->copy_len = node->safe_len;
	}
}

bool disk_put_back(unsigned disk)
{
	bool any = false;

	for (unsigned i = 0; i < FILES_MAX; i++)
		any = any || disks[disk].nodes[i].copied;
	for (unsigned i = 0; any && i < FILES_MAX; i++) {
		struct node *node = &disks[disk].nodes[i];

		node->used = node->copied;
		node->len = node->safe_len = node->dirty = node->dirty_end = 0;
		if (node->copied && node->copy_len > 0) {
			put(node, node->copy, node->copy_len, 0);
			sync(node);
		}
	}
	return any;
}

bool disk_write(unsigned disk, const char *name, const void *bytes, size_t len)
{
	char path[DISK_PATH_MAX];
	struct node *node = find(disk_path(disk, name, path));

	if (disks[disk].full)
		return false;
	if (node == NULL)
		node = make(path);
	node->len = 0;
	put(node, bytes, len, 0);
	sync(node);
	return true;
}

const void *disk_read(unsigned disk, const char *name, size_t *len)
{
	char path[DISK_PATH_MAX];
	const struct node *node = find(disk_path(disk, name, path));

	if (node == NULL)
		return NULL;
	*len = node->len;
	return node->bytes;
}

bool disk_is_safe(unsigned disk)
{
	for (unsigned i = 0; i < FILES_MAX; i++) {
		const struct node *node = &disks[disk].nodes[i];

		if (node->used && (node->dirty < node->dirty_end || node->len != node->safe_len))
			return false;
	}
	return true;
}

uint64_t disk_syncs(void)
{
	return syncs;
}

/* ---- SQLite's view: files ---- */

static int f_close(sqlite3_file *file)
{
	struct handle *handle = (struct handle *)(void *)file;

	if (handle->node == &handle->own) {
		free(handle->own.bytes);
		free(handle->own.safe);
	}
	return SQLITE_OK;
}

static int f_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
	const struct node *node = ((struct handle *)(void *)file)->node;
	size_t from = (size_t)at, len = (size_t)n, has = from < node->len ? node->len - from : 0;

	if (has > len)
		has = len;
	if (has > 0)
		memcpy(bytes, node->bytes + from, has);
	memset((uint8_t *)bytes + has, 0, len - has);
	return has == len ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static bool is_frozen(const struct handle *handle)
{
	return handle->disk != NULL && handle->disk->frozen;
}

static int f_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	struct handle *handle = (struct handle *)(void *)file;

	if (is_frozen(handle))
		return SQLITE_IOERR;
	if (handle->disk != NULL && handle->disk->full && (size_t)at + (size_t)n > handle->node->len)
		return SQLITE_FULL;
	put(handle->node, bytes, (size_t)n, (size_t)at);
	return SQLITE_OK;
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct node *node = ((struct handle *)(void *)file)->node;

	if (is_frozen((struct handle *)(void *)file))
		return SQLITE_IOERR;
	if ((size_t)size < node->len)
		node->len = (size_t)size;
	return SQLITE_OK;
}

static int f_sync(sqlite3_file *file, int flags)
{
	(void)flags;
	if (is_frozen((struct handle *)(void *)file))
		return SQLITE_IOERR;
	syncs++;
	sync(((struct handle *)(void *)file)->node);
	return SQLITE_OK;
}

static int f_size(sqlite3_file *file, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)((struct handle *)(void *)file)->node->len;
	return SQLITE_OK;
}

static int f_lock(sqlite3_file *file, int level)
{
	(void)file;
	(void)level;
	return SQLITE_OK;
}

static int f_check(sqlite3_file *file, int *reserved)
{
	(void)file;
	*reserved = 0;
	return SQLITE_OK;
}

static int f_control(sqlite3_file *file, int op, void *arg)
{
	(void)file;
	(void)op;
	(void)arg;
	return SQLITE_NOTFOUND;
}

static int f_sector(sqlite3_file *file)
{
	(void)file;
	return PAGE;
}

/* As SQLite takes real disks to be: what is lost of a page takes nothing along that was there before. */
static int f_traits(sqlite3_file *file)
{
	(void)file;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int f_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **at)
{
	struct node *node = ((struct handle *)(void *)file)->node;

	*at = NULL;
	if (page >= SHM_MAX)
		return SQLITE_NOMEM;
	if (node->shm[page] == NULL && extend)
		node->shm[page] = mem_alloc((size_t)size);
	*at = node->shm[page];
	return SQLITE_OK;
}

static int f_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	(void)file;
	(void)offset;
	(void)n;
	(void)flags;
	return SQLITE_OK;
}

static void f_shm_barrier(sqlite3_file *file)
{
	(void)file;
}

static int f_shm_unmap(sqlite3_file *file, int drop)
{
	(void)drop; /* there is one user: the last one */
	drop_shm(((struct handle *)(void *)file)->node);
	return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = f_close,
	.xRead = f_read,
	.xWrite = f_write,
	.xTruncate = f_truncate,
	.xSync = f_sync,
	.xFileSize = f_size,
	.xLock = f_lock,
	.xUnlock = f_lock,
	.xCheckReservedLock = f_check,
	.xFileControl = f_control,
	.xSectorSize = f_sector,
	.xDeviceCharacteristics = f_traits,
	.xShmMap = f_shm_map,
	.xShmLock = f_shm_lock,
	.xShmBarrier = f_shm_barrier,
	.xShmUnmap = f_shm_unmap,
};

/* ---- SQLite's view: the file system ---- */

static int v_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
	struct handle *handle = (struct handle *)(void *)file;

	(void)vfs;
	memset(handle, 0, sizeof *handle);
	handle->node = path == NULL ? &handle->own : find(path);
	if (handle->node == NULL && (flags & SQLITE_OPEN_CREATE) == 0)
		return SQLITE_CANTOPEN;
	if (handle->node == NULL)
		handle->node = make(path);
	handle->disk = path == NULL ? NULL : disk_of(path);
	handle->base.pMethods = &methods;
	if (out != NULL)
		*out = flags;
	return SQLITE_OK;
}

static int v_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
	struct node *node = find(path);

	(void)vfs;
	(void)sync_folder;
	if (node == NULL)
		return SQLITE_IOERR_DELETE_NOENT;
	if (disk_of(path)->frozen)
		return SQLITE_IOERR;
	node->used = false;
	return SQLITE_OK;
}

static int v_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
	const struct node *node = find(path);

	(void)vfs;
	*out = node != NULL && (flags != SQLITE_ACCESS_EXISTS || node->len > 0);
	return SQLITE_OK;
}

static int v_full_path(sqlite3_vfs *vfs, const char *path, int n, char *out)
{
	(void)vfs;
	sqlite3_snprintf(n, out, "%s", path);
	return SQLITE_OK;
}

static int v_random(sqlite3_vfs *vfs, int n, char *out)
{
	(void)vfs;
	memset(out, 0x5a, (size_t)n);
	return n;
}

static int v_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return us;
}

static int v_time(sqlite3_vfs *vfs, double *days)
{
	(void)vfs;
	*days = 2461000.5;
	return SQLITE_OK;
}

void disk_setup(void)
{
	static sqlite3_vfs vfs = {
		.iVersion = 1,
		.szOsFile = sizeof(struct handle),
		.mxPathname = DISK_PATH_MAX,
		.zName = "fleet",
		.xOpen = v_open,
		.xDelete = v_delete,
		.xAccess = v_access,
		.xFullPathname = v_full_path,
		.xRandomness = v_random,
		.xSleep = v_sleep,
		.xCurrentTime = v_time,
	};

	sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_vfs_register(&vfs, 1);
}
