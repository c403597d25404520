#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

bool file_read(const char *path, size_t max, char **text, size_t *len, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t cap = 0, n = 0;
	struct stat st;
	char *got = NULL;

	if (fd < 0)
		return err_set(err, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
		close(fd);
		return err_set(err, "%s: is a directory, not a file", path);
	}
	for (;;) {
		ssize_t r;

		if (n + 1 >= cap) {
			cap = cap > 0 ? cap * 2 : (size_t)st.st_size + 2;
			got = mem_resize(got, cap);
		}
		r = read(fd, got + n, cap - n - 1);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			err_set(err, "%s: %s", path, strerror(errno));
			goto out;
		}
		if (r == 0)
			break;
		n += (size_t)r;
		if (n > max) {
			err_set(err, "%s: larger than %zu bytes", path, max);
			goto out;
		}
	}
	close(fd);
	got[n] = '\0';
	*text = got;
	*len = n;
	return true;
out:
	close(fd);
	free(got);
	return false;
}

bool file_write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t r = write(fd, at, len);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return false;
		at += r;
		len -= (size_t)r;
	}
	return true;
}

static void sync_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? mem_strdup(".") : mem_printf("%.*s", (int)(slash - path + 1), path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(folder);
}

bool file_replace(const char *path, const void *bytes, size_t len, unsigned mode, struct err *err)
{
	char *beside = mem_printf("%s.new", path);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	bool written = fd >= 0 && file_write_all(fd, bytes, len) && fsync(fd) == 0;
	int why = errno;

	if (fd >= 0)
		close(fd);
	if (written && rename(beside, path) != 0) {
		why = errno;
		written = false;
	}
	if (!written) {
		unlink(beside);
		err_set(err, "%s: %s", path, strerror(why));
	} else {
		sync_folder_of(path);
	}
	free(beside);
	return written;
}

char *file_beside(const char *base, const char *name)
{
	const char *slash = strrchr(base, '/');

	if (name[0] == '/' || slash == NULL)
		return mem_strdup(name);
	return mem_printf("%.*s%s", (int)(slash - base + 1), base, name);
}
