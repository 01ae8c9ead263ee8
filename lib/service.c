/*
 * A connection to a service.  Anything it does wrong (a line that is no
 * reply, one too many, too long or too late, an end) breaks it: what is
 * unanswered then has failed, for nobody can say which reply is whose.
 */
#include "lonc/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lonc/buf.h"
#include "lonc/line.h"
#include "lonc/text.h"

#define UNANSWERED 1024		/* requests at a time */
#define UNSENT (64 * 1024)	/* unsent bytes before there is no room */
#define READ_BYTES (64 * 1024)

struct service {
	struct loop	*lp;
	struct watch	 w;
	struct buf	 in, out;
	size_t		 used;		/* of in, by the last reply */
	size_t		 max_reply;
	struct line	 line;
	size_t		 unanswered;
	int64_t		 since;		/* when the oldest became that */
	int64_t		 timeout;
	const char	*broken;	/* why, or NULL */
};

static const char unasked[] = "a reply that nobody asked for";

static void
read_act(void *arg, unsigned events)
{
	struct service *sv = arg;
	ssize_t n;
	char *p;

	/* What was put goes out in service_turn(). */
	if (!(events & LOOP_IN) || sv->broken != NULL)
		return;
	if ((p = buf_reserve(&sv->in, READ_BYTES)) == NULL) {
		sv->broken = strerror(errno);
		return;
	}
	n = recv(sv->w.fd, p, READ_BYTES, MSG_DONTWAIT);
	if (n > 0)
		buf_commit(&sv->in, n);
	else if (n == 0)
		sv->broken = "the service has closed the connection";
	else if (errno != EAGAIN && errno != EINTR)
		sv->broken = strerror(errno);
}

struct service *
service_open(struct loop *lp, const char *path, size_t max_reply,
    int64_t timeout)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct service *sv;
	int fd, saved;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return NULL;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    (sv = calloc(1, sizeof(*sv))) == NULL) {
		saved = errno;
		close(fd);
		errno = saved;
		return NULL;
	}
	sv->lp = lp;
	sv->timeout = timeout;
	sv->max_reply = max_reply;
	sv->line = (struct line)LINE_INIT(max_reply + strlen("100 "));
	sv->in.max = sv->line.limit + 1 + 2 * READ_BYTES;
	sv->out.max = SIZE_MAX / 4;	/* one request beyond UNSENT */
	loop_watch(&sv->w, fd, read_act, sv);
	if (loop_want(lp, &sv->w, LOOP_IN) == -1) {
		saved = errno;
		service_free(sv);
		errno = saved;
		return NULL;
	}
	return sv;
}

void
service_free(struct service *sv)
{
	int fd;

	if (sv == NULL)
		return;
	fd = sv->w.fd;
	loop_forget(sv->lp, &sv->w);
	close(fd);
	buf_wipe(&sv->in);
	buf_wipe(&sv->out);
	free(sv);
}

bool
service_room(const struct service *sv)
{
	return sv->unanswered < UNANSWERED && buf_len(&sv->out) < UNSENT;
}

int
service_put(struct service *sv, const struct service_request *rq)
{
	size_t before = buf_len(&sv->out);

	if (buf_printf(&sv->out, "%s %s - 0 %d ", rq->client, rq->self,
	    rq->secure) == -1 || buf_put(&sv->out, rq->request, rq->len) == -1
	    || buf_put(&sv->out, "\n", 1) == -1) {
		buf_cut(&sv->out, before);
		return -1;
	}
	if (sv->unanswered++ == 0)
		sv->since = loop_now(sv->lp);
	return 0;
}

/* "STATUS TEXT", or "STATUS" alone.  0, or -1 if it is neither. */
static int
parse(struct service_reply *reply, const char *line, size_t len)
{
	static const int statuses[] = { 0, 100, 111 };
	char word[8];
	size_t n;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		snprintf(word, sizeof(word), "%d", statuses[i]);
		n = strlen(word);
		if (!text_begins(line, len, word) ||
		    (len > n && line[n] != ' '))
			continue;
		reply->status = statuses[i];
		reply->text = line + (len > n ? n + 1 : n);
		reply->len = len > n ? len - n - 1 : 0;
		return 0;
	}
	return -1;
}

int
service_next(struct service *sv, struct service_reply *reply,
    char why[SERVICE_WHY])
{
	enum line_result r;
	size_t len, used;

	buf_consume(&sv->in, sv->used);
	sv->used = 0;
	r = line_next(&sv->line, buf_data(&sv->in), buf_len(&sv->in), &len,
	    &used);
	if (r == LINE_OK && sv->unanswered == 0)
		sv->broken = unasked;
	else if (r == LINE_OK && parse(reply, buf_data(&sv->in), len) == 0 &&
	    reply->len <= sv->max_reply) {
		sv->used = used;
		sv->unanswered--;
		sv->since = loop_now(sv->lp);
		return 1;
	} else if (r == LINE_LONG || sv->line.skipping ||
	    (r == LINE_OK && parse(reply, buf_data(&sv->in), len) == 0))
		sv->broken = "its reply is too long";
	else if (r == LINE_OK)
		sv->broken = "a line that is no reply";
	else if (sv->unanswered == 0 && buf_len(&sv->in) > 0)
		sv->broken = unasked;	/* its end might pass for a reply */
	else if (sv->broken == NULL)
		return 0;
	snprintf(why, SERVICE_WHY, "%s", sv->broken);
	return -1;
}

/* Has something come that service_next() has not yet been asked for? */
static bool
untaken(const struct service *sv)
{
	return buf_len(&sv->in) - sv->used > sv->line.seen;
}

void
service_turn(struct service *sv)
{
	bool full = buf_len(&sv->in) + READ_BYTES > sv->in.max;
	ssize_t n;

	while (buf_len(&sv->out) > 0 && sv->broken == NULL) {
		n = send(sv->w.fd, buf_data(&sv->out), buf_len(&sv->out),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n != -1)
			buf_consume(&sv->out, n);
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			/* What it has answered before is still to be read. */
			buf_free(&sv->out);
	}
	if (sv->unanswered > 0 && !untaken(sv) &&
	    loop_now(sv->lp) >= sv->since + sv->timeout)
		sv->broken = "not done in time";
	if (loop_want(sv->lp, &sv->w, sv->broken != NULL ? 0 :
	    (full ? 0 : LOOP_IN) |
	    (buf_len(&sv->out) > 0 ? LOOP_OUT : 0)) == -1)
		sv->broken = strerror(errno);
}

int64_t
service_deadline(const struct service *sv)
{
	if (untaken(sv))
		return LOOP_NEVER;	/* the owner's turn */
	if (sv->broken != NULL)
		return 0;
	return sv->unanswered > 0 ? sv->since + sv->timeout : LOOP_NEVER;
}

size_t
service_unanswered(const struct service *sv)
{
	return sv->unanswered;
}
