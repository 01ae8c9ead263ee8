/*
 * A server's side of a connection, with a client, programs and services that
 * are fast, slow and strange: every request is answered once and in order,
 * with what it was that answered it; nothing is waited for in vain, and
 * nothing is tried again and again without need.
 *
 * The input is a count of lines, what they are, and then what happens.
 */
#include "lonc/serve.h"

#include <inttypes.h>
#include <sys/socket.h>

#include "fake.h"
#include "lonc/exit.h"
#include "lonc/handler.h"
#include "lonc/hosts.h"
#include "lonc/msg.h"
#include "lonc/seal.h"
#include "lonc/usock.h"
#include "loop.h"

#define LINES 60
#define MAX_LINE 20000
#define IDLE_TURNS 8
#define SERVICE_FD 1000	/* none that is open */

static char *secret_words[] = { "auth", "secret", NULL };
static struct input in;
static char *want[LINES];	/* the reply, NULL if it may be any */
static size_t nwant;
static bool honest;		/* every line is of the kinds known here */
static bool well;		/* what answers is in time and in order */
static bool cut;		/* some may remain without a reply */
static bool woken;		/* by a signal */
static unsigned ndue;		/* waits in a row that had no time */

/* ---- what answers: with the request's text ---- */

struct handler {
	struct buf	 reply;
	bool		 over;
	int64_t		 deadline;
	enum handler_end end;
};

static struct handler *running;

enum handler_kind
handler_find(char *path, size_t size, const char *dir, const char *word,
    size_t len)
{
	(void)dir;
	snprintf(path, size, "%.*s", (int)len, word);
	errno = len > 0 && word[0] == 'x' ? EACCES : ENOENT;
	return len == 0 ? HANDLER_NONE : word[0] == 'p' ? HANDLER_PROGRAM :
	    word[0] == 's' ? HANDLER_SERVICE : HANDLER_NONE;
}

struct handler *
handler_start(struct loop *lp, const struct handler_request *rq,
    size_t max_reply, int64_t timeout)
{
	struct handler *h = calloc(1, sizeof(*h));

	(void)lp;
	(void)max_reply;
	MUST(h != NULL && running == NULL);
	h->reply.max = 1 << 20;
	MUST(buf_put(&h->reply, rq->text, rq->text_len) == 0);
	h->deadline = loop_now(&loop) + timeout;
	h->end = rq->word_len > 1 && rq->word[1] == 'f' ? HANDLER_FAILED :
	    HANDLER_OK;
	return running = h;
}

bool
handler_child(struct handler *h, enum handler_end *end)
{
	*end = h->end;
	return h->over;
}

void
handler_due(struct handler *h)
{
	if (loop_now(&loop) < h->deadline)
		return;
	h->end = HANDLER_FAILED;
	h->deadline += 1000;
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
	(void)h;
	return "why";
}

void
handler_free(struct handler *h)
{
	MUST(h == running && h->over);
	running = NULL;
	buf_free(&h->reply);
	free(h);
}

/* The other end of the connection to a service. */
static struct {
	bool		open;
	struct buf	in;		/* what it was asked */
	struct buf	out;		/* what it has answered */
	bool		eof;		/* it has closed its end */
} service = { .in = BUF_INIT(1 << 20), .out = BUF_INIT(1 << 24) };

int
socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	return SERVICE_FD;
}

int
connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	(void)sa;
	(void)len;
	MUST(fd == SERVICE_FD);
	service.open = true;
	service.eof = false;
	buf_cut(&service.in, 0);
	buf_cut(&service.out, 0);
	return 0;
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	(void)flags;
	MUST(fd == SERVICE_FD && service.open);
	if (service.eof) {
		errno = EPIPE;
		return -1;
	}
	MUST(buf_put(&service.in, data, len) == 0);
	return len;
}

ssize_t
recv(int fd, void *data, size_t len, int flags)
{
	(void)flags;
	MUST(fd == SERVICE_FD && service.open);
	if (buf_len(&service.out) == 0) {
		errno = EAGAIN;
		return service.eof ? 0 : -1;
	}
	if (len > buf_len(&service.out))
		len = buf_len(&service.out);
	memcpy(data, buf_data(&service.out), len);
	buf_consume(&service.out, len);
	return len;
}

/* Answers one request, if there is one. */
static bool
service_answers(void)
{
	struct input asked = input_of(&service.in);
	const char *p;
	char *line;
	size_t len;

	if (asked.left == 0 || memchr(asked.p, '\n', asked.left) == NULL)
		return false;
	line = take_line(&asked, &len);
	buf_consume(&service.in, len + 1);
	p = line;
	for (int i = 0; i < 5; i++)	/* CLIENT HOSTID ID REDO SECURE */
		MUST((p = strchr(p, ' ')) != NULL && p++ != NULL);
	MUST(buf_puts(&service.out, p[1] == 'f' ? "111 " : "0 ") == 0);
	p += msg_word(p, line + len - p);
	if (p < line + len)
		MUST(buf_put(&service.out, p + 1, line + len - p - 1) == 0);
	MUST(buf_put(&service.out, "\n", 1) == 0);
	free(line);
	return true;
}

