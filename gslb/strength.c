#include "gslb/strength.h"

struct vigour strength_vigour(const struct strength *strength)
{
	bool spare = strength->nup == 0; /* what has weight 0 answers */
	uint64_t up = spare ? strength->zero_up : strength->up, of = spare ? strength->zero_of : strength->of;
	uint32_t lost = spare ? strength->zero_of - strength->zero_up : strength->nof - strength->nup;
	struct vigour vigour = VIGOUR_FULL;
	uint64_t serves;

	if (up == of)
		return vigour;
	vigour.health = (uint16_t)(up * 1000 / of);
	vigour.panics = up * 1000 < of * STRENGTH_PANIC_PERMILLE && lost >= STRENGTH_PANIC_LOST;
	serves = up * STRENGTH_RESERVE_PERMILLE / of;
	vigour.serves = serves > 1000 ? 1000 : serves > 0 ? (uint16_t)serves : 1;
	return vigour;
}
