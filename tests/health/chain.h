/* chain - what arithmetic says of false alarms: probes of an endpoint that is up are lost with probability p, each for itself. It
 * knows the detector's formula from ALGORITHMS, not its code. */
#ifndef GSLB_TESTS_CHAIN_H
#define GSLB_TESTS_CHAIN_H

/* False alarms a probe of a plain count: `fall` losses in a row, and then it starts anew. */
double chain_plain(double p, unsigned fall);
/* The same of log-likelihoods, for a detector that knows p. */
double chain_adaptive(double p, unsigned fall);

#endif
