/*
 * The answering side of one connection:
 *
 *	opening		until init and its echo have come, in init_timeout
 *	open		requests are answered one after the other
 *	closing		no more are taken; what is in hand is finished and
 *			sent, then it is over
 *
 * A request is answered at once, or becomes the handler that runs, or goes
 * to a service.  While a handler runs no other request is taken, and while
 * a service has not answered all only more for the same service: so replies
 * keep their order.  What gathers in out goes out once a turn.
 */
#include "lonc/serve.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lonc/conn.h"
#include "lonc/exit.h"
#include "lonc/handler.h"
#include "lonc/hello.h"
#include "lonc/line.h"
#include "lonc/log.h"
#include "lonc/msg.h"
#include "lonc/resolve.h"
#include "lonc/service.h"
#include "lonc/text.h"
#include "lonc/usock.h"
#include "lonc/words.h"

#define READ_BYTES (64 * 1024)	/* of one read from the client */
#define UNSENT (64 * 1024)	/* unsent bytes before requests wait */
#define OPENING_LINE 1024	/* a longer line opens nothing */
#define TLS_HANDSHAKE 0x16	/* first byte of a TLS ClientHello */
#define DNS_TIME 5000		/* ms to find out who calls */
#define PONG_TIME 5000		/* ms to ask a client's server back */
#define WAKE_TIME 100		/* ms to get a wake into our own link */
#define CLOSE_TIME 5000		/* ms that a client may take nothing, closing */

enum state { OPENING, OPEN, CLOSING };

struct serve {
	const struct site	*site;
	const struct conf	*cf;
	const struct host	*client;	/* NULL: not known */
	char			 from[ADDR_TEXT];
	char			 handlers[4096];
	enum state		 state;
	int			 status;
	struct loop		*lp;
	struct conn		*conn;
	struct watch		 rw, ww;	/* to read from, to write to */
	struct buf		 in, out, plain;
	bool			 more;		/* out was too full to go on */
	int64_t			 sent_at;	/* when some of it last went */
	struct line		 line;
	bool			 eof;
	char			 challenge[24];
	struct hello_server	 hello;
	int64_t			 opening_ends;
	struct session		 session;
	bool			 woken;		/* our own link was told */
	struct handler		*handler;
	bool			 handler_over;	/* it may have ended */
	struct service		*service;
	char			 word[HANDLER_NAME_MAX + 1];	/* of either */
	uint64_t		 nrequest;
};

static void __attribute__((format(printf, 3, 4)))
end(struct serve *s, int status, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (s->state == CLOSING)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (s->state == OPENING)
		log_line("opening -> closing: from %s: %s", s->from, text);
	else
		log_line("open -> closing: %s; %" PRIu64 " requests", text,
		    s->nrequest);
	s->state = CLOSING;
	s->status = status;
	s->sent_at = loop_now(s->lp);
}

/* The connection is of no use any more: nothing can be sent. */
static void
broken(struct serve *s, const char *what)
{
	end(s, EXIT_TEMP, "%s: %s", what, strerror(errno));
	buf_free(&s->out);
	s->eof = true;
}

/* ---- replies ---- */

/* Puts a reply; failing that, the client could not tell whose is whose. */
static void
put(struct serve *s, const char *reply, size_t len, bool seal)
{
	if ((seal ? seal_put(&s->session.seal, reply, len, &s->out) :
	    buf_put(&s->out, reply, len)) == -1 ||
	    buf_put(&s->out, "\n", 1) == -1)
		broken(s, "reply");
}

static void
put_text(struct serve *s, const char *reply)
{
	put(s, reply, strlen(reply), false);
}

/*
 * Puts what a handler said.  A reply that is to be clear but looks sealed
 * goes sealed too: the other end would open it.
 */
static void
put_handlers(struct serve *s, const char *reply, size_t len)
{
	static const char prefix[] = "encrypt:";

	if (text_begins(reply, len, prefix)) {
		if (s->session.has_key)
			put(s, reply + strlen(prefix), len - strlen(prefix),
			    true);
		else
			put_text(s, "error: no key");
	} else
		put(s, reply, len, s->session.has_key &&
		    text_begins(reply, len, "enc:"));
}

/* Puts a reply of our own: none is empty, unless there was no memory. */
static void
put_own(struct serve *s, const struct buf *reply)
{
	if (buf_len(reply) == 0)
		broken(s, "reply");
	else
		put(s, buf_data(reply), buf_len(reply), false);
}

