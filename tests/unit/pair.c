/*
 * Whose is the next reply: single cases, then a long random series of calls
 * beside an array with one entry for each unanswered request.
 *
 * Not tested: memory that runs out.
 */
#include "lonc/pair.h"

#include "check.h"

static char askers[5];	/* only their addresses count */

#define A (&askers[0])
#define B (&askers[1])

static void
check_head(const struct pair *p, const void *who, size_t n)
{
	const struct pair_run *head = pair_head(p);

	CHECK(head->who == who);
	CHECK_INT(n, head->nreq);
}

/* The same, with what else is known of it. */
static void
check_run(const struct pair *p, const void *who, size_t n, unsigned tag,
    int64_t at)
{
	check_head(p, who, n);
	CHECK_INT(tag, pair_head(p)->tag);
	CHECK_INT(at, pair_head(p)->at);
}

static void
test_runs(void)
{
	struct pair p = { .nreq = 0 };

	CHECK_INT(0, pair_put(&p, A, 7, 1));
	CHECK_INT(0, pair_put(&p, A, 7, 1));
	CHECK_INT(0, pair_put(&p, B, 7, 1));
	CHECK_INT(0, pair_put(&p, A, 7, 1));
	CHECK_INT(4, p.nreq);
	check_run(&p, A, 2, 7, 1);
	pair_take(&p, 1, 5);
	check_run(&p, A, 1, 7, 1);
	pair_take(&p, 1, 6);
	check_run(&p, B, 1, 7, 1);
	pair_take(&p, 1, 7);
	check_run(&p, A, 1, 7, 1);
	CHECK_INT(0, pair_put(&p, A, 7, 1));
	check_run(&p, A, 2, 7, 1);
	pair_take(&p, 2, 9);
	CHECK_INT(0, p.nreq);
	pair_free(&p);
}

/* What differs in kind or in time is no row. */
static void
test_unlike(void)
{
	struct pair p = { .nreq = 0 };

	CHECK_INT(0, pair_put(&p, A, 1, 10));
	CHECK_INT(0, pair_put(&p, A, 2, 10));
	CHECK_INT(0, pair_put(&p, A, 2, 11));
	CHECK_INT(0, pair_put(&p, A, 2, 11));
	CHECK_INT(0, pair_put(&p, A, 1, 11));
	CHECK_INT(5, p.nreq);
	check_run(&p, A, 1, 1, 10);
	pair_take(&p, 1, 20);
	check_run(&p, A, 1, 2, 10);
	pair_take(&p, 1, 20);
	check_run(&p, A, 2, 2, 11);
	pair_forget(&p, A);
	check_run(&p, NULL, 2, 2, 11);
	pair_take(&p, 2, 20);
	check_run(&p, NULL, 1, 1, 11);
	pair_free(&p);
}

/* The oldest is so since it was put if it was alone, else since the last. */
static void
test_since(void)
{
	struct pair p = { .nreq = 0 };

	CHECK_INT(0, pair_put(&p, A, 0, 100));
	CHECK_INT(100, p.since);
	CHECK_INT(0, pair_put(&p, A, 0, 200));
	CHECK_INT(0, pair_put(&p, B, 0, 300));
	CHECK_INT(100, p.since);
	pair_take(&p, 1, 400);
	CHECK_INT(400, p.since);
	CHECK_INT(0, pair_put(&p, B, 0, 500));
	CHECK_INT(400, p.since);
	pair_forget(&p, A);
	CHECK_INT(400, p.since);
	pair_take(&p, 1, 600);
	CHECK_INT(600, p.since);
	pair_take(&p, 1, 650);
	CHECK_INT(650, p.since);
	pair_take(&p, 1, 700);
	CHECK_INT(0, pair_put(&p, A, 0, 800));
	CHECK_INT(800, p.since);
	pair_free(&p);
}

/* Replies still come for those that nobody waits for any more. */
static void
test_forget(void)
{
	struct pair p = { .nreq = 0 };

	pair_forget(&p, A);
	CHECK_INT(0, pair_put(&p, A, 0, 0));
	CHECK_INT(0, pair_put(&p, B, 0, 0));
	CHECK_INT(0, pair_put(&p, A, 0, 0));
	pair_forget(&p, A);
	CHECK_INT(3, p.nreq);
	/* Somebody else may have its address now. */
	CHECK_INT(0, pair_put(&p, A, 0, 0));
	check_head(&p, NULL, 1);
	pair_take(&p, 1, 0);
	check_head(&p, B, 1);
	pair_take(&p, 1, 0);
	check_head(&p, NULL, 1);
	pair_take(&p, 1, 0);
	check_head(&p, A, 1);
	pair_free(&p);
	CHECK_INT(0, p.nreq);
	pair_free(&p);
}

