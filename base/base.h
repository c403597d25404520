/* base - the ground floor: what every other folder stands on, and nothing that knows DNS service steering.
 * This is the folder's one public header; it pulls in the small ones. */
#ifndef GSLB_BASE_H
#define GSLB_BASE_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/dice.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/huge.h"
#include "base/likely.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/name.h"
#include "base/units.h"

#endif