static void
put_error(struct serve *s, const char *what)
{
	char word[64], text[256];

	text_printable(word, sizeof(word), s->word, strlen(s->word));
	snprintf(text, sizeof(text), "error: %s: %s", word, what);
	put_text(s, text);
}

/* The same, for what the administrator should know of. */
static void
put_failure(struct serve *s, const char *why)
{
	log_line("handler %s: %s", s->word, why);
	put_error(s, why);
}

/* ---- requests ---- */

static void
handler_ended(struct serve *s)
{
	enum handler_end how;
	const struct buf *reply;

	s->handler_over = false;
	if (!handler_child(s->handler, &how))
		return;
	reply = handler_reply(s->handler);
	if (how == HANDLER_FAILED)
		put_failure(s, handler_why(s->handler));
	else if (how == HANDLER_REFUSED && buf_len(reply) == 0)
		put_error(s, "refused");
	else
		put_handlers(s, buf_data(reply), buf_len(reply));
	handler_free(s->handler);
	s->handler = NULL;
	s->sent_at = loop_now(s->lp);
}

static void
run_handler(struct serve *s, const char *path, const char *request,
    size_t len, bool sealed)
{
	size_t n = msg_word(request, len), arg = n < len ? n + 1 : n;
	const struct handler_request rq = {
		.path = path,
		.word = request,
		.word_len = n,
		.text = request + arg,
		.text_len = len - arg,
		.client = s->client->id,
		.self = s->session.self,
		.secure = sealed,
	};

	s->handler = handler_start(s->lp, &rq, s->cf->max_reply,
	    s->cf->handler_timeout);
	if (s->handler == NULL)
		put_failure(s, strerror(errno));
}

static bool
service_busy(const struct serve *s)
{
	return s->service != NULL && service_unanswered(s->service) > 0;
}

/* All that the service has not answered has failed. */
static void
service_failed(struct serve *s, const char *why)
{
	size_t n = service_unanswered(s->service);

	service_free(s->service);
	s->service = NULL;
	if (n == 0)
		return;		/* one that ends when idle is all right */
	log_line("handler %s: %s; %zu requests failed", s->word, why, n);
	while (n-- > 0)
		put_error(s, why);
}

/* Puts the replies that have come, as far as there is room for them. */
static void
take_replies(struct serve *s)
{
	struct service_reply r;
	char why[SERVICE_WHY];
	int got = 0;

	while (s->service != NULL &&
	    !(s->more = buf_len(&s->out) >= UNSENT) &&
	    (got = service_next(s->service, &r, why)) == 1) {
		s->sent_at = loop_now(s->lp);
		if (r.status == 111) {
			text_printable(why, sizeof(why), r.text, r.len);
			put_failure(s, r.len > 0 ? why : "temporary failure");
		} else if (r.status == 100 && r.len == 0)
			put_error(s, "refused");
		else
			put_handlers(s, r.text, r.len);
	}
	if (got == -1)
		service_failed(s, why);
}

static void
ask_service(struct serve *s, const char *path, const char *request,
    size_t len, bool sealed)
{
	const struct service_request rq = { s->client->id, s->session.self,
	    sealed, request, len };

	if (s->service == NULL && (s->service = service_open(s->lp, path,
	    s->cf->max_reply, s->cf->handler_timeout)) == NULL)
		put_failure(s, strerror(errno));
	else if (service_put(s->service, &rq) == -1)
		put_failure(s, strerror(errno));
}

static void
ask_handler(struct serve *s, const char *request, size_t len, bool sealed)
{
	size_t n = msg_word(request, len);
	char path[sizeof(s->handlers) + HANDLER_NAME_MAX + 2];
	enum handler_kind kind = handler_find(path, sizeof(path), s->handlers,
	    request, n);
	int error = errno;

	if (kind != HANDLER_SERVICE || !text_is(request, n, s->word)) {
		service_free(s->service);
		s->service = NULL;
	}
	snprintf(s->word, sizeof(s->word), "%.*s", (int)n, request);
	switch (kind) {
	case HANDLER_NONE:
		put_text(s, "unknown_cmd");
		break;
	case HANDLER_PROGRAM:
		run_handler(s, path, request, len, sealed);
		break;
	case HANDLER_SERVICE:
		ask_service(s, path, request, len, sealed);
		break;
	case HANDLER_WRONG:
		put_failure(s, strerror(error));
		break;
	}
}