int
usock_ask(const char *dir, const char *id, const char *request, char *reply,
    size_t size, int64_t timeout_ms)
{
	(void)dir;
	(void)request;
	(void)timeout_ms;
	if (size > 0)
		snprintf(reply, size, "%s", id);
	return 0;
}

/* ---- the loop ---- */

static void (*signal_act)(void *arg, int signo);
static void *signal_arg;

struct loop *
loop_new(void)
{
	return &loop;
}

void
loop_free(struct loop *lp)
{
	(void)lp;
}

int
loop_signals(struct loop *lp, const int *signals,
    void (*act)(void *arg, int signo), void *arg)
{
	(void)lp;
	(void)signals;
	signal_act = act;
	signal_arg = arg;
	return 0;
}

static void
child_ends(void)
{
	if (running == NULL || running->over)
		return;
	running->over = true;
	signal_act(signal_arg, SIGCHLD);
	woken = true;
}

/* All goes well, until only time can pass. */
static void
all_at_once(int64_t deadline, unsigned idle)
{
	conn.may_read = conn.may_write = SIZE_MAX;
	conn.eof = true;
	if (running != NULL)
		child_ends();
	else if (!service_answers() && idle > 1 && deadline != LOOP_NEVER) {
		loop.now = deadline * 1000;
		well = false;
	}
}

static void
one_thing(unsigned op)
{
	unsigned n = op >> 3;

	switch (op & 7) {
	case 0:
		conn.may_read += n + 1;
		break;
	case 1:
		conn.may_read += n * 1000;
		break;
	case 2:
		conn.may_write += n * n * 200 + 1;
		break;
	case 3:
		loop.now += (int64_t)n * 10000;
		well &= loop.now < 2000000;
		break;
	case 4:
		child_ends();
		break;
	case 5:
		for (; n > 0; n--)
			service_answers();
		break;
	case 6:
		well &= n >= 4;
		service.eof |= n < 2;
		if (n == 2 || n == 3)
			MUST(buf_puts(&service.out, n == 2 ? "1\n" : "0") == 0);
		break;
	case 7:
		if (n == 0) {
			signal_act(signal_arg, SIGTERM);
			woken = true;
		} else if (n == 1)
			conn.error = ECONNRESET;
		else if (n == 2)
			conn.eof = true;
		cut |= n < 2;
		break;
	}
}

/* Acts on what can be done now.  Was there anything? */
static bool
dispatch(void)
{
	unsigned events, conn_events = 0, service_events = 0;
	struct watch *w;
	bool any = false;

	if (conn.error != 0 || conn.eof ||
	    (conn.may_read > 0 && buf_len(&conn.in) > 0))
		conn_events |= LOOP_IN;
	if (conn.error != 0 || conn.may_write > 0)
		conn_events |= LOOP_OUT;
	if (service.eof || buf_len(&service.out) > 0)
		service_events |= LOOP_IN;
	for (int i = 0; i < LOOP_WATCHES; i++) {
		if ((w = loop.watch[i]) == NULL)
			continue;
		events = w->want & (w->fd != SERVICE_FD ? conn_events :
		    service_events | LOOP_OUT);
		if (events != 0)
			w->act(w->arg, events);
		any |= events != 0;
	}
	return any;
}

/*
 * Waits until something happens that ends the wait, or its time is over,
 * which must not be so again and again.
 */
int
loop_wait(struct loop *lp, int64_t deadline)
{
	unsigned idle = 0;

	woken = false;
	if (deadline <= loop_now(lp)) {
		MUST(ndue++ < LINES);
		dispatch();
		return 0;
	}
	ndue = 0;
	do {
		if (in.left > 0)
			one_thing(take(&in));
		else {
			MUST(idle < IDLE_TURNS);	/* it waits in vain */
			all_at_once(deadline, idle++);
		}
	} while (!dispatch() && !woken && deadline > loop_now(lp));
	return 0;
}

/* ---- the client ---- */

static struct seal seal;

static void __attribute__((format(printf, 1, 2)))
expect(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	MUST(vasprintf(&want[nwant++], fmt, ap) != -1);
	va_end(ap);
}

static void
send_line(const char *line, size_t len, bool sealed)
{
	if (sealed)
		MUST(seal_put(&seal, line, len, &conn.in) == 0);
	else
		MUST(buf_put(&conn.in, line, len) == 0);
	MUST(buf_put(&conn.in, "\n", 1) == 0);
}

