/*
 * What the fuzz targets share.  A target takes its input as a series of
 * choices, byte by byte, where it is not the very text to be read.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lonc/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond) do {							\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
		abort();						\
	}								\
} while (0)

struct input {
	const uint8_t	*p;
	size_t		 left;
};

/* take: the next byte, 0 when there is none. */
static inline unsigned
take(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

/*
 * take_text: n bytes, fewer at the end, as a block of exactly that size and
 * a NUL, for free(3): the sanitizer sees who reads past it.
 */
static inline char *
take_text(struct input *in, size_t *n)
{
	char *text;

	if (*n > in->left)
		*n = in->left;
	MUST((text = malloc(*n + 1)) != NULL);
	if (*n > 0)
		memcpy(text, in->p, *n);
	text[*n] = '\0';
	in->p += *n;
	in->left -= *n;
	return text;
}

/* take_line: the bytes before the next LF, which is dropped. */
static inline char *
take_line(struct input *in, size_t *n)
{
	const uint8_t *lf = in->left > 0 ? memchr(in->p, '\n', in->left) :
	    NULL;
	char *text;

	*n = lf != NULL ? (size_t)(lf - in->p) : in->left;
	text = take_text(in, n);
	(void)take(in);
	return text;
}

/* input_of: what is in a buffer; its bytes stay there. */
static inline struct input
input_of(const struct buf *b)
{
	return (struct input){ buf_len(b) > 0 ? (uint8_t *)buf_data(b) : NULL,
	    buf_len(b) };
}

static inline bool
printable(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

#endif
