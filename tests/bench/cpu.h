/* cpu - what some processes used of one core while they were watched, and how much of it outside of the kernel.
 *
 * The total is exact: the scheduler's own nanoseconds (/proc/PID/task/TID/schedstat), without the time that a hypervisor stole
 * where the kernel knows it. The kernel keeps no such account for user and system: utime and stime divide that same total by
 * which of the two the timer's tick happened to see, 100 to 1000 times a second, and they do so over the whole life of the
 * process, so that what it did while it started leaks into what it does later (a server that computed for two seconds and then
 * ran a tenth in user mode was given 37 %). So the split is sampled here by a clock of our own, some 5000 times a second: perf's
 * cpu-clock on that core, which needs no hardware counters, with a period that is no multiple of the tick's. A user share of
 * 10 % is then known to one part in 50 after 4 seconds. Where perf is not allowed, utime and stime have to do. */
#ifndef GSLB_BENCH_CPU_H
#define GSLB_BENCH_CPU_H

#include "base/base.h"

enum { CPU_PIDS_MAX = 64 };

struct cpu_use {
	uint64_t total_ns;
	double user_share;   /* of total_ns: 0 to 1 */
	double tick_share;   /* the same by utime and stime, to compare */
	double others_share; /* of the core: what it ran meanwhile that is not watched; 0 without samples */
	uint64_t nsamples;   /* that user_share was made from; 0: it is tick_share */
};

struct cpu_watch;

/* Watch these processes, which have the core (number) to themselves. The pids are copied. */
struct cpu_watch *cpu_watch_new(const int *pids, size_t npids, unsigned core);
void cpu_watch_free(struct cpu_watch *watch);
void cpu_watch_start(struct cpu_watch *watch);
/* To be called several times a second, so that no sample is lost. */
void cpu_watch_take(struct cpu_watch *watch);
struct cpu_use cpu_watch_stop(struct cpu_watch *watch);

#endif
