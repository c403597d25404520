#include "relay/hits.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/check.h"

enum {
	READ_MAX = 256 << 10, /* bytes at once: some milliseconds of the loop */
	LINE_MAX_LEN = CHECK_URL_MAX + 64,
	TIMES_MAX = 1000000000,
};

struct hits {
	const char *path;
	int fd; /* -1: it is not there */
	off_t at;
	ino_t inode;
	struct buf rest; /* of a line whose end was not written yet */
	bool skip;       /* up to the end of a line: it began before what was read */
	double weight;   /* of a line, where not all are read */
	const struct hits_ear *ear;
};

/* ---- a line ---- */

static bool take_word(const char **at, const char *end, const char **word, size_t *len)
{
	while (*at < end && **at == ' ')
		++*at;
	*word = *at;
	while (*at < end && **at != ' ')
		++*at;
	*len = (size_t)(*at - *word);
	return *len > 0;
}

bool hits_line(const char *line, size_t len, const struct hits_ear *ear)
{
	const char *at = line, *end = line + len, *class_text, *value, *number;
	size_t class_len, value_len, number_len;
	char name[16], digits[16], text[CHECK_TEXT_MAX];
	enum event_class class;
	uint64_t times = 1;

	if (!take_word(&at, end, &class_text, &class_len) || class_len >= sizeof name ||
		!take_word(&at, end, &value, &value_len))
		return false;
	memcpy(name, class_text, class_len);
	name[class_len] = '\0';
	if (take_word(&at, end, &number, &number_len)) {
		if (number_len >= sizeof digits)
			return false;
		memcpy(digits, number, number_len);
		digits[number_len] = '\0';
		if (!number_parse(digits, 1, TIMES_MAX, &times))
			return false;
	}
	if (!event_class_parse(name, &class) || !event_item_check(class, value, value_len, text, NULL))
		return false;
	ear->hit(ear->arg, class, text, (double)times);
	return true;
}

/* ---- a file ---- */

static void close_file(struct hits *hits)
{
	if (hits->fd >= 0)
		close(hits->fd);
	hits->fd = -1;
	buf_drop(&hits->rest, hits->rest.len);
}

static void open_file(struct hits *hits, bool from_its_end)
{
	struct stat stat;

	hits->fd = open(hits->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (hits->fd < 0 || fstat(hits->fd, &stat) != 0 || !S_ISREG(stat.st_mode)) {
		close_file(hits);
		return;
	}
	hits->inode = stat.st_ino;
	hits->at = from_its_end ? stat.st_size : 0;
	hits->skip = hits->at > 0;
}

struct hits *hits_follow(const char *path)
{
	struct hits *hits = mem_alloc(sizeof *hits);

	hits->path = path;
	open_file(hits, true);
	return hits;
}

void hits_free(struct hits *hits)
{
	if (hits == NULL)
		return;
	close_file(hits);
	buf_fini(&hits->rest);
	free(hits);
}

/* It was moved away and made anew, or cut short. */
static bool is_another(const struct hits *hits)
{
	struct stat by_name, by_fd;

	if (fstat(hits->fd, &by_fd) != 0 || by_fd.st_size < hits->at)
		return true;
	return stat(hits->path, &by_name) == 0 && by_name.st_ino != hits->inode;
}

static void weigh(void *arg, enum event_class class, const char *text, double times)
{
	const struct hits *hits = arg;

	hits->ear->hit(hits->ear->arg, class, text, times * hits->weight);
}

static size_t take_lines(struct hits *hits)
{
	const struct hits_ear ear = { hits, weigh };
	const char *at = hits->rest.text, *end = at + hits->rest.len, *newline;
	size_t wrong = 0;

	while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		if (!hits->skip)
			wrong += !hits_line(at, (size_t)(newline - at), &ear);
		hits->skip = false;
		at = newline + 1;
	}
	buf_drop(&hits->rest, hits->rest.len - (size_t)(end - at));
	if (hits->rest.len > LINE_MAX_LEN) {
		buf_drop(&hits->rest, hits->rest.len);
		wrong += !hits->skip;
		hits->skip = true;
	}
	return wrong;
}

/* More than that at once: what is read stands for all of it. */
static void pass_over(struct hits *hits, off_t end)
{
	if (end <= hits->at)
		return;
	hits->at = end;
	hits->skip = true;
	buf_drop(&hits->rest, hits->rest.len);
}

static size_t read_on(struct hits *hits)
{
	char chunk[65536];
	size_t wrong = 0, total = 0;
	struct stat stat;
	ssize_t n;

	if (fstat(hits->fd, &stat) != 0)
		return 0;
	hits->weight = stat.st_size - hits->at > READ_MAX ? (double)(stat.st_size - hits->at) / READ_MAX : 1;
	while (total < READ_MAX && (n = pread(hits->fd, chunk, sizeof chunk, hits->at)) > 0) {
		buf_add(&hits->rest, chunk, (size_t)n);
		hits->at += n;
		total += (size_t)n;
		wrong += take_lines(hits);
	}
	if (total >= READ_MAX)
		pass_over(hits, stat.st_size);
	return wrong;
}

size_t hits_read(struct hits *hits, const struct hits_ear *ear)
{
	size_t wrong = 0;

	hits->ear = ear;
	if (hits->fd >= 0)
		wrong = read_on(hits);
	if (hits->fd >= 0 && !is_another(hits))
		return wrong;
	close_file(hits);
	open_file(hits, false);
	return hits->fd >= 0 ? wrong + read_on(hits) : wrong;
}
