/* service - gslb-health at work: what gslbd sends is taken in, what is seen is told. */
#ifndef GSLB_HEALTH_SERVICE_H
#define GSLB_HEALTH_SERVICE_H

#include "base/base.h"

/* Serve gslbd on this SOCK_SEQPACKET socket until the other side closes it. False, with the reason, if it could not start. */
bool service_run(int sock, struct err *err);

/* Prepare the process: as many descriptors as it may have, no core files. How many of them probes may use together. */
unsigned service_descriptors(void);

#endif
