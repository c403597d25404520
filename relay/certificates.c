#include "relay/certificates.h"

#include <string.h>
#include <sys/stat.h>

void certificates_look(const struct relay_conf *conf, struct certificates_seen *seen)
{
	const char *const paths[] = { conf->ca, conf->cert, conf->key };
	struct stat status;

	memset(seen, 0, sizeof *seen);
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		if (paths[i][0] == '\0' || stat(paths[i], &status) != 0)
			continue;
		seen->file[i].inode = status.st_ino;
		seen->file[i].size = (uint64_t)status.st_size;
		seen->file[i].changed_s = status.st_mtim.tv_sec;
		seen->file[i].changed_ns = status.st_mtim.tv_nsec;
	}
}

static bool same(const struct certificates_seen *a, const struct certificates_seen *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

bool certificates_differ(const struct certificates *certificates, const struct certificates_seen *seen)
{
	return !same(seen, &certificates->used);
}

bool certificates_due(
	struct certificates *certificates, const struct certificates_seen *seen, bool other, uint64_t now_ms)
{
	bool steady = same(seen, &certificates->last);

	certificates->last = *seen;
	if (!steady) {
		certificates->again_ms = 0;
		return false;
	}
	return (other || certificates_differ(certificates, seen)) && now_ms >= certificates->again_ms;
}

void certificates_failed(struct certificates *certificates, uint64_t now_ms)
{
	certificates->again_ms = now_ms + CERTIFICATES_AGAIN_MS;
}
