#include "gslb/latency_peers.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Note a file's state. False: it was seen in this one, or there are too many. */
static bool is_new(struct latency_peers *peers, const char *name, const struct stat *st)
{
	int64_t modified_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	size_t i = 0;

	while (i < peers->nseen && strcmp(peers->seen[i].name, name) != 0)
		i++;
	if (i == LATENCY_PEERS_MAX || strlen(name) >= sizeof(peers->seen[i].name))
		return false;
	if (i == peers->nseen)
		strcpy(peers->seen[peers->nseen++].name, name);
	else if (peers->seen[i].modified_ns == modified_ns && peers->seen[i].len == st->st_size)
		return false;
	peers->seen[i].modified_ns = modified_ns;
	peers->seen[i].len = st->st_size;
	return true;
}

static void read_one(struct latency_peers *peers, struct meter *meter, const char *folder, const char *name,
	const char *region, uint64_t now_s)
{
	char *path = mem_printf("%s/%s", folder, name);
	struct err err = { 0 };
	struct stat st;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && is_new(peers, name, &st)) {
		if (meter_merge(meter, path, region, now_s, &err))
			log_info("latency_peer=%s state=taken bytes=%lld", name, (long long)st.st_size);
		else
			log_error("latency_peer=%s state=refused reason=\"%s\"", name, err.text);
	}
	free(path);
}

void latency_peers_read(
	struct latency_peers *peers, struct meter *meter, const char *folder, const char *region, uint64_t now_s)
{
	DIR *files = opendir(folder);
	struct dirent *entry;

	while (files != NULL && (entry = readdir(files)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (len > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 4, ".map") == 0)
			read_one(peers, meter, folder, entry->d_name, region, now_s);
	}
	if (files != NULL)
		closedir(files);
}
