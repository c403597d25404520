/* file - whole files in and out. */
#ifndef GSLB_BASE_FILE_H
#define GSLB_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* The whole file, NUL added behind it; the caller frees *text. Files over max bytes are refused. */
bool file_read(const char *path, size_t max, char **text, size_t *len, struct err *err);
/* Write beside it, fsync, rename over it, fsync the folder: a reader sees the old file or the new one, also after a crash. */
bool file_replace(const char *path, const void *bytes, size_t len, unsigned mode, struct err *err);
/* "name" beside the file "base" unless it is absolute; the caller frees it. */
char *file_beside(const char *base, const char *name);
/* Write all of it to a descriptor, through short writes and EINTR. */
bool file_write_all(int fd, const void *bytes, size_t len);

#endif
