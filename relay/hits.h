/* hits - what caches and applications say they were asked for: lines "CLASS VALUE [TIMES]", such as "url https://www.example.com/a" or
 * "key product:42 17", in a file that another program writes (a cache's log in that format) and that is followed as it grows, is cut
 * short or is replaced. Main thread. */
#ifndef GSLB_RELAY_HITS_H
#define GSLB_RELAY_HITS_H

#include "relay/event.h"

struct hits;

struct hits_ear {
	void *arg;
	void (*hit)(void *arg, enum event_class class, const char *text, double times);
};

/* One line, without its newline. False, and nothing is heard: it is none. */
bool hits_line(const char *line, size_t len, const struct hits_ear *ear);

/* What is in the file by now is not read; it need not be there. path is borrowed. */
struct hits *hits_follow(const char *path);
void hits_free(struct hits *hits); /* NULL is fine */
/* Read what was added; at most 256 KiB at once, which stand for what was passed over then. Returns lines that were none. */
size_t hits_read(struct hits *hits, const struct hits_ear *ear);

#endif
