/*
 * num: numbers in options and settings, with bounds and nothing around them.
 * (strtonum(3) is not in every C library lonc-send is built with.)
 */
#ifndef LONC_NUM_H
#define LONC_NUM_H

#include <stdint.h>

/*
 * num_parse: decimal digits only, 0 <= min <= *n <= max.
 * Returns  0, or -1 with *why "not a number", "too small" or "too large"
 *          (a constant); *n is then as it was.
 */
int num_parse(const char *text, int64_t min, int64_t max, int64_t *n,
    const char **why);

/*
 * num_parse_milli: the same for a decimal number with up to three digits
 * after a point, in thousandths: "2.5" is 2500, and so are min and max.
 * There is a digit on both sides of a point.
 */
int num_parse_milli(const char *text, int64_t min, int64_t max, int64_t *n,
    const char **why);

#endif
