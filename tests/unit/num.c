/* Numbers with bounds. */
#include "lonc/num.h"

#include "check.h"

#define NAN_ "not a number"
#define SMALL "too small"
#define LARGE "too large"
#define UNTOUCHED (-77)

struct test {
	const char	*text;
	int64_t		 min, max;
	int64_t		 n;		/* where why is NULL */
	const char	*why;
};

static const struct test whole[] = {
	{ "0", 0, 9, 0, NULL },
	{ "9", 0, 9, 9, NULL },
	{ "007", 0, 9, 7, NULL },
	{ "1", 1, 1, 1, NULL },
	{ "65535", 1, 65535, 65535, NULL },
	{ "9223372036854775807", 0, INT64_MAX, INT64_MAX, NULL },
	{ "0", 1, 9, 0, SMALL },
	{ "10", 1, 9, 0, LARGE },
	{ "9223372036854775808", 0, INT64_MAX, 0, LARGE },
	{ "9223372036854775810", 0, INT64_MAX, 0, LARGE },
	{ "18446744073709551617", 0, INT64_MAX, 0, LARGE },
	{ "99999999999999999999999999", 0, INT64_MAX, 0, LARGE },
	{ "99999999999999999999999999x", 0, INT64_MAX, 0, NAN_ },
	{ "", 0, 9, 0, NAN_ },
	{ "-1", 0, 9, 0, NAN_ },
	{ "+1", 0, 9, 0, NAN_ },
	{ " 1", 0, 9, 0, NAN_ },
	{ "1 ", 0, 9, 0, NAN_ },
	{ "1x", 0, 9, 0, NAN_ },
	{ "0x1", 0, 9, 0, NAN_ },
	{ "1.", 0, 9, 0, NAN_ },
	{ "1.0", 0, 9, 0, NAN_ },
	{ "1e1", 0, 99, 0, NAN_ },
	{ ":", 0, 99, 0, NAN_ },
	{ "/", 0, 99, 0, NAN_ },
};

static const struct test milli[] = {
	{ "0", 0, 9000, 0, NULL },
	{ "2.5", 0, 9000, 2500, NULL },
	{ "2.00", 0, 9000, 2000, NULL },
	{ "0.001", 1, 9000, 1, NULL },
	{ "0.05", 1, 9000, 50, NULL },
	{ "0.010", 10, 9000, 10, NULL },
	{ "9.000", 10, 9000, 9000, NULL },
	{ "86400", 10, 86400000, 86400000, NULL },
	{ "9223372036854775.807", 0, INT64_MAX, INT64_MAX, NULL },
	{ "0.009", 10, 9000, 0, SMALL },
	{ "0", 1, 9000, 0, SMALL },
	{ "9.001", 10, 9000, 0, LARGE },
	{ "9223372036854775.808", 0, INT64_MAX, 0, LARGE },
	{ "9223372036854776", 0, INT64_MAX, 0, LARGE },
	{ "9223372036854775807", 0, INT64_MAX, 0, LARGE },
	{ "9223372036854775808.1", 0, INT64_MAX, 0, LARGE },
	{ "", 0, 9000, 0, NAN_ },
	{ ".5", 0, 9000, 0, NAN_ },
	{ "5.", 0, 9000, 0, NAN_ },
	{ ".", 0, 9000, 0, NAN_ },
	{ "1.2345", 0, 9000, 0, NAN_ },
	{ "1.0000", 0, 9000, 0, NAN_ },
	{ "1.2.3", 0, 9000, 0, NAN_ },
	{ "1,5", 0, 9000, 0, NAN_ },
	{ "-1", 0, 9000, 0, NAN_ },
	{ "1.-1", 0, 9000, 0, NAN_ },
	{ "1.5s", 0, 9000, 0, NAN_ },
};

static void
check_test(const struct test *t, int (*parse)(const char *, int64_t, int64_t,
    int64_t *, const char **))
{
	int64_t n = UNTOUCHED;
	const char *why = NULL;
	int before = check_failed;

	CHECK_INT(t->why == NULL ? 0 : -1,
	    parse(t->text, t->min, t->max, &n, &why));
	CHECK_INT(t->why == NULL ? t->n : UNTOUCHED, n);
	CHECK_STR(t->why, why);
	if (check_failed > before)
		fprintf(stderr, "  of \"%s\"\n", t->text);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		check_test(&whole[i], num_parse);
	for (size_t i = 0; i < sizeof(milli) / sizeof(milli[0]); i++)
		check_test(&milli[i], num_parse_milli);
	return check_status();
}
