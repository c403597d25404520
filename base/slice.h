/* slice - how soon the scheduler lets a thread in that waited. */
#ifndef GSLB_BASE_SLICE_H
#define GSLB_BASE_SLICE_H

/* Of the calling thread: what it does between two waits is short. Who says so to the scheduler (Linux 6.12, sched_setattr(2)) runs at once
 * when there is something to do, where it would else wait for milliseconds until another thread has had a slice of its own. It is given no
 * more time by that. A wish: older kernels take no notice. */
void slice_ask_short(void);

#endif
