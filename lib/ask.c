/*
 * Requests to a link.  Nothing that may have reached the peer is ever sent
 * again: when the link goes away, what is unanswered is con_lost.  There is
 * one exception that is safe: a single unanswered request whose bytes the
 * link left unread.  The kernel tells that apart: it answers EPIPE or
 * ECONNRESET then, and an end of file otherwise.
 */
#include "lonc/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lonc/buf.h"
#include "lonc/clock.h"
#include "lonc/id.h"
#include "lonc/line.h"
#include "lonc/usock.h"

#define LINK_WAIT 5000		/* ms for a link that is being restarted */
#define LINK_LOOK 20		/* ms between looks */
#define AHEAD (64 * 1024)	/* bytes of requests gathered unsent */
#define UNANSWERED 4096		/* requests sent ahead of their replies */
#define READ_INPUT (32 * 1024)
#define READ_LINK (8 * 1024)
#define REPLY_MAX (1u << 30)	/* the link has its own, smaller, limit */

struct run {
	const struct ask *a;
	int		 fd;		/* of the link, or -1 */
	bool		 gone;		/* it is waited for no more */
	bool		 deaf;		/* it takes nothing any more */
	const char	*lost;		/* what an unanswered request gets */
	size_t		 next;		/* of a->requests */
	struct buf	 input;
	struct line	 input_line;
	size_t		 nline;
	bool		 input_end;
	char		 input_last;	/* the last byte of it so far */
	bool		 too_long;	/* one such line is to be replied to */
	struct buf	 out;		/* a burst of requests, kept until the */
	size_t		 nburst;	/* next one begins; */
	size_t		 sent;		/* bytes of it that were sent */
	struct buf	 in;
	struct line	 line;
	size_t		 unanswered;
	int64_t		 since;		/* when the oldest one's turn began */
	enum ask_result	 failed;	/* what a -1 was about */
};

static int
say(const struct run *r, const char *text)
{
	return r->a->replies(r->a->arg, text, strlen(text));
}

static int
say_lost(struct run *r)
{
	for (; r->unanswered > 0; r->unanswered--)
		if (say(r, r->lost) == -1)
			return -1;
	return 0;
}

/* A link leaves its lock behind: one may come back where one is. */
static bool
link_was_here(const struct ask *a)
{
	struct sockaddr_un sun;
	char name[ID_MAX + 8];

	snprintf(name, sizeof(name), ".%s.lock", a->peer);
	return usock_address(&sun, a->sock_dir, name) == 0 &&
	    access(sun.sun_path, F_OK) == 0;
}

/* 0 with r->fd, which is -1 if there is no link; -1 with errno. */
static int
reach(struct run *r)
{
	const struct ask *a = r->a;
	int64_t wait = a->timeout < LINK_WAIT ? a->timeout : LINK_WAIT;
	int64_t end = clock_ms() + wait;

	while (r->fd == -1 && a->peer != NULL) {
		r->fd = usock_connect(a->sock_dir, a->peer, wait);
		if (r->fd != -1) {
			r->gone = r->deaf = false;
			r->lost = "con_lost\n";
			break;
		}
		if (r->gone || errno == EAGAIN)
			break;
		if (errno != ENOENT && errno != ECONNREFUSED) {
			r->failed = ASK_LINK;
			return -1;
		}
		r->gone = clock_ms() >= end || !link_was_here(a);
		if (!r->gone)
			poll(NULL, 0, LINK_LOOK);
		else if (!a->known(a->arg))
			r->lost = "no_such_host\n";
	}
	return 0;
}

/*
 * The link is away.  What is unanswered is lost, unless it is certain that
 * the link has not read it: unread says that it has left some unread.
 */
static int
link_lost(struct run *r, bool unread)
{
	if (r->fd != -1)
		close(r->fd);
	r->fd = -1;
	buf_free(&r->in);
	r->line = (struct line)LINE_INIT(REPLY_MAX);
	if (unread && r->unanswered == r->nburst &&
	    (r->sent == 0 || r->nburst == 1)) {
		r->sent = 0;
		return 0;
	}
	r->sent = buf_len(&r->out);
	return say_lost(r);
}

static int
put(struct run *r, const char *request, size_t len)
{
	if (r->sent == buf_len(&r->out)) {
		buf_cut(&r->out, 0);
		r->sent = r->nburst = 0;
	}
	if ((r->a->seal && buf_puts(&r->out, "encrypt:") == -1) ||
	    buf_put(&r->out, request, len) == -1 ||
	    buf_put(&r->out, "\n", 1) == -1)
		return -1;
	r->nburst++;
	if (r->unanswered++ == 0)
		r->since = clock_ms();
	return 0;
}

static bool
room(const struct run *r)
{
	return !r->too_long && r->unanswered < UNANSWERED &&
	    (buf_len(&r->out) < AHEAD || r->sent == buf_len(&r->out));
}

/* Replies to a line that was too long, when it is its turn. */
static int
tell_long(struct run *r)
{
	if (!r->too_long || r->unanswered > 0)
		return 0;
	r->too_long = false;
	r->a->too_long(r->a->arg, r->nline);
	return say(r, "error: line too long\n");
}