/* Asks the client's server for its name, through our own link to it. */
static void
pong(struct serve *s)
{
	char reply[256], text[ID_MAX + sizeof(reply) + 2];

	if (usock_ask(s->cf->sock_dir, s->client->id, "ping\n", reply,
	    sizeof(reply), PONG_TIME) == -1)
		snprintf(reply, sizeof(reply), "con_lost");
	snprintf(text, sizeof(text), "%s:%s", s->session.self, reply);
	put_text(s, text);
}

/*
 * A client that has called is back, so our own link to it need not wait.
 * Not before its opening is complete: two hosts whose openings fail would
 * wake each other for ever.
 */
static void
wake(struct serve *s, const char *request, size_t len)
{
	if (s->woken || words_opening(request, len))
		return;
	s->woken = true;
	(void)usock_ask(s->cf->sock_dir, s->client->id, "lonc:wake\n", NULL, 0,
	    WAKE_TIME);
}

static void
answer(struct serve *s, const char *request, size_t len, bool sealed)
{
	struct buf reply = BUF_INIT(512);	/* our own are short */

	wake(s, request, len);
	switch (words_answer(&s->session, request, len, sealed, &reply)) {
	case WORDS_OTHER:
		ask_handler(s, request, len, sealed);
		break;
	case WORDS_PONG:
		pong(s);
		break;
	case WORDS_ANSWERED:
		put_own(s, &reply);
		break;
	case WORDS_EXIT:
		put_own(s, &reply);
		end(s, EXIT_DONE, "the client said exit");
		break;
	}
	buf_free(&reply);
}

/* A line that came sealed; what cannot be opened is no command. */
static void
answer_sealed(struct serve *s, const char *line, size_t len)
{
	int rc = -1;

	errno = EBADMSG;
	if (s->session.has_key)
		rc = seal_open(&s->session.seal, line, len, &s->plain);
	if (rc == -1 && errno != EBADMSG)
		broken(s, "request");
	else if (rc == -1 || buf_len(&s->plain) == 0)
		put_text(s, "unknown_cmd");
	else if (buf_len(&s->plain) > (size_t)s->cf->max_line)
		put_text(s, "error: line too long");
	else
		answer(s, buf_data(&s->plain), buf_len(&s->plain), true);
	buf_wipe(&s->plain);
}

static void
request(struct serve *s, enum line_result r, const char *line, size_t len)
{
	if (r == LINE_OK && len == 0)
		return;		/* some old links send one too many */
	s->nrequest++;
	if (r == LINE_OK && text_begins(line, len, "enc:"))
		answer_sealed(s, line, len);
	else if (r == LINE_LONG || len > (size_t)s->cf->max_line)
		put_text(s, "error: line too long");
	else
		answer(s, line, len, false);
}

/* ---- the opening ---- */

static void
opened(struct serve *s)
{
	s->state = OPEN;
	s->line = (struct line)LINE_INIT(2 * s->cf->max_line + 256);
	words_begin(&s->session, s->cf, s->client->id);
	log_line("opening -> open: from %s, legacy", s->from);
}

static void
opening(struct serve *s, enum line_result r, const char *line, size_t len)
{
	if (r == LINE_OK && len == 0)
		return;
	if (r == LINE_OK && (unsigned char)line[0] == TLS_HANDSHAKE)
		end(s, EXIT_NO, "it speaks TLS, which is not supported here");
	else if (s->client == NULL) {
		put_text(s, "refused");
		end(s, EXIT_NO, "not in hosts.tab");
	} else if (!conf_legacy(s->cf, s->client->id)) {
		put_text(s, "error: this port needs TLS");
		end(s, EXIT_NO, "allow_legacy does not name it");
	} else if (r == LINE_LONG) {
		put_text(s, "refused");
		end(s, EXIT_NO, "it sent a line too long");
	} else
		switch (hello_server_line(&s->hello, line, len, &s->out)) {
		case HELLO_MORE:
			break;
		case HELLO_UP:
			opened(s);
			break;
		case HELLO_FAILED:
			end(s, EXIT_NO, "it %s", s->hello.note);
			break;
		}
}

/* ---- the connection ---- */

