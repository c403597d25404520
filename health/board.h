/* board - gslb-health's side of the verdict board: map what gslbd made, and write slots. */
#ifndef GSLB_HEALTH_BOARD_H
#define GSLB_HEALTH_BOARD_H

#include "health/health.h"

/* Map the board for writing. The descriptor stays the caller's and may be closed afterwards. NULL when it is too small for
 * nslots, or could shrink under us. board_detach gives it back. */
struct board_slot *board_attach(int fd, uint32_t nslots, struct err *err);
void board_detach(struct board_slot *slots, uint32_t nslots);

#endif
