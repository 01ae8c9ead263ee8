/*
 * pause: how long to wait between attempts: growing, capped, then jittered.
 * Jitter comes after the cap: before it, peers that have all reached the
 * cap would call at the same moments for ever.
 */
#ifndef LONC_PAUSE_H
#define LONC_PAUSE_H

#include <stdint.h>

struct pause {
	int64_t	next;	/* ms before jitter; 0 at first and after a reset */
};

/*
 * pause_next: the next pause in ms: half to all of min, then of twice as
 * much each time, of max at the most.  random is 32 random bits.
 */
int64_t pause_next(struct pause *p, int64_t min, int64_t max, uint32_t random);

/* pause_reset: begin anew with min. */
void pause_reset(struct pause *p);

#endif
