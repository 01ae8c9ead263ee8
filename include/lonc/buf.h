/*
 * buf: a queue of bytes with a maximum.  Bytes are put at the end and
 * consumed from the front.
 *
 * A struct buf that is all zero but for max is an empty buffer without
 * storage; buf_free() makes it so again.  Pointers into a buffer are good
 * until the next call that changes it.
 */
#ifndef LONC_BUF_H
#define LONC_BUF_H

#include <stddef.h>

struct buf {
	char	*store;		/* malloc(3)ed, or NULL */
	size_t	 cap;		/* bytes of store */
	size_t	 off;		/* first byte that counts */
	size_t	 len;		/* bytes that count */
	size_t	 max;		/* of them; may be changed at any time */
};

#define BUF_INIT(max) { NULL, 0, 0, 0, (max) }

/* buf_data: its first byte; not to be used when buf_len() is 0. */
static inline char *
buf_data(const struct buf *b)
{
	return b->store + b->off;
}

static inline size_t
buf_len(const struct buf *b)
{
	return b->len;
}

/*
 * buf_reserve: room for n more bytes behind those that count, to be written
 * there by the caller and counted with buf_commit().
 *
 * Returns  the room, or NULL with errno: EMSGSIZE (more than max in all),
 *          ENOMEM; then the buffer is as it was.
 */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

/* buf_put: copy n bytes to the end.  0, or -1 with errno as buf_reserve(). */
int buf_put(struct buf *b, const void *data, size_t n);

/* buf_puts: the same for a C string. */
int buf_puts(struct buf *b, const char *s);

/* buf_printf: the same for a text of up to 511 bytes; EOVERFLOW if longer. */
int buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* buf_consume: drop n bytes, at most buf_len(), from the front. */
void buf_consume(struct buf *b, size_t n);

/* buf_cut: drop all but the first n bytes. */
void buf_cut(struct buf *b, size_t n);

/* buf_trim: give the storage back if no byte counts. */
void buf_trim(struct buf *b);

/* buf_free: drop all and give the storage back; max stays. */
void buf_free(struct buf *b);

/* buf_wipe: the same, but overwrite the storage first. */
void buf_wipe(struct buf *b);

#endif
