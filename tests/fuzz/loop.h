/*
 * A loop without a kernel, and a connection without descriptors, for the
 * parts that move bytes: the target says what can be read and written, and
 * what time it is.
 */
#ifndef FUZZ_LOOP_H
#define FUZZ_LOOP_H

#include <errno.h>

#include "fuzz.h"
#include "lonc/buf.h"
#include "lonc/conn.h"
#include "lonc/loop.h"

#define LOOP_WATCHES 8

struct loop {
	int64_t		now;		/* microseconds */
	struct watch	*watch[LOOP_WATCHES];
};

struct conn {
	bool		open;
	struct buf	in;		/* what the other end has sent */
	size_t		may_read;	/* bytes of it that have come */
	bool		eof;		/* there will be no more */
	int		error;		/* an errno for all that is tried */
	struct buf	out;		/* what it has got */
	size_t		may_write;	/* bytes it will take now */
};

static struct loop loop;
static struct conn conn = { .in = BUF_INIT(1 << 24), .out = BUF_INIT(1 << 24) };

static void
loop_reset(void)
{
	loop.now = 1000000;
	memset(loop.watch, 0, sizeof(loop.watch));
	buf_cut(&conn.in, 0);
	buf_cut(&conn.out, 0);
	conn.may_read = conn.may_write = 0;
	conn.eof = false;
	conn.error = 0;
}

void
loop_watch(struct watch *w, int fd, void (*act)(void *arg, unsigned events),
    void *arg)
{
	int i = 0;

	*w = (struct watch){ .fd = fd, .act = act, .arg = arg };
	while (loop.watch[i] != NULL)
		MUST(++i < LOOP_WATCHES);
	loop.watch[i] = w;
}

int
loop_want(struct loop *lp, struct watch *w, unsigned want)
{
	MUST(lp == &loop && w->fd != -1);
	w->want = want;
	return 0;
}

void
loop_forget(struct loop *lp, struct watch *w)
{
	(void)lp;
	w->fd = -1;
	w->want = 0;
	for (int i = 0; i < LOOP_WATCHES; i++)
		if (loop.watch[i] == w)
			loop.watch[i] = NULL;
}

int64_t
loop_now(const struct loop *lp)
{
	return lp->now / 1000;
}

int64_t
loop_now_us(const struct loop *lp)
{
	return lp->now;
}

struct conn *
conn_plain(int rfd, int wfd)
{
	(void)rfd;
	(void)wfd;
	MUST(!conn.open);
	conn.open = true;
	return &conn;
}

ssize_t
conn_read(struct conn *c, void *data, size_t len)
{
	MUST(c->open);
	if (c->error != 0) {
		errno = c->error;
		return -1;
	}
	if (c->may_read > buf_len(&c->in))
		c->may_read = buf_len(&c->in);
	if (c->may_read == 0) {
		errno = EAGAIN;
		return c->eof && buf_len(&c->in) == 0 ? 0 : -1;
	}
	len = len < c->may_read ? len : c->may_read;
	memcpy(data, buf_data(&c->in), len);
	buf_consume(&c->in, len);
	c->may_read -= len;
	return len;
}

ssize_t
conn_write(struct conn *c, const void *data, size_t len)
{
	MUST(c->open && len > 0);
	if (c->error != 0 || c->may_write == 0) {
		errno = c->error != 0 ? c->error : EAGAIN;
		return -1;
	}
	len = len < c->may_write ? len : c->may_write;
	MUST(buf_put(&c->out, data, len) == 0);
	c->may_write -= len;
	return len;
}

unsigned
conn_events(const struct conn *c, unsigned want)
{
	(void)c;
	return want;
}

void
conn_close(struct conn *c)
{
	if (c != NULL)
		c->open = false;
}

#endif
