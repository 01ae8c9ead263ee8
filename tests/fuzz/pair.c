/* Requests and replies in any order, beside a plain list of them. */
#include "lonc/pair.h"

#include "fuzz.h"

static struct pair_run list[4096];
static char askers[4];

static void
forget(size_t first, size_t end, const void *who)
{
	for (; first < end; first++)
		if (list[first].who == who)
			list[first].who = NULL;
}

static void
check(const struct pair *p, size_t first, size_t end, int64_t since)
{
	const struct pair_run *head;

	MUST(p->nreq == end - first);
	if (p->nreq == 0)
		return;
	head = pair_head(p);
	MUST(p->since == since && head->nreq > 0 && head->nreq <= p->nreq);
	for (size_t i = first; i < first + head->nreq; i++)
		MUST(list[i].who == head->who && list[i].tag == head->tag &&
		    list[i].at == head->at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct pair p = { NULL, 0, 0, 0, 0, 0 };
	size_t first = 0, end = 0, n;
	int64_t now = 0, since = 0;
	unsigned op;

	while (in.left > 0 && end < sizeof(list) / sizeof(list[0])) {
		op = take(&in);
		now += op >> 6;
		if (op % 4 < 2) {
			since = first == end ? now : since;
			list[end] = (struct pair_run){ &askers[op >> 2 & 3], 1,
			    now, op >> 4 & 1 };
			MUST(pair_put(&p, list[end].who, list[end].tag, now)
			    == 0);
			end++;
		} else if (op % 4 == 2 && first < end) {
			n = 1 + (op >> 2) % pair_head(&p)->nreq;
			pair_take(&p, n, now);
			first += n;
			since = now;
		} else if (op == 0xff) {
			pair_free(&p);
			first = end;
		} else {
			pair_forget(&p, &askers[op >> 2 & 3]);
			forget(first, end, &askers[op >> 2 & 3]);
		}
		check(&p, first, end, since);
	}
	pair_free(&p);
	return 0;
}
