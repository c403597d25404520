#include "gslb/host.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct passwd *user_of(const char *user, struct err *err)
{
	const struct passwd *entry = getpwnam(user);

	if (entry == NULL)
		err_set(err, "server.user: %s: there is no such user here (adduser --system --group %s makes one)",
			user, user);
	return entry;
}

/* What root made under an earlier start belongs to the user from now on. */
static void give_to(const char *path, const struct passwd *entry)
{
	struct stat st;

	if (lstat(path, &st) == 0 && st.st_uid != entry->pw_uid && lchown(path, entry->pw_uid, entry->pw_gid) != 0)
		log_warning("path=%s state=not-given reason=\"%s\"", path, strerror(errno));
}

int host_take_state(const char *directory, const char *user, struct err *err)
{
	static const char *const kept[] = { "", "/lock", "/verdicts", "/overrides.json", "/audit.log", "/zones",
		"/sticky.seed", "/cookie.key" };
	char *path = mem_printf("%s/lock", directory);
	int fd;

	mkdir(directory, 0750);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0) {
		err_set(err, "state.directory: %s: %s", directory, strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		err_set(err, "state.directory: %s: another gslbd uses it (one gslbd a folder)", directory);
		close(fd);
		fd = -1;
	}
	free(path);
	if (fd < 0 || user[0] == '\0' || geteuid() != 0)
		return fd;
	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		const struct passwd *entry = user_of(user, err);

		if (entry == NULL) {
			close(fd);
			return -1;
		}
		path = mem_printf("%s%s", directory, kept[i]);
		give_to(path, entry);
		free(path);
	}
	return fd;
}

bool host_become(const char *user, struct err *err)
{
	const struct passwd *entry;

	if (user[0] == '\0' || geteuid() != 0)
		return true;
	entry = user_of(user, err);
	if (entry == NULL)
		return false;
	if (initgroups(user, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 || setuid(entry->pw_uid) != 0)
		return err_set(err, "server.user: %s: %s", user, strerror(errno));
	if (entry->pw_uid != 0 && setuid(0) == 0)
		return err_set(err, "server.user: %s: root can be had back, so nothing was dropped", user);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return true;
}

bool host_group(const char *name, const char *user, gid_t *group, struct err *err)
{
	const struct group *entry;

	*group = (gid_t)-1;
	if (name[0] == '\0') {
		const struct passwd *own = user[0] != '\0' && geteuid() == 0 ? user_of(user, err) : NULL;

		if (own != NULL)
			*group = own->pw_gid;
		return true;
	}
	entry = getgrnam(name);
	if (entry == NULL)
		return err_set(err, "%s: there is no such group here (addgroup --system %s makes one)", name, name);
	*group = entry->gr_gid;
	return true;
}

char *host_beside_us(const char *program)
{
	char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);

	path[len > 0 ? len : 0] = '\0';
	return file_beside(path, program);
}

void host_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len;
	int fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof to.sun_path)
		return;
	memcpy(to.sun_path, path, strlen(path));
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, len) < 0)
		log_warning("systemd=not-told reason=\"%s\"", strerror(errno));
	close(fd);
}

static bool make_seed(const char *path, struct err *err)
{
	uint8_t bytes[16];
	char text[34];

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return err_set(err, "getrandom: %s", strerror(errno));
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	text[32] = '\n';
	return file_replace(path, text, 33, 0640, err);
}

bool host_seed(const char *path, uint8_t seed[static 16], struct err *err)
{
	char *text;
	size_t len;
	bool good;

	if (access(path, F_OK) != 0 && !make_seed(path, err))
		return false;
	if (!file_read(path, 4096, &text, &len, err))
		return false;
	text[strcspn(text, " \t\r\n")] = '\0';
	good = strlen(text) == 32 && strspn(text, "0123456789abcdefABCDEF") == 32;
	for (size_t i = 0; good && i < 16; i++) {
		unsigned byte;

		good = sscanf(text + 2 * i, "%2x", &byte) == 1;
		seed[i] = (uint8_t)byte;
	}
	free(text);
	return good || err_set(err, "%s:1: not a seed: 32 hexadecimal digits (openssl rand -hex 16 > %s)", path, path);
}

void host_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warning("descriptors=not-raised reason=\"%s\"", strerror(errno));
}
