#include "gslb/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool rotate(const char *path, struct err *err)
{
	struct stat st;
	char *older;
	bool good;

	if (stat(path, &st) != 0 || st.st_size < AUDIT_MAX_BYTES)
		return true;
	older = mem_printf("%s.1", path);
	good = rename(path, older) == 0;
	if (!good)
		err_set(err, "%s: cannot be renamed to %s: %s", path, older, strerror(errno));
	free(older);
	return good;
}

static bool append(const char *path, const char *line, struct err *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	bool good;

	if (fd < 0)
		return err_set(err, "%s: %s", path, strerror(errno));
	good = file_write_all(fd, line, strlen(line)) && fsync(fd) == 0;
	if (!good)
		err_set(err, "%s: %s", path, strerror(errno));
	close(fd);
	return good;
}

bool audit_append(const char *directory, const json_t *event, struct err *err)
{
	char *path = mem_printf("%s/audit.log", directory), *text = json_dumps(event, JSON_COMPACT), *line;
	bool good;

	line = mem_printf("%s\n", text != NULL ? text : "{}");
	good = rotate(path, err) && append(path, line, err);
	free(line);
	free(text);
	free(path);
	return good;
}
