/*
 * A queue of bytes in one piece of memory.  The bytes that count are
 * store[off .. off + len); the front is reclaimed by moving them only when
 * at least as many bytes are free before them as must be moved, so that a
 * byte is moved a constant number of times in all.
 */
#include "lonc/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 256	/* bytes of the first storage */

char *
buf_reserve(struct buf *b, size_t n)
{
	size_t cap;
	char *p;

	if (b->len > b->max || n > b->max - b->len) {
		errno = EMSGSIZE;
		return NULL;
	}
	if (b->store != NULL && n <= b->cap - b->off - b->len)
		return b->store + b->off + b->len;
	if (b->store != NULL && b->off >= b->len && n <= b->cap - b->len) {
		memmove(b->store, b->store + b->off, b->len);
		b->off = 0;
		return b->store + b->len;
	}
	/*
	 * Twice as much in any case, even if the bytes would fit when moved
	 * to the front: a nearly full buffer would move them all for every
	 * few that pass through.  max is far below SIZE_MAX / 4, so that
	 * doubling cannot wrap.
	 */
	for (cap = b->cap > 0 ? 2 * b->cap : BUF_FIRST; cap < b->len + n; )
		cap *= 2;
	if ((p = malloc(cap)) == NULL)
		return NULL;
	if (b->store != NULL) {
		memcpy(p, b->store + b->off, b->len);
		explicit_bzero(b->store, b->cap);
		free(b->store);
	}
	b->store = p;
	b->cap = cap;
	b->off = 0;
	return p + b->len;
}

void
buf_commit(struct buf *b, size_t n)
{
	assert(n <= b->cap - b->off - b->len);
	b->len += n;
}

int
buf_put(struct buf *b, const void *data, size_t n)
{
	char *p;

	if (n == 0)
		return 0;
	if ((p = buf_reserve(b, n)) == NULL)
		return -1;
	memcpy(p, data, n);
	b->len += n;
	return 0;
}

int
buf_puts(struct buf *b, const char *s)
{
	return buf_put(b, s, strlen(s));
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text)) {
		errno = EOVERFLOW;
		return -1;
	}
	return buf_put(b, text, n);
}

void
buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->off += n;
	b->len -= n;
	if (b->len == 0)
		b->off = 0;
}

void
buf_cut(struct buf *b, size_t n)
{
	assert(n <= b->len);
	b->len = n;
	if (n == 0)
		b->off = 0;
}

void
buf_trim(struct buf *b)
{
	if (b->len == 0)
		buf_free(b);
}

void
buf_free(struct buf *b)
{
	free(b->store);
	b->store = NULL;
	b->cap = b->off = b->len = 0;
}

void
buf_wipe(struct buf *b)
{
	if (b->store != NULL)
		explicit_bzero(b->store, b->cap);
	buf_free(b);
}
