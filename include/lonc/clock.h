/* clock: time that only goes forward, from no particular beginning. */
#ifndef LONC_CLOCK_H
#define LONC_CLOCK_H

#include <stdint.h>

int64_t clock_us(void);		/* microseconds */
int64_t clock_ms(void);

#endif
