/* See pause.h. */
#include "lonc/pause.h"

int64_t
pause_next(struct pause *p, int64_t min, int64_t max, uint32_t random)
{
	int64_t whole = p->next < min ? min : p->next > max ? max : p->next;

	p->next = whole < max / 2 ? whole * 2 : max;
	return whole / 2 + whole * (int64_t)random / UINT32_MAX / 2;
}

void
pause_reset(struct pause *p)
{
	p->next = 0;
}
