/*
 * Streams that never wait.  A pipe is made non-blocking while the conn has
 * it; a socket is not, for each call can say so itself.  Descriptors of
 * other kinds (a terminal, a file) wait as little as they do anyway: they
 * are read only when they are ready.
 */
#include "lonc/conn.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct conn_ops {
	ssize_t	 (*read)(struct conn *c, void *data, size_t len);
	ssize_t	 (*write)(struct conn *c, const void *data, size_t len);
	unsigned (*events)(const struct conn *c, unsigned want);
	void	 (*close)(struct conn *c);
};

struct conn {
	const struct conn_ops	*ops;
};

struct plain {
	struct conn	conn;
	int		fd[2];		/* to read from, to write to */
	bool		sock[2];
	int		flags[2];	/* to be set back, or -1 */
};

static ssize_t
plain_read(struct conn *c, void *data, size_t len)
{
	struct plain *p = (struct plain *)c;

	if (p->sock[0])
		return recv(p->fd[0], data, len, MSG_DONTWAIT);
	return read(p->fd[0], data, len);
}

static ssize_t
plain_write(struct conn *c, const void *data, size_t len)
{
	struct plain *p = (struct plain *)c;

	if (p->sock[1])
		return send(p->fd[1], data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return write(p->fd[1], data, len);
}

static unsigned
plain_events(const struct conn *c, unsigned want)
{
	(void)c;
	return want;
}

static void
plain_close(struct conn *c)
{
	struct plain *p = (struct plain *)c;

	for (int i = 0; i < 2; i++) {
		if (p->flags[i] != -1)
			fcntl(p->fd[i], F_SETFL, p->flags[i]);
		if (i == 0 || p->fd[1] != p->fd[0])
			close(p->fd[i]);
	}
	free(p);
}

static const struct conn_ops plain_ops = {
	.read = plain_read,
	.write = plain_write,
	.events = plain_events,
	.close = plain_close,
};

struct conn *
conn_plain(int rfd, int wfd)
{
	struct plain *p;
	struct stat st;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	p->conn.ops = &plain_ops;
	p->fd[0] = rfd;
	p->fd[1] = wfd;
	for (int i = 0; i < 2; i++) {
		p->flags[i] = -1;
		if (fstat(p->fd[i], &st) == -1)
			continue;
		p->sock[i] = S_ISSOCK(st.st_mode);
		if (S_ISFIFO(st.st_mode) &&
		    (p->flags[i] = fcntl(p->fd[i], F_GETFL)) != -1)
			fcntl(p->fd[i], F_SETFL, p->flags[i] | O_NONBLOCK);
	}
	return &p->conn;
}

ssize_t
conn_read(struct conn *c, void *data, size_t len)
{
	return c->ops->read(c, data, len);
}

ssize_t
conn_write(struct conn *c, const void *data, size_t len)
{
	return c->ops->write(c, data, len);
}

unsigned
conn_events(const struct conn *c, unsigned want)
{
	return c->ops->events(c, want);
}

void
conn_close(struct conn *c)
{
	if (c != NULL)
		c->ops->close(c);
}
