/* See the header for why the total and the share come from two places. */
#include "tests/bench/cpu.h"

#include <dirent.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PERIOD_NS = 197000, RING_BYTES = 1 << 18 };

struct cpu_watch {
	int pids[CPU_PIDS_MAX];
	size_t npids;
	int fd; /* perf's; -1: not allowed */
	struct perf_event_mmap_page *page;
	uint8_t *ring;
	uint64_t user, all, others, idle; /* samples */
	uint64_t total_ns, user_ticks, ticks;
};

/* As the kernel writes it: sample_type is PERF_SAMPLE_TID. */
struct sample {
	struct perf_event_header header;
	uint32_t pid, tid;
};

static void perf_open(struct cpu_watch *watch, unsigned core)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof attr,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = PERIOD_NS,
		.sample_type = PERF_SAMPLE_TID,
	};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *map;

	watch->fd = (int)syscall(SYS_perf_event_open, &attr, -1, (int)core, -1, PERF_FLAG_FD_CLOEXEC);
	if (watch->fd < 0)
		return;
	map = mmap(NULL, page + RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, watch->fd, 0);
	if (map == MAP_FAILED) {
		close(watch->fd);
		watch->fd = -1;
		return;
	}
	watch->page = map;
	watch->ring = (uint8_t *)map + page;
}

struct cpu_watch *cpu_watch_new(const int *pids, size_t npids, unsigned core)
{
	struct cpu_watch *watch = mem_alloc(sizeof *watch);

	*watch = (struct cpu_watch){ .npids = npids < CPU_PIDS_MAX ? npids : CPU_PIDS_MAX, .fd = -1 };
	memcpy(watch->pids, pids, watch->npids * sizeof *pids);
	perf_open(watch, core);
	return watch;
}

void cpu_watch_free(struct cpu_watch *watch)
{
	if (watch != NULL && watch->fd >= 0) {
		munmap(watch->page, (size_t)sysconf(_SC_PAGESIZE) + RING_BYTES);
		close(watch->fd);
	}
	free(watch);
}

static bool is_watched(const struct cpu_watch *watch, uint32_t pid)
{
	for (size_t i = 0; i < watch->npids; i++)
		if ((uint32_t)watch->pids[i] == pid)
			return true;
	return false;
}

static void count_sample(struct cpu_watch *watch, const struct sample *sample)
{
	if (is_watched(watch, sample->pid)) {
		watch->all++;
		watch->user += (sample->header.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_USER;
	} else if (sample->pid == 0) {
		watch->idle++;
	} else {
		watch->others++;
	}
}

void cpu_watch_take(struct cpu_watch *watch)
{
	uint64_t head, tail;

	if (watch->fd < 0)
		return;
	head = __atomic_load_n(&watch->page->data_head, __ATOMIC_ACQUIRE);
	for (tail = watch->page->data_tail; tail < head;) {
		struct sample sample;
		uint8_t *at = (uint8_t *)&sample;

		/* records are of whole words, and so is the ring: a record may still run over its end */
		for (size_t i = 0; i < sizeof sample; i += 8)
			memcpy(at + i, watch->ring + (tail + i) % RING_BYTES, 8);
		if (sample.header.type == PERF_RECORD_SAMPLE)
			count_sample(watch, &sample);
		tail += sample.header.size;
	}
	__atomic_store_n(&watch->page->data_tail, tail, __ATOMIC_RELEASE);
}

/* The scheduler's nanoseconds of all threads of a process. */
static uint64_t run_ns(int pid)
{
	char path[96];
	struct dirent *entry;
	uint64_t sum = 0;
	DIR *tasks;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
		unsigned long long ns = 0;
		FILE *file;

		snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, entry->d_name);
		file = entry->d_name[0] != '.' ? fopen(path, "r") : NULL;
		if (file == NULL)
			continue;
		if (fscanf(file, "%llu", &ns) == 1)
			sum += ns;
		fclose(file);
	}
	if (tasks != NULL)
		closedir(tasks);
	return sum;
}

static void add_ticks(int pid, uint64_t *user, uint64_t *all)
{
	unsigned long utime, stime;
	char path[64], line[1024];
	const char *at;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (file == NULL)
		return;
	if (fgets(line, sizeof line, file) != NULL && (at = strrchr(line, ')')) != NULL &&
		sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &utime, &stime) == 2) {
		*user += utime;
		*all += utime + stime;
	}
	fclose(file);
}

static void read_totals(const struct cpu_watch *watch, uint64_t *total_ns, uint64_t *user, uint64_t *all)
{
	*total_ns = *user = *all = 0;
	for (size_t i = 0; i < watch->npids; i++) {
		*total_ns += run_ns(watch->pids[i]);
		add_ticks(watch->pids[i], user, all);
	}
}

void cpu_watch_start(struct cpu_watch *watch)
{
	cpu_watch_take(watch);
	watch->user = watch->all = watch->others = watch->idle = 0;
	read_totals(watch, &watch->total_ns, &watch->user_ticks, &watch->ticks);
}

struct cpu_use cpu_watch_stop(struct cpu_watch *watch)
{
	uint64_t total_ns, user, all;
	struct cpu_use use;

	cpu_watch_take(watch);
	read_totals(watch, &total_ns, &user, &all);
	user -= watch->user_ticks;
	all -= watch->ticks;
	use = (struct cpu_use){
		.total_ns = total_ns - watch->total_ns,
		.tick_share = all > 0 ? (double)user / (double)all : 0,
		.nsamples = watch->all,
	};
	use.user_share = use.tick_share;
	if (watch->all > 0) {
		use.user_share = (double)watch->user / (double)watch->all;
		use.others_share = (double)watch->others / (double)(watch->all + watch->others + watch->idle);
	}
	return use;
}
