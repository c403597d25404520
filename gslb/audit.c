/* A line that does not fit on the disk is taken back, so that what follows later is not glued to half of it. */
#include "gslb/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TAIL_BYTES = 256 * 1024 };

static bool rotate(const char *path, struct err *err)
{
	struct stat st;
	bool good = true;

	if (stat(path, &st) != 0 || st.st_size < AUDIT_MAX_BYTES)
		return true;
	for (int i = AUDIT_OLDER - 1; i >= 0 && good; i--) {
		char *from = i > 0 ? mem_printf("%s.%d", path, i) : mem_strdup(path);
		char *to = mem_printf("%s.%d", path, i + 1);

		good = rename(from, to) == 0 || (i > 0 && errno == ENOENT);
		if (!good)
			err_set(err, "%s: cannot be renamed to %s: %s", from, to, strerror(errno));
		free(from);
		free(to);
	}
	return good;
}

/* A file that was made or renamed stays so after a crash. */
static void sync_folder(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

static bool append(const char *directory, const char *path, const char *line, struct err *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	struct stat before;
	bool good;

	if (fd < 0 || fstat(fd, &before) != 0) {
		err_set(err, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	good = file_write_all(fd, line, strlen(line)) && fsync(fd) == 0;
	if (!good) {
		err_set(err, "%s: %s", path, strerror(errno));
		if (ftruncate(fd, before.st_size) != 0)
			log_error("audit=damaged reason=\"%s: %s\"", path, strerror(errno));
	} else if (before.st_size == 0) {
		sync_folder(directory);
	}
	close(fd);
	return good;
}

bool audit_append(const char *directory, const json_t *event, struct err *err)
{
	char *path = mem_printf("%s/audit.log", directory), *text = json_dumps(event, JSON_COMPACT), *line;
	bool good;

	line = mem_printf("%s\n", text != NULL ? text : "{}");
	good = rotate(path, err) && append(directory, path, line, err);
	free(line);
	free(text);
	free(path);
	return good;
}

/* The end of the file as a text, to be freed. */
static char *tail_of(const char *directory)
{
	char *path = mem_printf("%s/audit.log", directory), *text = mem_alloc(TAIL_BYTES + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = 0;

	if (fd >= 0 && fstat(fd, &st) == 0)
		n = pread(fd, text, TAIL_BYTES, st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0);
	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	free(path);
	return text;
}

bool audit_holds(const char *directory, const char *member, const char *text)
{
	json_t *pair = json_pack("{s:s}", member, text);
	char *written = json_dumps(pair, JSON_COMPACT), *tail = tail_of(directory);
	bool holds;

	written[strlen(written) - 1] = '\0'; /* as it stands within a line: without the braces */
	holds = strstr(tail, written + 1) != NULL;
	free(tail);
	free(written);
	json_decref(pair);
	return holds;
}