/* A row costs nothing; what does not is kept in its order as it grows. */
static void
test_growth(void)
{
	struct pair p = { .nreq = 0 };
	size_t first;

	for (int i = 0; i < 100000; i++)
		CHECK_INT(0, pair_put(&p, A, 0, 0));
	first = p.cap;
	CHECK(first <= 64);
	pair_take(&p, 99999, 0);

	/* The ring is turned, so that it grows with its head inside. */
	for (size_t i = 1; i < first; i++) {
		CHECK_INT(0, pair_put(&p, i % 2 == 0 ? A : B, 0, 0));
		if (i < first / 2) {
			check_head(&p, i % 2 == 0 ? B : A, 1);
			pair_take(&p, 1, 0);
		}
	}
	CHECK(p.head > 0);
	while (p.nreq > 0) {
		check_head(&p, p.nreq % 2 == 0 ? A : B, 1);
		pair_take(&p, 1, 0);
	}
	for (size_t i = 0; i < 10 * first; i++)
		CHECK_INT(0, pair_put(&p, i % 2 == 0 ? A : B, 0, 0));
	CHECK(p.cap >= 10 * first && p.cap < 20 * first);
	for (size_t i = 0; i < 10 * first; i++) {
		check_head(&p, i % 2 == 0 ? A : B, 1);
		pair_take(&p, 1, 0);
	}
	CHECK_INT(0, p.nreq);
	pair_free(&p);
}

/* The random calls.  What should be next is model[0]. */
#define MODEL_MAX 500

static struct pair_run model[MODEL_MAX];	/* of one request each */
static size_t model_len;
static int64_t model_since;
static unsigned seed = 1;

static size_t
random_below(size_t n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % n;
}

static void
random_put(struct pair *p, int64_t now)
{
	void *who = &askers[random_below(sizeof(askers))];
	unsigned tag = random_below(2);
	size_t n = 1 + random_below(4);

	for (; n > 0 && model_len < MODEL_MAX; n--) {
		if (model_len == 0)
			model_since = now;
		model[model_len++] = (struct pair_run){ who, 1, now, tag };
		CHECK_INT(0, pair_put(p, who, tag, now));
	}
}

static void
random_take(struct pair *p, int64_t now)
{
	size_t n;

	if (model_len == 0)
		return;
	n = 1 + random_below(pair_head(p)->nreq);
	pair_take(p, n, now);
	memmove(model, model + n, (model_len - n) * sizeof(model[0]));
	model_len -= n;
	model_since = now;
}

static void
random_forget(struct pair *p)
{
	void *who = &askers[random_below(sizeof(askers))];

	pair_forget(p, who);
	for (size_t i = 0; i < model_len; i++)
		if (model[i].who == who)
			model[i].who = NULL;
}

static int
alike(const struct pair_run *a, const struct pair_run *b)
{
	return a->who == b->who && a->tag == b->tag && a->at == b->at;
}

/* As many in a row as there are; of the forgotten it may be told fewer. */
static int
agrees(const struct pair *p)
{
	const struct pair_run *head;
	size_t row = 0;

	if (p->nreq != model_len)
		return 0;
	if (model_len == 0)
		return 1;
	while (row < model_len && alike(&model[row], &model[0]))
		row++;
	head = pair_head(p);
	return p->since == model_since && alike(head, &model[0]) &&
	    head->nreq > 0 &&
	    (head->who != NULL ? head->nreq == row : head->nreq <= row);
}

static void
test_random(void)
{
	struct pair p = { .nreq = 0 };
	size_t fill;

	for (int i = 0; i < 200000; i++) {
		/* Long times of growing, then of shrinking. */
		fill = i / 3000 % 2 == 0 ? 55 : 40;
		if (random_below(100) < fill)
			random_put(&p, i / 4);
		else
			random_take(&p, i / 4);
		if (random_below(200) == 0)
			random_forget(&p);
		if (!CHECK(agrees(&p)))
			break;
	}
	pair_free(&p);
}

int
main(void)
{
	test_runs();
	test_unlike();
	test_since();
	test_forget();
	test_growth();
	test_random();
	return check_status();
}
