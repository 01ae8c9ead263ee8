/*
 * A handler is a process in a group of its own.  It is over when it has
 * exited, whatever its descendants do; what they still print is not waited
 * for.  When its time is over the whole group is told to end and, after
 * KILL_AFTER, made to: before the leader is reaped, for only until then is
 * the group's number certain to be its own.
 */
#include "lonc/handler.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lonc/line.h"

#define KILL_AFTER 2000		/* ms from SIGTERM to SIGKILL */
#define READ_BYTES (16 * 1024)	/* of one read of its output */
#define ENV_MAX 64		/* variables of its environment */
#define HANDLER_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct handler {
	struct loop	*lp;
	pid_t		 pid;
	struct watch	 in, out;	/* its standard input and output */
	struct buf	 text;		/* what it has not yet read */
	struct buf	 reply;
	struct line	 line;
	bool		 replied;	/* the first line is complete */
	bool		 long_reply;
	bool		 late;		/* its time is over */
	bool		 reaped;	/* pid may be another's */
	int		 error;		/* why it cannot be talked to, or 0 */
	int64_t		 deadline;
	char		 why[64];
};

extern char **environ;

enum handler_kind
handler_find(char *path, size_t size, const char *dir, const char *word,
    size_t len)
{
	struct stat st;
	int n;

	if (len == 0 || len > HANDLER_NAME_MAX || word[0] == '.' ||
	    memchr(word, '/', len) || memchr(word, '\0', len))
		return HANDLER_NONE;
	n = snprintf(path, size, "%s/%.*s", dir, (int)len, word);
	if (n < 0 || (size_t)n >= size) {
		errno = ENAMETOOLONG;
		return HANDLER_WRONG;
	}
	if (stat(path, &st) == -1) {
		if (errno == ENOENT && lstat(path, &st) == -1)
			return HANDLER_NONE;
		return HANDLER_WRONG;
	}
	if (S_ISSOCK(st.st_mode))
		return HANDLER_SERVICE;
	if (S_ISREG(st.st_mode))
		return HANDLER_PROGRAM;
	errno = EACCES;
	return HANDLER_WRONG;
}

/* ---- starting one ---- */

/* A list of strings NAME=VALUE that are freed together. */
struct env {
	char	*v[ENV_MAX + 1];
	size_t	 n;
};

static void __attribute__((format(printf, 2, 3)))
env_add(struct env *env, const char *fmt, ...)
{
	va_list ap;

	if (env->n == ENV_MAX)
		return;
	va_start(ap, fmt);
	if (vasprintf(&env->v[env->n], fmt, ap) != -1)
		env->n++;
	va_end(ap);
	env->v[env->n] = NULL;
}

static void
env_free(struct env *env)
{
	while (env->n > 0)
		free(env->v[--env->n]);
}

static void
env_make(struct env *env, const struct handler_request *rq)
{
	env->n = 0;
	env_add(env, "PATH=" HANDLER_PATH);
	env_add(env, "LONC_CLIENT=%s", rq->client);
	env_add(env, "LONC_HOSTID=%s", rq->self);
	env_add(env, "LONC_COMMAND=%.*s", (int)rq->word_len, rq->word);
	env_add(env, "LONC_SECURE=%d", rq->secure);
	/* What a UCSPI server tells, in its own words. */
	for (char **e = environ; *e != NULL; e++)
		if (strncmp(*e, "PROTO=", 6) == 0 ||
		    strncmp(*e, "TCP", 3) == 0)
			env_add(env, "%s", *e);
}

static int
spawn(struct handler *h, const char *path, char **env, int in, int out)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t pipe_only;
	char *argv[] = { (char *)path, NULL };
	int rc;

	if ((rc = posix_spawn_file_actions_init(&fa)) != 0)
		return rc;
	if ((rc = posix_spawnattr_init(&at)) != 0) {
		posix_spawn_file_actions_destroy(&fa);
		return rc;
	}
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	if ((rc = posix_spawn_file_actions_adddup2(&fa, in, 0)) == 0 &&
	    (rc = posix_spawn_file_actions_adddup2(&fa, out, 1)) == 0 &&
	    (rc = posix_spawnattr_setpgroup(&at, 0)) == 0 &&
	    (rc = posix_spawnattr_setsigdefault(&at, &pipe_only)) == 0 &&
	    (rc = posix_spawnattr_setsigmask(&at, loop_oldmask(h->lp))) == 0 &&
	    (rc = posix_spawnattr_setflags(&at, POSIX_SPAWN_SETPGROUP |
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)) == 0)
		rc = posix_spawn(&h->pid, path, &fa, &at, argv, env);
	posix_spawnattr_destroy(&at);
	posix_spawn_file_actions_destroy(&fa);
	return rc;
}

/* ---- its input and output ---- */

static void
watch_close(struct handler *h, struct watch *w)
{
	int fd = w->fd;

	if (fd == -1)
		return;
	loop_forget(h->lp, w);
	close(fd);
}

/* It must not act on a part of its request, nor a part be its reply. */
static void
broken(struct handler *h)
{
	h->error = errno;
	if (!h->reaped)
		kill(-h->pid, SIGKILL);
	watch_close(h, &h->in);
	watch_close(h, &h->out);
}

static void
in_act(void *arg, unsigned events)
{
	struct handler *h = arg;
	ssize_t n = 0;

	(void)events;
	if (buf_len(&h->text) > 0) {
		n = write(h->in.fd, buf_data(&h->text), buf_len(&h->text));
		if (n > 0)
			buf_consume(&h->text, n);
	}
	/* One that ends without reading all is within its rights. */
	if (buf_len(&h->text) == 0 || (n == -1 && errno == EPIPE))
		watch_close(h, &h->in);
	else if ((n == -1 && errno != EAGAIN && errno != EINTR) ||
	    loop_want(h->lp, &h->in, LOOP_OUT) == -1)
		broken(h);
}

