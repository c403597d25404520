/* likely - which way a branch of the packet path goes nearly always. Between two batches the kernel has had the processor's caches and its
 * branch predictor to itself: what is usual should lie in one straight line, and what is rare out of its way. Elsewhere branches are the
 * compiler's to guess. */
#ifndef GSLB_BASE_LIKELY_H
#define GSLB_BASE_LIKELY_H

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#endif
