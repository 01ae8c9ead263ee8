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
	size_t got = 0;

	CHECK(pair_head(p, &got) == who);
	CHECK_INT(n, got);
}

static void
test_runs(void)
{
	struct pair p = { .nreq = 0 };

	CHECK_INT(0, pair_put(&p, A, 1));
	CHECK_INT(0, pair_put(&p, A, 2));
	CHECK_INT(0, pair_put(&p, B, 3));
	CHECK_INT(0, pair_put(&p, A, 4));
	CHECK_INT(4, p.nreq);
	check_head(&p, A, 2);
	pair_take(&p, 1, 5);
	check_head(&p, A, 1);
	pair_take(&p, 1, 6);
	check_head(&p, B, 1);
	pair_take(&p, 1, 7);
	check_head(&p, A, 1);
	CHECK_INT(0, pair_put(&p, A, 8));
	check_head(&p, A, 2);
	pair_take(&p, 2, 9);
	CHECK_INT(0, p.nreq);
	pair_free(&p);
}

/* The oldest is so since it was put if it was alone, else since the last. */
static void
test_since(void)
{
	struct pair p = { .nreq = 0 };

	CHECK_INT(0, pair_put(&p, A, 100));
	CHECK_INT(100, p.since);
	CHECK_INT(0, pair_put(&p, A, 200));
	CHECK_INT(0, pair_put(&p, B, 300));
	CHECK_INT(100, p.since);
	pair_take(&p, 1, 400);
	CHECK_INT(400, p.since);
	CHECK_INT(0, pair_put(&p, B, 500));
	CHECK_INT(400, p.since);
	pair_forget(&p, A);
	CHECK_INT(400, p.since);
	pair_take(&p, 1, 600);
	CHECK_INT(600, p.since);
	pair_take(&p, 2, 700);
	CHECK_INT(0, pair_put(&p, A, 800));
	CHECK_INT(800, p.since);
	pair_free(&p);
}

/* Replies still come for those that nobody waits for any more. */
static void
test_forget(void)
{
	struct pair p = { .nreq = 0 };

	pair_forget(&p, A);
	CHECK_INT(0, pair_put(&p, A, 0));
	CHECK_INT(0, pair_put(&p, B, 0));
	CHECK_INT(0, pair_put(&p, A, 0));
	pair_forget(&p, A);
	CHECK_INT(3, p.nreq);
	/* Somebody else may have its address now. */
	CHECK_INT(0, pair_put(&p, A, 0));
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
		CHECK_INT(0, pair_put(&p, A, i));
	first = p.cap;
	CHECK(first <= 64);
	pair_take(&p, 99999, 0);

	/* The ring is turned, so that it grows with its head inside. */
	for (size_t i = 1; i < first; i++) {
		CHECK_INT(0, pair_put(&p, i % 2 == 0 ? A : B, 0));
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
		CHECK_INT(0, pair_put(&p, i % 2 == 0 ? A : B, 0));
	CHECK(p.cap >= 10 * first && p.cap < 20 * first);
	for (size_t i = 0; i < 10 * first; i++) {
		check_head(&p, i % 2 == 0 ? A : B, 1);
		pair_take(&p, 1, 0);
	}
	CHECK_INT(0, p.nreq);
	pair_free(&p);
}

/* The random calls.  Who should be next is model[0]. */
#define MODEL_MAX 500

static void *model[MODEL_MAX];
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
	size_t n = 1 + random_below(4);

	for (; n > 0 && model_len < MODEL_MAX; n--) {
		if (model_len == 0)
			model_since = now;
		model[model_len++] = who;
		CHECK_INT(0, pair_put(p, who, now));
	}
}

static void
random_take(struct pair *p, int64_t now)
{
	size_t n = 0;

	if (model_len == 0)
		return;
	pair_head(p, &n);
	n = 1 + random_below(n);
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
		if (model[i] == who)
			model[i] = NULL;
}

/* As many in a row as there are; of the forgotten it may be told fewer. */
static int
agrees(const struct pair *p)
{
	size_t row = 0, n = 0;
	void *who;

	if (p->nreq != model_len)
		return 0;
	if (model_len == 0)
		return 1;
	while (row < model_len && model[row] == model[0])
		row++;
	who = pair_head(p, &n);
	return p->since == model_since && who == model[0] && n > 0 &&
	    (who != NULL ? n == row : n <= row);
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
			random_put(&p, i);
		else
			random_take(&p, i);
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
	test_since();
	test_forget();
	test_growth();
	test_random();
	return check_status();
}