/* Puts the lines of input that are there.  0, or -1 with errno. */
static int
gather_input(struct run *r)
{
	enum line_result lr;
	size_t len, used;

	while (room(r)) {
		lr = line_next(&r->input_line, buf_data(&r->input),
		    buf_len(&r->input), &len, &used);
		if (lr == LINE_OK && put(r, buf_data(&r->input), len) == -1)
			return -1;
		buf_consume(&r->input, used);
		if (lr == LINE_MORE)
			break;
		r->nline++;
		r->too_long = lr == LINE_LONG;
		if (tell_long(r) == -1)
			return -1;
	}
	return 0;
}

static int
gather(struct run *r)
{
	const struct ask *a = r->a;

	while (r->next < a->nrequest && room(r)) {
		if (put(r, a->requests[r->next],
		    strlen(a->requests[r->next])) == -1)
			return -1;
		r->next++;
	}
	if (a->requests != NULL)
		return 0;
	return tell_long(r) == -1 ? -1 : gather_input(r);
}

static int
read_input(struct run *r)
{
	char *p = buf_reserve(&r->input, READ_INPUT);
	ssize_t n;

	if (p == NULL)
		return -1;
	if ((n = read(r->a->input, p, READ_INPUT - 1)) == -1) {
		if (errno == EINTR || errno == EAGAIN)
			return 0;
		r->failed = ASK_INPUT;
		return -1;
	}
	buf_commit(&r->input, n);
	if (n > 0) {
		r->input_last = p[n - 1];
		return 0;
	}
	r->input_end = true;
	/* The last line may lack its end. */
	return r->input_last != '\n' ? buf_put(&r->input, "\n", 1) : 0;
}

static int
read_link(struct run *r)
{
	size_t at = 0, nreply = 0, len, used;
	ssize_t n;
	char *p;

	if ((p = buf_reserve(&r->in, READ_LINK)) == NULL)
		return -1;
	n = recv(r->fd, p, READ_LINK, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return link_lost(r, r->deaf || (n == -1 &&
		    errno == ECONNRESET));
	buf_commit(&r->in, n);
	while (line_next(&r->line, buf_data(&r->in) + at,
	    buf_len(&r->in) - at, &len, &used) == LINE_OK) {
		at += used;
		nreply++;
	}
	if (nreply == 0)
		return 0;
	/* More replies than requests: what is left cannot be told apart. */
	if (nreply > r->unanswered)
		return link_lost(r, false);
	if (r->a->replies(r->a->arg, buf_data(&r->in), at) == -1)
		return -1;
	buf_consume(&r->in, at);
	r->unanswered -= nreply;
	r->since = clock_ms();
	return 0;
}

static void
write_link(struct run *r)
{
	ssize_t n;

	if (r->sent == buf_len(&r->out) || r->deaf)
		return;
	n = send(r->fd, buf_data(&r->out) + r->sent,
	    buf_len(&r->out) - r->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n != -1)
		r->sent += n;
	else if (errno != EAGAIN && errno != EINTR)
		r->deaf = true;	/* what it has said before may still come */
}

/* Moves bytes once, waiting for some if need be. */
static int
exchange(struct run *r)
{
	struct pollfd p[2] = { { .fd = -1 }, { .fd = -1 } };
	int64_t left = -1;
	int n;

	if (r->unanswered > 0) {
		if (reach(r) == -1)
			return -1;
		if (r->fd == -1)
			return link_lost(r, false);
		write_link(r);
		left = r->since + r->a->timeout - clock_ms();
		if (left < 0)
			return link_lost(r, false);
		p[0].fd = r->fd;
		p[0].events = POLLIN |
		    (r->sent < buf_len(&r->out) && !r->deaf ? POLLOUT : 0);
	}
	if (r->a->requests == NULL && !r->input_end && room(r)) {
		p[1].fd = r->a->input;
		p[1].events = POLLIN;
	}
	if ((n = poll(p, 2, left > INT32_MAX ? INT32_MAX : left)) == -1)
		return errno == EINTR ? 0 : -1;
	if (p[1].revents != 0 && read_input(r) == -1)
		return -1;
	return (p[0].revents & ~POLLOUT) != 0 ? read_link(r) : 0;
}

static bool
finished(const struct run *r)
{
	return r->unanswered == 0 && !r->too_long &&
	    (r->a->requests != NULL ? r->next == r->a->nrequest :
	    r->input_end && buf_len(&r->input) == 0);
}

enum ask_result
ask_run(const struct ask *a)
{
	struct run r = {
		.a = a,
		.fd = -1,
		.failed = ASK_FAILED,
		.lost = a->peer != NULL ? "con_lost\n" : "no_such_host\n",
		.input_last = '\n',
		.input = BUF_INIT(a->max_line + 2 * READ_INPUT),
		.input_line = LINE_INIT(a->max_line),
		.out = BUF_INIT(AHEAD + a->max_line + 64),
		.in = BUF_INIT((size_t)REPLY_MAX + 2 * READ_LINK),
		.line = LINE_INIT(REPLY_MAX),
	};
	int rc, saved;

	while ((rc = gather(&r)) == 0 && !finished(&r))
		if ((rc = exchange(&r)) == -1)
			break;
	saved = errno;
	if (r.fd != -1)
		close(r.fd);
	buf_free(&r.input);
	buf_free(&r.out);
	buf_free(&r.in);
	errno = saved;
	return rc == 0 ? ASK_DONE : r.failed;
}
