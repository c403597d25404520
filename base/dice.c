#include "base/dice.h"

#include <stdlib.h>
#include <sys/random.h>

struct dice dice_from_kernel(void)
{
	struct dice dice;

	if (getrandom(&dice.state, sizeof dice.state, 0) != (ssize_t)sizeof dice.state)
		abort();
	return dice;
}