/* May this line be taken although a service has not answered all? */
static bool
same_service(const struct serve *s, enum line_result r, const char *line,
    size_t len)
{
	return r == LINE_OK && len > 0 && len <= (size_t)s->cf->max_line &&
	    text_is(line, msg_word(line, len), s->word) &&
	    !conf_sealed_word(s->cf, line, msg_word(line, len)) &&
	    service_room(s->service);
}

/* Takes lines as long as they can be answered. */
static void
take_lines(struct serve *s)
{
	enum line_result r;
	const char *line;
	struct line before;
	size_t at = 0, len = 0, used;

	while (s->state != CLOSING && s->handler == NULL) {
		if (buf_len(&s->out) >= UNSENT) {
			s->more = true;
			break;
		}
		before = s->line;
		line = buf_data(&s->in) + at;
		r = line_next(&s->line, line, buf_len(&s->in) - at, &len,
		    &used);
		if (r != LINE_MORE && service_busy(s) &&
		    !same_service(s, r, line, len)) {
			s->line = before;
			break;
		}
		at += used;
		if (r == LINE_MORE) {
			/* Part of a line at the end is no line. */
			if (s->eof)
				end(s, EXIT_DONE, "the client is done");
			break;
		}
		if (s->state == OPENING)
			opening(s, r, line, len);
		else
			request(s, r, line, len);
	}
	buf_consume(&s->in, at);
	buf_trim(&s->in);
}

static void
read_act(void *arg, unsigned events)
{
	struct serve *s = arg;
	ssize_t n;
	char *p;

	(void)events;
	if ((p = buf_reserve(&s->in, READ_BYTES)) == NULL) {
		broken(s, "read");
		return;
	}
	n = conn_read(s->conn, p, READ_BYTES);
	if (n > 0)
		buf_commit(&s->in, n);
	else if (n == 0)
		s->eof = true;
	else if (errno != EAGAIN && errno != EINTR)
		broken(s, "read");
	/* TLS has no LF to wait for. */
	if (n > 0 && s->state == OPENING &&
	    (unsigned char)buf_data(&s->in)[0] == TLS_HANDSHAKE)
		opening(s, LINE_OK, buf_data(&s->in), 1);
}

static void
write_act(void *arg, unsigned events)
{
	(void)arg;	/* serve_run() sends on after each wait */
	(void)events;
}

static void
send_out(struct serve *s)
{
	ssize_t n;

	while (buf_len(&s->out) > 0) {
		n = conn_write(s->conn, buf_data(&s->out), buf_len(&s->out));
		if (n >= 0) {
			buf_consume(&s->out, n);
			s->sent_at = loop_now(s->lp);
		} else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			broken(s, "write");
	}
	buf_trim(&s->out);
}

/* Reads ahead of a handler by what one read brings, and no more. */
static void
say_wants(struct serve *s)
{
	bool idle = s->handler == NULL && buf_len(&s->out) < UNSENT &&
	    buf_len(&s->in) < READ_BYTES + s->line.seen;
	unsigned in = 0, out = 0;

	if (!s->eof && s->state != CLOSING && idle)
		in = conn_events(s->conn, LOOP_IN);
	if (buf_len(&s->out) > 0)
		out = conn_events(s->conn, LOOP_OUT);
	if (loop_want(s->lp, &s->rw, in) == -1 ||
	    loop_want(s->lp, &s->ww, out) == -1)
		broken(s, "epoll");
}

static void
signal_act(void *arg, int signo)
{
	struct serve *s = arg;

	if (signo == SIGCHLD)
		s->handler_over = true;
	else if (signo != SIGHUP)	/* the next one reads all anew */
		end(s, EXIT_DONE, "told to end");
}

static int64_t
deadline(const struct serve *s)
{
	if (s->more && buf_len(&s->out) < UNSENT)
		return 0;	/* what was in the way has gone out */
	if (s->handler != NULL)
		return handler_deadline(s->handler);
	if (service_busy(s))
		return service_deadline(s->service);
	if (s->state == CLOSING)
		return s->sent_at + CLOSE_TIME;
	return s->state == OPENING ? s->opening_ends : LOOP_NEVER;
}

/* Closing, is nothing in hand any more that will be done or taken? */
static bool
over(const struct serve *s)
{
	return s->state == CLOSING && s->handler == NULL &&
	    !service_busy(s) && (buf_len(&s->out) == 0 ||
	    loop_now(s->lp) >= s->sent_at + CLOSE_TIME);
}

