/* Pauses between attempts: without jitter as a table, then their range. */
#include "lonc/pause.h"

#include "check.h"

#define DAY (24LL * 60 * 60 * 1000)	/* the most that can be configured */
#define N 6

/* The first pauses at the most, when nothing comes between. */
static const struct {
	int64_t	min, max;	/* even, as half of them is checked too */
	int64_t	pauses[N];
} cases[] = {
	{ 1000, 240000, { 1000, 2000, 4000, 8000, 16000, 32000 } },
	{ 1000, 8000, { 1000, 2000, 4000, 8000, 8000, 8000 } },
	{ 1000, 7000, { 1000, 2000, 4000, 7000, 7000, 7000 } },
	{ 1000, 2000, { 1000, 2000, 2000, 2000, 2000, 2000 } },
	{ 1000, 1998, { 1000, 1998, 1998, 1998, 1998, 1998 } },
	{ 1000, 1002, { 1000, 1002, 1002, 1002, 1002, 1002 } },
	{ 1000, 1000, { 1000, 1000, 1000, 1000, 1000, 1000 } },
	{ 10, 10, { 10, 10, 10, 10, 10, 10 } },
	{ 10, DAY, { 10, 20, 40, 80, 160, 320 } },
	{ DAY / 4, DAY, { DAY / 4, DAY / 2, DAY, DAY, DAY, DAY } },
	{ DAY, DAY, { DAY, DAY, DAY, DAY, DAY, DAY } },
};

static const uint32_t randoms[] = {
	0, 1, 2, 3, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xdeadbeef,
	UINT32_MAX - 1, UINT32_MAX,
};
#define NRANDOM (sizeof(randoms) / sizeof(randoms[0]))

/* A lucky draw makes one pause short, not those that follow. */
static void
test_growth(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pause longest = { 0 }, shortest = { 0 };
		int64_t min = cases[i].min, max = cases[i].max;

		for (int k = 0; k < N; k++) {
			CHECK_INT(cases[i].pauses[k], pause_next(&longest,
			    min, max, UINT32_MAX));
			CHECK_INT(cases[i].pauses[k] / 2, pause_next(&shortest,
			    min, max, 0));
		}
	}
}

/* Half to all, whatever the bits, and more for more; odd numbers too. */
static void
test_range(void)
{
	static const int64_t wholes[] = {
		10, 11, 1000, 1001, 239999, DAY - 1, DAY,
	};
	int64_t wait, before;

	for (size_t i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++) {
		before = 0;
		for (size_t k = 0; k < NRANDOM; k++) {
			struct pause p = { 0 };

			wait = pause_next(&p, wholes[i], DAY, randoms[k]);
			CHECK(wait >= wholes[i] / 2 && wait <= wholes[i]);
			CHECK(wait >= before);
			before = wait;
		}
		/* Less than a ms is lost on the way. */
		CHECK(before >= wholes[i] - 1);
	}
}

/* Once at the cap it stays there, and still no two need be alike. */
static void
test_cap(void)
{
	struct pause p = { 0 };

	for (int i = 0; i < 100; i++)
		pause_next(&p, 1000, 240000, 12345);
	CHECK_INT(120000, pause_next(&p, 1000, 240000, 0));
	CHECK_INT(240000, pause_next(&p, 1000, 240000, UINT32_MAX));
	CHECK_INT(180000, pause_next(&p, 1000, 240000, 0x80000000));
}

/* New settings count at once. */
static void
test_settings(void)
{
	struct pause p = { 0 };

	for (int i = 0; i < 100; i++)
		pause_next(&p, 1000, 240000, 0);
	CHECK_INT(60000, pause_next(&p, 1000, 60000, UINT32_MAX));
	CHECK_INT(60000, pause_next(&p, 1000, 240000, UINT32_MAX));
	CHECK_INT(120000, pause_next(&p, 1000, 240000, UINT32_MAX));
	CHECK_INT(300000, pause_next(&p, 300000, 600000, UINT32_MAX));
}

static void
test_reset(void)
{
	struct pause p = { 0 };

	for (int i = 0; i < 4; i++)
		pause_next(&p, 1000, 240000, 0);
	pause_reset(&p);
	CHECK_INT(1000, pause_next(&p, 1000, 240000, UINT32_MAX));
	CHECK_INT(2000, pause_next(&p, 1000, 240000, UINT32_MAX));
}

int
main(void)
{
	test_growth();
	test_range();
	test_cap();
	test_settings();
	test_reset();
	return check_status();
}
