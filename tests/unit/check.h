/*
 * CHECK macros: print file:line, what was wanted and what came (bytes in
 * hex), and go on.  A test's main ends with return check_status().
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <string.h>

static int check_failed, check_passed;

static inline void
check_hex(const char *what, const void *data, size_t len)
{
	const unsigned char *p = data;

	fprintf(stderr, "  %s %zu:", what, len);
	for (size_t i = 0; i < len && i < 80; i++)
		fprintf(stderr, " %02x", p[i]);
	fprintf(stderr, "%s\n", len > 80 ? " ..." : "");
}

static inline int
check_note(int good, const char *file, int line, const char *text)
{
	if (good) {
		check_passed++;
		return 1;
	}
	check_failed++;
	fprintf(stderr, "%s:%d: %s\n", file, line, text);
	return 0;
}

/* A condition that must hold. */
#define CHECK(cond) check_note(!!(cond), __FILE__, __LINE__, #cond)

/* Two integers that must be equal. */
#define CHECK_INT(want, got) do {					\
	long long w_ = (long long)(want), g_ = (long long)(got);	\
	if (!check_note(w_ == g_, __FILE__, __LINE__, #got))		\
		fprintf(stderr, "  wanted %lld, got %lld\n", w_, g_);	\
} while (0)

/* Two strings of bytes that must be equal. */
#define CHECK_MEM(want, wantlen, got, gotlen) do {			\
	const void *w_ = (want), *g_ = (got);				\
	size_t wl_ = (wantlen), gl_ = (gotlen);				\
	if (!check_note(wl_ == gl_ && (wl_ == 0 ||			\
	    memcmp(w_, g_, wl_) == 0), __FILE__, __LINE__, #got)) {	\
		check_hex("wanted", w_, wl_);				\
		check_hex("got   ", g_, gl_);				\
	}								\
} while (0)

/* Two C strings that must be equal; NULL equals only NULL. */
#define CHECK_STR(want, got) do {					\
	const char *w_ = (want), *g_ = (got);				\
	if (!check_note(w_ && g_ ? strcmp(w_, g_) == 0 : w_ == g_,	\
	    __FILE__, __LINE__, #got))					\
		fprintf(stderr, "  wanted \"%s\"\n  got    \"%s\"\n",	\
		    w_ ? w_ : "(null)", g_ ? g_ : "(null)");		\
} while (0)

static inline int
check_status(void)
{
	if (check_failed > 0)
		fprintf(stderr, "%d of %d checks failed\n", check_failed,
		    check_failed + check_passed);
	return check_failed > 0 || check_passed == 0;
}

#endif
