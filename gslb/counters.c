#include "gslb/counters.h"

const char *const counter_names[COUNTERS_N] = {
#define ROW(name, sentence) #name,
	COUNTERS(ROW)
#undef ROW
};

const char *const counter_sentences[COUNTERS_N] = {
#define ROW(name, sentence) sentence,
	COUNTERS(ROW)
#undef ROW
};