/* Keeps the first line, and reads the rest to throw it away. */
static ssize_t
read_output(struct handler *h)
{
	char chunk[READ_BYTES];
	size_t len, used;
	ssize_t n;

	while ((n = read(h->out.fd, chunk, sizeof(chunk))) == -1 &&
	    errno == EINTR)
		;
	if (n == -1 && errno != EAGAIN)
		broken(h);
	if (n <= 0 || h->replied || h->long_reply)
		return n;
	if (buf_put(&h->reply, chunk, n) == -1) {
		broken(h);
		return -1;
	}
	switch (line_next(&h->line, buf_data(&h->reply), buf_len(&h->reply),
	    &len, &used)) {
	case LINE_OK:
		buf_cut(&h->reply, len);
		h->replied = true;
		break;
	case LINE_LONG:
		h->long_reply = true;
		break;
	case LINE_MORE:
		h->long_reply = h->line.skipping;
		break;
	}
	return n;
}

static void
out_act(void *arg, unsigned events)
{
	struct handler *h = arg;
	ssize_t n = read_output(h);

	(void)events;
	if (n == 0)
		watch_close(h, &h->out);
}

/* ---- its life ---- */

struct handler *
handler_start(struct loop *lp, const struct handler_request *rq,
    size_t max_reply, int64_t timeout)
{
	struct handler *h;
	struct env env = { .n = 0 };
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };
	int rc = 0;

	if ((h = calloc(1, sizeof(*h))) == NULL)
		return NULL;
	h->lp = lp;
	h->text.max = rq->text_len;
	h->reply.max = max_reply + 1 + READ_BYTES;
	h->line = (struct line)LINE_INIT(max_reply);
	h->deadline = loop_now(lp) + timeout;
	env_make(&env, rq);
	if (buf_put(&h->text, rq->text, rq->text_len) == -1 ||
	    pipe2(in, O_CLOEXEC) == -1 || pipe2(out, O_CLOEXEC) == -1 ||
	    fcntl(in[1], F_SETFL, O_NONBLOCK) == -1 ||
	    fcntl(out[0], F_SETFL, O_NONBLOCK) == -1)
		rc = errno;
	if (rc == 0)
		rc = spawn(h, rq->path, env.v, in[0], out[1]);
	env_free(&env);
	loop_watch(&h->in, in[1], in_act, h);
	loop_watch(&h->out, out[0], out_act, h);
	if (in[0] != -1)
		close(in[0]);
	if (out[1] != -1)
		close(out[1]);
	if (rc != 0) {
		handler_free(h);
		errno = rc;
		return NULL;
	}
	if (loop_want(lp, &h->out, LOOP_IN) == -1)
		broken(h);
	else
		in_act(h, LOOP_OUT);
	return h;
}

/* The codes that qmail-command(8) knows as permanent, and 100. */
static bool
permanent(int code)
{
	static const int codes[] = { 100, 64, 65, 70, 76, 77, 78, 112 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (code == codes[i])
			return true;
	return false;
}

static enum handler_end
judge(struct handler *h, int status)
{
	if (h->late)
		snprintf(h->why, sizeof(h->why), "not done in time");
	else if (h->error != 0)
		snprintf(h->why, sizeof(h->why), "%s", strerror(h->error));
	else if (WIFSIGNALED(status))
		snprintf(h->why, sizeof(h->why), "killed by signal %d",
		    WTERMSIG(status));
	else if (h->long_reply)
		snprintf(h->why, sizeof(h->why), "its reply is too long");
	else if (WEXITSTATUS(status) == 0)
		return HANDLER_OK;
	else if (permanent(WEXITSTATUS(status)))
		return HANDLER_REFUSED;
	else
		snprintf(h->why, sizeof(h->why), "exit status %d",
		    WEXITSTATUS(status));
	return HANDLER_FAILED;
}

bool
handler_child(struct handler *h, enum handler_end *end)
{
	siginfo_t si = { .si_pid = 0 };
	int status;

	if (waitid(P_PID, h->pid, &si, WEXITED | WNOWAIT | WNOHANG) == -1 ||
	    si.si_pid == 0)
		return false;
	if (h->late)
		kill(-h->pid, SIGKILL);
	while (waitpid(h->pid, &status, 0) == -1 && errno == EINTR)
		;
	h->reaped = true;
	while (h->out.fd != -1 && !h->replied && !h->long_reply &&
	    read_output(h) > 0)
		;
	*end = judge(h, status);
	return true;
}

void
handler_due(struct handler *h)
{
	if (loop_now(h->lp) < h->deadline)
		return;
	kill(-h->pid, h->late ? SIGKILL : SIGTERM);
	h->deadline = h->late ? LOOP_NEVER : loop_now(h->lp) + KILL_AFTER;
	h->late = true;
}

int64_t
handler_deadline(const struct handler *h)
{
	return h->deadline;
}

const struct buf *
handler_reply(const struct handler *h)
{
	return &h->reply;
}

const char *
handler_why(const struct handler *h)
{
	return h->why;
}

void
handler_free(struct handler *h)
{
	if (h == NULL)
		return;
	watch_close(h, &h->in);
	watch_close(h, &h->out);
	buf_wipe(&h->text);
	buf_wipe(&h->reply);
	free(h);
}