static void
send_text(const char *line)
{
	send_line(line, strlen(line), false);
}

static void
send_opening(void)
{
	unsigned char key[SEAL_KEY_LEN];
	uint64_t challenge;
	char echo[24];

	getrandom(&challenge, sizeof(challenge), 0);
	snprintf(echo, sizeof(echo), "%" PRIu64, challenge);
	send_text("init");
	expect("%s", echo);
	send_text(echo);
	expect("ok");
	send_text("ekey");
	expect("%s", "5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A");
	seal_key_derive(key, "there", "here", want[nwant - 1], 32);
	seal_init(&seal, key);
}

/* One more line, and what its reply must be. */
static void
send_request(void)
{
	unsigned op = take(&in), n = op >> 4;
	static char line[48000];
	size_t len;
	char *text;

	switch (op & 15) {
	case 0: case 1:
		send_line("ping", 4, op & 1);
		expect("there");
		break;
	case 2: case 3: case 4: case 5:
		len = snprintf(line, sizeof(line), "%s:%u.%zu",
		    op & 2 ? "p" : "s", n, nwant);
		send_line(line, len, op & 1);
		expect("%s", line + 2);
		break;
	case 6: case 7:
		len = snprintf(line, sizeof(line), "%c:%s%u.%zu",
		    n & 1 ? 'p' : 's', n & 2 ? "encrypt:" : "enc:", n, nwant);
		send_line(line, len, op & 1);
		expect("%s", line + (n & 2 ? 10 : 2));
		break;
	case 8:
		send_text(n & 1 ? "pf:x" : "sf:why");
		expect("error: %s: why", n & 1 ? "pf" : "sf");
		break;
	case 9:
		len = n * 3000;
		memset(line, 's', len);
		line[1] = ':';
		send_line(line, len, false);
		if (len > MAX_LINE)
			expect("error: line too long");
		else if (len > 0)
			expect("%.*s", (int)len - 2, line + 2);
		break;
	case 10:
		send_text("");
		break;
	case 11:
		send_text(n & 1 ? "auth:x" : "nosuch:");
		expect(n & 1 ? "refused" : "unknown_cmd");
		break;
	case 12:
		send_text("pong");
		expect("there:here");
		break;
	case 13:
		send_text(n & 1 ? "load" : "xyz:");
		want[nwant++] = NULL;
		break;
	case 14:
		len = snprintf(line, sizeof(line), "secret:%zu", nwant);
		send_line(line, len, n & 1);
		expect("%s", n & 1 ? line + 7 : "refused");
		break;
	case 15:
		text = take_line(&in, &len);
		send_line(text, len, false);
		free(text);
		honest = false;
		break;
	}
}

/* Replies came for all, in order. */
static void
check_replies(void)
{
	struct input out = input_of(&conn.out);
	struct buf plain = BUF_INIT(1 << 20);
	size_t i, len;
	char *line;

	for (i = 0; out.left > 0; i++) {
		line = take_line(&out, &len);
		MUST(out.p[-1] == '\n' || cut);
		MUST(i < nwant || !honest);
		if (honest && want[i] != NULL && !(cut && out.left == 0)) {
			if (seal_open(&seal, line, len, &plain) == 0) {
				MUST(buf_put(&plain, "", 1) == 0);
				MUST(strcmp(buf_data(&plain), want[i]) == 0);
			} else
				MUST(strcmp(line, want[i]) == 0 || (!well &&
				    strncmp(line, "error: ", 7) == 0));
			buf_cut(&plain, 0);
		}
		free(line);
	}
	MUST(i == nwant || cut || !honest);
	buf_free(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct host host = { .id = "here", .name = "here", .has_addr = true };
	struct hosts hosts = { .v = &host, .n = 1 };
	struct conf cf = fake_conf;
	const struct site site = { .cf = &cf, .hosts = &hosts };
	struct serve *s;
	unsigned n;
	int status;

	in = (struct input){ data, size };
	loop_reset();
	service.eof = false;
	buf_cut(&service.in, 0);
	buf_cut(&service.out, 0);
	cf.sealed_words = secret_words;
	cf.max_line = MAX_LINE;
	cf.max_reply = MAX_LINE;
	nwant = ndue = 0;
	honest = well = true;
	cut = false;
	send_opening();
	for (n = take(&in) % (LINES - 3); n > 0; n--)
		send_request();
	MUST((s = serve_open(&site, &host.addr, 98, 99)) != NULL);
	status = serve_run(s);
	MUST(status == EXIT_DONE || status == EXIT_NO || status == EXIT_TEMP);
	serve_free(s);
	MUST(running == NULL && !conn.open);
	cut |= !well;		/* the opening may have taken too long */
	check_replies();
	while (nwant > 0)
		free(want[--nwant]);
	return 0;
}