int
serve_run(struct serve *s)
{
	while (say_wants(s), !over(s)) {
		if (loop_wait(s->lp, deadline(s)) == -1) {
			log_line("epoll_wait: %s", strerror(errno));
			return EXIT_TEMP;
		}
		if (s->handler != NULL && s->handler_over)
			handler_ended(s);
		if (s->handler != NULL)
			handler_due(s->handler);
		if (s->state == OPENING && loop_now(s->lp) >= s->opening_ends)
			end(s, EXIT_NO, "no opening in time");
		s->more = false;
		take_replies(s);
		take_lines(s);
		if (s->service != NULL)
			service_turn(s->service);
		send_out(s);
	}
	return s->status;
}

/* ---- its life ---- */

/*
 * Who calls, by address: as the table has it, or where that leaves it to
 * DNS, by the name that leads from there and back.
 */
static const struct host *
identify(const struct site *site, const struct addr *caller)
{
	const struct host *h;
	struct resolve_answer an;
	struct resolve r;
	struct pollfd pfd;

	if ((h = hosts_by_addr(site->hosts, site->cf, caller)) != NULL ||
	    !hosts_need_dns(site->hosts) || resolve_caller(&r, caller) == -1)
		return h;
	pfd = (struct pollfd){ .fd = r.fd, .events = POLLIN };
	if (poll(&pfd, 1, DNS_TIME) == 1 && resolve_read(&r, &an) == 0) {
		if (an.n > 0)
			h = hosts_by_name(site->hosts, site->cf, an.text);
		else
			log_line("who is it: %s", an.text);
	} else
		log_line("who is it: no answer in time");
	resolve_stop(&r);
	return h;
}

static int
make_challenge(struct serve *s)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -1;
	snprintf(s->challenge, sizeof(s->challenge), "%" PRIu64, random);
	hello_server_start(&s->hello, s->challenge);
	return 0;
}

/* A client that has gone without a word must not keep us for ever. */
static void
set_options(const struct conf *cf, int fd)
{
	unsigned silence = cf->idle_ping * 3 / 2;
	int on = 1;

	/* These fail on what is no TCP socket, and that is all right. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence,
	    sizeof(silence));
}

static int
prepare(struct serve *s, int rfd, int wfd)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0 };
	size_t max_line = s->cf->max_line, max_reply = s->cf->max_reply;

	if (conf_path(s->handlers, sizeof(s->handlers), s->cf->dir,
	    "handlers") == NULL || make_challenge(s) == -1 ||
	    (s->lp = loop_new()) == NULL ||
	    loop_signals(s->lp, signals, signal_act, s) == -1 ||
	    (s->conn = conn_plain(rfd, wfd)) == NULL)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);	/* ignored, it would not tell */
	set_options(s->cf, rfd);
	s->line = (struct line)LINE_INIT(OPENING_LINE);
	s->in.max = 2 * max_line + 256 + 2 * READ_BYTES;
	s->plain.max = max_line + 256;
	s->out.max = 2 * max_reply + 256 + 2 * UNSENT;
	loop_watch(&s->rw, rfd, read_act, s);
	loop_watch(&s->ww, wfd, write_act, s);
	s->opening_ends = loop_now(s->lp) + s->cf->init_timeout;
	return 0;
}

struct serve *
serve_open(const struct site *site, const struct addr *caller, int rfd,
    int wfd)
{
	struct serve *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		goto fail;
	s->site = site;
	s->cf = site->cf;
	s->rw.fd = s->ww.fd = -1;
	snprintf(s->from, sizeof(s->from), "no address");
	if (caller != NULL) {
		addr_text(caller, s->from);
		s->client = identify(site, caller);
	}
	if (s->client != NULL)
		log_init("lonc-serve", s->client->id);
	if (prepare(s, rfd, wfd) == 0)
		return s;
fail:
	log_line("cannot begin: %s", strerror(errno));
	if (s == NULL || s->conn == NULL) {
		close(rfd);
		close(wfd);
	}
	serve_free(s);
	return NULL;
}

void
serve_free(struct serve *s)
{
	if (s == NULL)
		return;
	if (s->conn != NULL) {
		loop_forget(s->lp, &s->rw);
		loop_forget(s->lp, &s->ww);
		conn_close(s->conn);
	}
	service_free(s->service);
	loop_free(s->lp);
	words_end(&s->session);
	buf_wipe(&s->in);
	buf_wipe(&s->out);
	buf_wipe(&s->plain);
	free(s);
}
