/* See num.h. */
#include "lonc/num.h"

#include <stdbool.h>
#include <stddef.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One more digit behind those of n; -1, for good, if there is no room. */
static int64_t
append(int64_t n, int digit)
{
	if (n == -1 || n > (INT64_MAX - digit) / 10)
		return -1;
	return n * 10 + digit;
}

/*
 * The number in units of its last decimal, -1 if int64_t cannot hold it.
 * Returns what follows the number, or NULL if there is none.
 */
static const char *
scan(const char *p, int decimals, int64_t *n)
{
	if (!is_digit(*p))
		return NULL;
	for (*n = 0; is_digit(*p); p++)
		*n = append(*n, *p - '0');
	if (decimals > 0 && *p == '.') {
		if (!is_digit(*++p))
			return NULL;
		for (; decimals > 0 && is_digit(*p); p++, decimals--)
			*n = append(*n, *p - '0');
	}
	while (decimals-- > 0)
		*n = append(*n, 0);
	return p;
}

static int
parse(const char *text, int decimals, int64_t min, int64_t max, int64_t *n,
    const char **why)
{
	const char *end;
	int64_t got;

	if ((end = scan(text, decimals, &got)) == NULL || *end != '\0')
		*why = "not a number";
	else if (got == -1 || got > max)
		*why = "too large";
	else if (got < min)
		*why = "too small";
	else {
		*n = got;
		return 0;
	}
	return -1;
}

int
num_parse(const char *text, int64_t min, int64_t max, int64_t *n,
    const char **why)
{
	return parse(text, 0, min, max, n, why);
}

int
num_parse_milli(const char *text, int64_t min, int64_t max, int64_t *n,
    const char **why)
{
	return parse(text, 3, min, max, n, why);
}
