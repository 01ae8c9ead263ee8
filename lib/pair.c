/*
 * Unanswered requests as a ring of runs: a client that sends many at once
 * takes one entry.  The ring starts small and doubles, so that an idle link
 * does not keep a large one warm.
 */
#include "lonc/pair.h"

#include <assert.h>
#include <stdlib.h>

#define PAIR_FIRST 16	/* runs of the first ring */

static struct pair_run *
run_at(const struct pair *p, size_t i)
{
	return &p->ring[(p->head + i) & (p->cap - 1)];
}

static int
grow(struct pair *p)
{
	size_t cap = p->cap > 0 ? p->cap * 2 : PAIR_FIRST;
	struct pair_run *ring;

	if ((ring = calloc(cap, sizeof(*ring))) == NULL)
		return -1;
	for (size_t i = 0; i < p->nrun; i++)
		ring[i] = *run_at(p, i);
	free(p->ring);
	p->ring = ring;
	p->cap = cap;
	p->head = 0;
	return 0;
}

int
pair_put(struct pair *p, void *who, unsigned tag, int64_t now)
{
	struct pair_run *last;

	if (p->nreq == 0)
		p->since = now;
	if (p->nrun > 0) {
		last = run_at(p, p->nrun - 1);
		if (last->who == who && last->tag == tag && last->at == now) {
			last->nreq++;
			p->nreq++;
			return 0;
		}
	}
	if (p->nrun == p->cap && grow(p) == -1)
		return -1;
	last = run_at(p, p->nrun++);
	*last = (struct pair_run){ who, 1, now, tag };
	p->nreq++;
	return 0;
}

const struct pair_run *
pair_head(const struct pair *p)
{
	assert(p->nreq > 0);
	return run_at(p, 0);
}

void
pair_take(struct pair *p, size_t n, int64_t now)
{
	struct pair_run *first = run_at(p, 0);

	assert(p->nreq > 0 && n <= first->nreq);
	first->nreq -= n;
	p->nreq -= n;
	p->since = now;
	if (first->nreq == 0) {
		p->head = (p->head + 1) & (p->cap - 1);
		p->nrun--;
	}
}

void
pair_forget(struct pair *p, const void *who)
{
	for (size_t i = 0; i < p->nrun; i++)
		if (run_at(p, i)->who == who)
			run_at(p, i)->who = NULL;
}

void
pair_free(struct pair *p)
{
	free(p->ring);
	*p = (struct pair){ NULL, 0, 0, 0, 0, 0 };
}
