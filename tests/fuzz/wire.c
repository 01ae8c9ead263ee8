/*
 * A connection to a peer that is slow, strange or gone, and clients that
 * leave: every request is answered once or lost once, in order, to whoever
 * asked; and with what the peer answered, as long as it behaves.
 */
#include "../../lib/wire.c"

#include "fake.h"
#include "loop.h"

/* One that was asked and is not yet answered. */
struct asked {
	void	*who;		/* NULL: has left */
	char	 line[24];
};

static struct asked list[1024];
static size_t first, end;
static char clients[4];
static struct wire *w;
static bool honest;		/* nothing but right answers was sent */
static size_t long_len;		/* of the next answer, if it is to be long */

/* ---- the owner ---- */

static void
drop_those_who_left(void)
{
	while (first < end && list[first].who == NULL)
		first++;
}

static void
replies(void *arg, const struct wire_replies *r)
{
	const char *p = r->data, *lf;

	(void)arg;
	MUST(r->n > 0 && r->len > 0 && r->data[r->len - 1] == '\n');
	for (size_t i = 0; i < r->n; i++, p = lf + 1) {
		lf = memchr(p, '\n', r->data + r->len - p);
		MUST(lf != NULL);
		drop_those_who_left();
		MUST(first < end && list[first].who == r->who);
		if (honest && !text_begins(p, lf - p, "error: line too long")
		    && !text_begins(p, lf - p, "long")) {
			MUST((size_t)(lf - p) == strlen(list[first].line));
			MUST(memcmp(p, list[first].line, lf - p) == 0);
		}
		first++;
	}
	MUST(p == r->data + r->len);
}

static void
lost(void *arg, void *who, size_t n)
{
	(void)arg;
	for (; n > 0; n--) {
		drop_those_who_left();
		MUST(first < end && list[first].who == who);
		first++;
	}
}

static void
up(void *arg)
{
	(void)arg;
}

static void
slow(void *arg, unsigned tag)
{
	(void)arg;
	MUST(tag < 4);
}

static void
down(void *arg, enum wire_state was, const char *why)
{
	(void)arg;
	MUST(was != WIRE_DOWN && *why != '\0' && wire_state(w) == WIRE_DOWN);
	drop_those_who_left();
	MUST(first == end && !conn.open);
}

static const struct wire_owner owner = { up, replies, lost, slow, down,
    NULL };

/* ---- the peer ---- */

static struct seal seal;
static bool pipelines;

/* The answer to a line of the opening, or NULL. */
static const char *
opening_answer(const char *line)
{
	static const char *const steps[][2] = {
		{ "init", "1790" }, { "1790", "ok" }, { "sethost:there", "ok" },
		{ "pong", "there:here" }, { "ping", "there" },
		{ "ekey", "0123456789ABCDEF0123456789ABCDEF" },
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strcmp(line, steps[i][0]) == 0)
			return steps[i][1];
	if (strncmp(line, "version:", 8) == 0)
		return pipelines ? "version:lonc-9" : "version:x";
	return NULL;
}

/* Answers the next request that the peer has got, the same text back. */
static void
answer(bool sealed)
{
	struct input in = input_of(&conn.out);
	struct buf plain = BUF_INIT(1 << 20);
	const char *text;
	size_t len;
	char *line;

	if (in.left == 0 || memchr(in.p, '\n', in.left) == NULL)
		return;
	line = take_line(&in, &len);
	buf_consume(&conn.out, len + 1);
	text = opening_answer(line);
	if (text == NULL && seal_open(&seal, line, len, &plain) == 0) {
		MUST(buf_put(&plain, "", 1) == 0);
		text = buf_data(&plain);
	}
	if (text == NULL)
		text = line;
	if (text == line && long_len > 0) {
		MUST(buf_puts(&conn.in, "long") == 0);
		for (; long_len > 0; long_len--)
			MUST(buf_put(&conn.in, "x", 1) == 0);
	} else if (sealed && opening_answer(line) == NULL)
		MUST(seal_put(&seal, text, strlen(text), &conn.in) == 0);
	else
		MUST(buf_puts(&conn.in, text) == 0);
	MUST(buf_put(&conn.in, "\n", 1) == 0);
	buf_free(&plain);
	free(line);
}

/* ---- what happens ---- */

static void
start(struct input *in, const struct conf *cf, const struct host *host)
{
	pipelines = take(in) % 2;
	w->cf = cf;
	w->host = host;
	w->useful = false;
	w->fd = 99;
	open_dialogue(w);
	w->fd = -1;
	honest = true;
}

static void
ask(unsigned who, bool sealed)
{
	struct wire_request rq = { &clients[who], NULL, 0, who, sealed };

	if (!wire_room(w) || end == sizeof(list) / sizeof(list[0]))
		return;
	rq.line = list[end].line;
	rq.len = snprintf(list[end].line, sizeof(list[end].line), "q%zu", end);
	list[end].line[rq.len] = '\n';
	list[end].who = rq.who;
	MUST(wire_put(w, &rq) == 0);
	list[end].line[rq.len] = '\0';
	end++;
}

static void
leave(unsigned who)
{
	wire_forget(w, &clients[who]);
	for (size_t i = first; i < end; i++)
		if (list[i].who == &clients[who])
			list[i].who = NULL;
}

static void
act(struct input *in)
{
	unsigned op = take(in), n = op >> 4;
	char *text;
	size_t len;

	switch (op & 15) {
	case 0: case 1: case 2:
		answer(op & 1);
		break;
	case 3: case 4: case 5:
		conn.may_read += op & 1 ? n : 1000;
		if (w->w.fd != -1 && w->w.want & LOOP_IN)
			w->w.act(w->w.arg, LOOP_IN);
		break;
	case 6: case 7:
		ask(n & 3, op & 1);
		break;
	case 8:
		leave(n & 3);
		break;
	case 9: case 10: case 11:
		conn.may_write = op & 1 ? 1 + n : 10000;
		wire_turn(w);
		break;
	case 12:
		loop.now += n * n * 40000;
		break;
	case 13:
		len = n;
		text = take_text(in, &len);
		MUST(buf_put(&conn.in, text, len) == 0);
		free(text);
		honest = false;
		break;
	case 14:
		long_len = n * 90;
		break;
	case 15:
		conn.eof = n == 1;
		conn.error = n == 2 ? EIO : n == 3 ? ECONNRESET : 0;
		if (n == 0)
			wire_stop(w);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct conf cf = fake_conf;
	const struct host host = { .id = "there", .name = "there",
	    .has_addr = true };
	unsigned char key[SEAL_KEY_LEN];

	loop_reset();
	cf.host_id = "here";
	first = end = long_len = 0;
	seal_key_derive(key, "there", "here",
	    "0123456789ABCDEF0123456789ABCDEF", 32);
	seal_init(&seal, key);
	MUST((w = wire_new(&loop, &owner)) != NULL);
	start(&in, &cf, &host);
	while (in.left > 0 && wire_state(w) != WIRE_DOWN) {
		act(&in);
		MUST(wire_state(w) == WIRE_DOWN ||
		    wire_deadline(w) != LOOP_NEVER);
	}
	wire_free(w);
	drop_those_who_left();
	MUST(first == end);
	return 0;
}
