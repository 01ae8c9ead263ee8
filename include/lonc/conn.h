/*
 * conn: a stream of bytes to a peer, never waiting.  What is underneath,
 * plain or not, is hidden behind a table of operations.
 */
#ifndef LONC_CONN_H
#define LONC_CONN_H

#include <stddef.h>
#include <sys/types.h>

struct conn;

/*
 * conn_plain: over one socket (twice the same descriptor), or over two
 * descriptors of any kind.  The conn owns them from now on.  NULL with
 * errno ENOMEM; then they are the caller's still.
 */
struct conn *conn_plain(int rfd, int wfd);

/*
 * conn_read, conn_write: as read(2) and write(2): bytes moved, 0 at the end
 * of what the peer sends, or -1 with errno; EAGAIN when it would wait.
 */
ssize_t conn_read(struct conn *c, void *data, size_t len);
ssize_t conn_write(struct conn *c, const void *data, size_t len);

/*
 * conn_events: what to wait for (LOOP_IN, LOOP_OUT) so that a read, a
 * write, or both can go on.
 */
unsigned conn_events(const struct conn *c, unsigned want);

/* conn_close: end the stream in order and close.  Ignores NULL. */
void conn_close(struct conn *c);

#endif
