/*
 * The opening of a link: each end against a script, then both against each
 * other with the bytes between them cut everywhere.
 *
 * Not tested: that the key is wiped.
 */
#include "lonc/hello.h"

#include <ctype.h>
#include <stdlib.h>

#include "check.h"
#include "lonc/line.h"

#define KEYS "tests/vectors/session-key.tsv"
#define LEN(text) (sizeof(text) - 1)
#define BYTES(text) (text), LEN(text)
#define PEER "msul1"
#define SELF "msua1"
#define CHALLENGE "80311542976318042257"
#define BUILD_KEY "12345A0EF78D90A12B3C99F04B17D2E6"

/* The dialogue of two of us: what the link sends, what it is answered. */
static const struct {
	const char	*sends;
	const char	*answer;
} good[HELLO_STEPS] = {
	[HELLO_INIT] = { "init\n", CHALLENGE },
	[HELLO_ECHO] = { CHALLENGE "\n", "ok" },
	[HELLO_SETHOST] = { "sethost:" PEER "\n", "ok" },
	[HELLO_VERSION] = { "version:lonc-" LONC_VERSION "\n",
			    "version:lonc-9.9+x" },
	[HELLO_PONG] = { "pong\n", PEER ":" SELF },
	[HELLO_EKEY] = { "ekey\n", BUILD_KEY },
};

/* ---- the calling end ---- */

/* The same but for one answer, and what that leads to. */
static const struct {
	enum hello_step	 step;
	const char	*answer;
	size_t		 len;
	enum hello_result result;	/* MORE: goes on, and comes up */
	const char	*noted;		/* the answer in a note, or NULL */
} changes[] = {
	/* Any line is a challenge, but for three kinds. */
	{ HELLO_INIT, BYTES("1"), HELLO_MORE, NULL },
	{ HELLO_INIT, BYTES("a b:c%d"), HELLO_MORE, NULL },
	{ HELLO_INIT, BYTES(" "), HELLO_MORE, NULL },
	{ HELLO_INIT, BYTES("\r"), HELLO_MORE, NULL },
	{ HELLO_INIT, BYTES("\0\xff\x1b"), HELLO_MORE, NULL },
	{ HELLO_INIT, BYTES("ok"), HELLO_MORE, NULL },
	{ HELLO_INIT, BYTES("refuse"), HELLO_MORE, NULL },
	{ HELLO_INIT, BYTES("refused1"), HELLO_MORE, NULL },
	{ HELLO_INIT, BYTES("error"), HELLO_MORE, NULL },
	{ HELLO_INIT, BYTES("unknown_cmd"), HELLO_MORE, NULL },
	{ HELLO_INIT, BYTES(""), HELLO_FAILED, "" },
	{ HELLO_INIT, BYTES("refused"), HELLO_FAILED, "refused" },
	{ HELLO_INIT, BYTES("error:"), HELLO_FAILED, "error:" },
	{ HELLO_INIT, BYTES("error: this port needs TLS"), HELLO_FAILED,
	    "error: this port needs TLS" },
	/* Only ok will do. */
	{ HELLO_ECHO, BYTES(""), HELLO_FAILED, "" },
	{ HELLO_ECHO, BYTES("o"), HELLO_FAILED, "o" },
	{ HELLO_ECHO, BYTES("okk"), HELLO_FAILED, "okk" },
	{ HELLO_ECHO, BYTES("ok\r"), HELLO_FAILED, "ok\\x0d" },
	{ HELLO_ECHO, BYTES("ok\0"), HELLO_FAILED, "ok\\x00" },
	{ HELLO_ECHO, BYTES("OK"), HELLO_FAILED, "OK" },
	{ HELLO_ECHO, BYTES("not_ok"), HELLO_FAILED, "not_ok" },
	{ HELLO_ECHO, BYTES("refused"), HELLO_FAILED, "refused" },
	/* Servers from before 2003 do not know it. */
	{ HELLO_SETHOST, BYTES("unknown_cmd"), HELLO_MORE, "unknown_cmd" },
	{ HELLO_SETHOST, BYTES(""), HELLO_MORE, "" },
	{ HELLO_SETHOST, BYTES("refused"), HELLO_MORE, "refused" },
	{ HELLO_SETHOST, BYTES("o"), HELLO_MORE, "o" },
	{ HELLO_SETHOST, BYTES("ok "), HELLO_MORE, "ok " },
	{ HELLO_SETHOST, BYTES("not_okay"), HELLO_MORE, "not_okay" },
	{ HELLO_SETHOST, BYTES("\x1b[2J"), HELLO_MORE, "\\x1b[2J" },
	{ HELLO_SETHOST, BYTES("not_ok"), HELLO_FAILED, "not_ok" },
	/* Nothing depends on it. */
	{ HELLO_VERSION, BYTES("version:$Revision: 1.121 $"), HELLO_MORE,
	    NULL },
	{ HELLO_VERSION, BYTES("version:"), HELLO_MORE, NULL },
	{ HELLO_VERSION, BYTES("version"), HELLO_MORE, "version" },
	{ HELLO_VERSION, BYTES("lonc-0.1"), HELLO_MORE, "lonc-0.1" },
	{ HELLO_VERSION, BYTES("unknown_cmd"), HELLO_MORE, "unknown_cmd" },
	{ HELLO_VERSION, BYTES("not_ok"), HELLO_MORE, "not_ok" },
	{ HELLO_VERSION, BYTES("\xff\0"), HELLO_MORE, "\\xff\\x00" },
	{ HELLO_VERSION, BYTES(""), HELLO_MORE, "" },
	/* The id, a colon, anything. */
	{ HELLO_PONG, BYTES(PEER ":con_lost"), HELLO_MORE, NULL },
	{ HELLO_PONG, BYTES(PEER ":"), HELLO_MORE, NULL },
	{ HELLO_PONG, BYTES(PEER ":a:b\0"), HELLO_MORE, NULL },
	{ HELLO_PONG, BYTES(PEER), HELLO_MORE, PEER },
	{ HELLO_PONG, BYTES("msul"), HELLO_MORE, "msul" },
	{ HELLO_PONG, BYTES("msul:1"), HELLO_MORE, "msul:1" },
	{ HELLO_PONG, BYTES("msul12:" SELF), HELLO_MORE, "msul12:" SELF },
	{ HELLO_PONG, BYTES("msul2:" SELF), HELLO_MORE, "msul2:" SELF },
	{ HELLO_PONG, BYTES("MSUL1:" SELF), HELLO_MORE, "MSUL1:" SELF },
	{ HELLO_PONG, BYTES(""), HELLO_MORE, "" },
	{ HELLO_PONG, BYTES("unknown_cmd"), HELLO_MORE, "unknown_cmd" },
	/* Without a key nothing could be sealed. */
	{ HELLO_EKEY, BYTES("1"), HELLO_UP, NULL },
	{ HELLO_EKEY, BYTES("\0\xff"), HELLO_UP, NULL },
	{ HELLO_EKEY, BYTES("refused1"), HELLO_UP, NULL },
	{ HELLO_EKEY, BYTES("error"), HELLO_UP, NULL },
	{ HELLO_EKEY, BYTES("ok"), HELLO_UP, NULL },
	{ HELLO_EKEY, BYTES(""), HELLO_FAILED, "" },
	{ HELLO_EKEY, BYTES("refused"), HELLO_FAILED, "refused" },
	{ HELLO_EKEY, BYTES("unknown_cmd"), HELLO_FAILED, "unknown_cmd" },
	{ HELLO_EKEY, BYTES("error: no"), HELLO_FAILED, "error: no" },
};

static void
check_sent(struct buf *out, const char *want, size_t len)
{
	CHECK_MEM(want, len, buf_len(out) > 0 ? buf_data(out) : "",
	    buf_len(out));
	buf_cut(out, 0);
}

/* A note names the step, shows the answer and says more than that. */
static void
check_noted(const struct hello_client *h, enum hello_step step,
    const char *noted)
{
	char want[256];
	size_t n;

	if (noted == NULL) {
		CHECK_STR("", h->note);
		return;
	}
	n = snprintf(want, sizeof(want), "%s: answered \"%s\": ",
	    hello_step_name(step), noted);
	CHECK_MEM(want, n, h->note, strnlen(h->note, n));
	CHECK(strlen(h->note) > n);
}

/* The step is answered so; what is then sent must be the next one's. */
static enum hello_result
answer(struct hello_client *h, const char *line, size_t len, struct buf *out)
{
	enum hello_step step = h->step;
	enum hello_result r = hello_client_line(h, line, len, out);

	if (r != HELLO_MORE) {
		CHECK_INT(step, h->step);
		check_sent(out, "", 0);
		return r;
	}
	CHECK_INT(step + 1, h->step);
	if (step == HELLO_INIT && CHECK(buf_len(out) == len + 1)) {
		CHECK_MEM(line, len, buf_data(out), len);
		buf_consume(out, len);
		check_sent(out, "\n", 1);
	} else
		check_sent(out, good[step + 1].sends,
		    strlen(good[step + 1].sends));
	return r;
}

/* Answers well from the present step on, to the end. */
static void
answer_rest(struct hello_client *h, struct buf *out)
{
	enum hello_result r = HELLO_MORE;

	while (r == HELLO_MORE) {
		enum hello_step step = h->step;

		r = answer(h, good[step].answer, strlen(good[step].answer),
		    out);
		check_noted(h, step, NULL);
		CHECK_INT(step == HELLO_EKEY ? HELLO_UP : HELLO_MORE, r);
	}
}

/* Answers well up to this step. */
static void
answer_until(struct hello_client *h, enum hello_step step, struct buf *out)
{
	CHECK_INT(HELLO_MORE, hello_client_start(h, PEER, SELF, out));
	CHECK_STR("", h->note);
	check_sent(out, "init\n", 5);
	for (enum hello_step at = HELLO_INIT; at < step; at++)
		CHECK_INT(HELLO_MORE, answer(h, good[at].answer,
		    strlen(good[at].answer), out));
}

static void
test_good(void)
{
	struct buf out = BUF_INIT(1000);
	struct hello_client h;

	memset(&h, 0xff, sizeof(h));
	answer_until(&h, HELLO_INIT, &out);
	answer_rest(&h, &out);
	CHECK(h.what.lonc);
	CHECK_STR("lonc-9.9+x", h.what.version);
	CHECK(h.ponged);
	hello_client_clear(&h);
	buf_free(&out);
}

static void
test_changes(void)
{
	struct buf out = BUF_INIT(1000);
	struct hello_client h;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		enum hello_step step = changes[i].step;
		int before = check_failed;

		answer_until(&h, step, &out);
		CHECK_INT(changes[i].result, answer(&h, changes[i].answer,
		    changes[i].len, &out));
		check_noted(&h, step, changes[i].noted);
		if (changes[i].result == HELLO_MORE)
			answer_rest(&h, &out);
		CHECK_INT(step > HELLO_VERSION || (step < HELLO_VERSION &&
		    changes[i].result == HELLO_MORE), h.what.lonc);
		if (step == HELLO_PONG)
			CHECK_INT(changes[i].noted == NULL, h.ponged);
		if (check_failed > before) {
			fprintf(stderr, "  %s\n", hello_step_name(step));
			check_hex("answer", changes[i].answer,
			    changes[i].len);
		}
		hello_client_clear(&h);
	}
	buf_free(&out);
}

/* The peer's id is compared whole, whatever bytes are in it. */
static void
test_pong_ids(void)
{
	static const struct {
		const char	*peer, *answer;
		bool		 ponged;
	} ids[] = {
		{ "a", "a:b", true },
		{ "a", "ab:b", false },
		{ "a.b", "a.b:c", true },
		{ "a.b", "a-b:c", false },
		{ "a-b_c.D", "a-b_c.D:", true },
	};
	struct buf out = BUF_INIT(1000);
	struct hello_client h;

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		answer_until(&h, HELLO_PONG, &out);
		h.peer = ids[i].peer;
		CHECK_INT(HELLO_MORE, hello_client_line(&h, ids[i].answer,
		    strlen(ids[i].answer), &out));
		CHECK_INT(ids[i].ponged, h.ponged);
		CHECK_INT(ids[i].ponged, h.note[0] == '\0');
		buf_cut(&out, 0);
	}
	buf_free(&out);
}

/* All bytes a line may have, and a good many of them, come back. */
static void
test_challenge_bytes(void)
{
	enum { N = 100000 };
	struct buf out = BUF_INIT(N + 1);
	struct hello_client h;
	char *line = malloc(N);

	for (size_t i = 0; i < N; i++)
		if ((line[i] = (char)(i * 7)) == '\n')
			line[i] = 'x';
	answer_until(&h, HELLO_INIT, &out);
	CHECK_INT(HELLO_MORE, answer(&h, line, N, &out));
	CHECK_STR("", h.note);
	answer_rest(&h, &out);
	hello_client_clear(&h);
	buf_free(&out);
	free(line);
}

/* A long answer is shown in part, and a note never has other bytes. */
static void
test_long_notes(void)
{
	struct buf out = BUF_INIT(1000);
	struct hello_client h;
	char line[5000];

	memset(line, '\x1b', sizeof(line));
	for (enum hello_step step = HELLO_ECHO; step < HELLO_EKEY; step++) {
		answer_until(&h, step, &out);
		answer(&h, line, sizeof(line), &out);
		CHECK(h.note[0] != '\0' && strstr(h.note, "...\"") != NULL);
		CHECK(strlen(h.note) < HELLO_NOTE);
		for (const char *p = h.note; *p != '\0'; p++)
			CHECK(isprint((unsigned char)*p));
	}
	buf_free(&out);
}

/* Room for all but the last byte of each line fails there, with a note. */
static void
test_no_room(void)
{
	struct hello_client h;
	enum hello_result r;

	for (enum hello_step step = HELLO_INIT; step < HELLO_STEPS; step++) {
		size_t len = strlen(good[step].sends);

		for (size_t room = 0; room < len; room++) {
			struct buf out = BUF_INIT(1000);

			if (step > HELLO_INIT)
				answer_until(&h, step - 1, &out);
			out.max = room;
			r = step == HELLO_INIT ?
			    hello_client_start(&h, PEER, SELF, &out) :
			    hello_client_line(&h, good[step - 1].answer,
			    strlen(good[step - 1].answer), &out);
			CHECK_INT(HELLO_FAILED, r);
			CHECK(h.note[0] != '\0');
			buf_free(&out);
		}
	}
}

static int
hex_digit(char c)
{
	const char *at = strchr("0123456789abcdef", c);

	return CHECK(c != '\0' && at != NULL) ?
	    (int)(at - "0123456789abcdef") : 0;
}

/* Two keys are the same if they make the same of a text. */
static void
check_key(const struct hello_client *h, const char *hex)
{
	unsigned char key[SEAL_KEY_LEN];
	struct buf want = BUF_INIT(1000), got = BUF_INIT(1000);
	struct seal s;

	if (!CHECK(strlen(hex) == 2 * sizeof(key)))
		return;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (unsigned char)(hex_digit(hex[2 * i]) << 4 |
		    hex_digit(hex[2 * i + 1]));
	seal_init(&s, key);
	CHECK_INT(0, seal_put(&s, BYTES("some text to be sealed"), &want));
	CHECK_INT(0, seal_put(&h->seal, BYTES("some text to be sealed"),
	    &got));
	CHECK_MEM(buf_data(&want), buf_len(&want), buf_data(&got),
	    buf_len(&got));
	buf_free(&want);
	buf_free(&got);
	seal_clear(&s);
}

/* The key that is agreed on is the one observed for these ids. */
static void
test_keys(void)
{
	struct buf out = BUF_INIT(1000);
	struct hello_client h;
	char row[1024], *field[4], *rest;
	int rows = 0;
	FILE *f;

	if (!CHECK((f = fopen(KEYS, "r")) != NULL))
		return;
	while (fgets(row, sizeof(row), f) != NULL) {
		if (row[0] == '#')
			continue;
		row[strcspn(row, "\n")] = '\0';
		rest = row;
		for (int i = 0; i < 4; i++)
			field[i] = strsep(&rest, "\t");
		if (!CHECK(field[3] != NULL && rest == NULL))
			break;
		answer_until(&h, HELLO_EKEY, &out);
		h.peer = field[0];
		h.self = field[1];
		CHECK_INT(HELLO_UP, answer(&h, field[2], strlen(field[2]),
		    &out));
		check_key(&h, field[3]);
		hello_client_clear(&h);
		rows++;
	}
	CHECK(rows > 0);
	buf_free(&out);
	fclose(f);
}

static void
test_peer_parse(void)
{
	static const struct {
		const char	*text;
		size_t		 len;
		bool		 lonc;
		const char	*version;
	} texts[] = {
		{ BYTES("lonc-0.1"), true, "lonc-0.1" },
		{ BYTES("lonc-0.1+one+two"), true, "lonc-0.1+one+two" },
		{ BYTES("lonc-"), true, "lonc-" },
		{ BYTES("lonc"), false, "lonc" },
		{ BYTES("lonc 0.1"), false, "lonc 0.1" },
		{ BYTES("Lonc-0.1"), false, "Lonc-0.1" },
		{ BYTES(" lonc-0.1"), false, " lonc-0.1" },
		{ BYTES("$Revision: 1.121 $"), false, "$Revision: 1.121 $" },
		{ BYTES("1.0+once"), false, "1.0+once" },
		{ BYTES(""), false, "" },
		{ BYTES("lonc-\0\n\x9b"), true, "lonc-\\x00\\x0a\\x9b" },
	};
	struct hello_peer p;
	char text[100];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		memset(&p, 0xff, sizeof(p));
		hello_peer_parse(&p, texts[i].text, texts[i].len);
		CHECK_INT(texts[i].lonc, p.lonc);
		CHECK_STR(texts[i].version, p.version);
	}
	memset(text, 'x', sizeof(text));
	hello_peer_parse(&p, text, HELLO_VERSION_MAX);
	CHECK_INT(HELLO_VERSION_MAX, strlen(p.version));
	hello_peer_parse(&p, text, sizeof(text));
	CHECK_INT(HELLO_VERSION_MAX, strlen(p.version));
	CHECK_STR("...", p.version + HELLO_VERSION_MAX - 3);
}

/* ---- the answering end ---- */

/* One line, and what it is answered. */
static void
check_server(struct hello_server *h, const char *line, size_t len,
    enum hello_result want, const char *sends)
{
	struct buf out = BUF_INIT(1000);
	int before = check_failed;

	CHECK_INT(want, hello_server_line(h, line, len, &out));
	check_sent(&out, sends, strlen(sends));
	CHECK_INT(want == HELLO_FAILED, h->note[0] != '\0');
	if (check_failed > before)
		check_hex("line", line, len);
	buf_free(&out);
}

static void
test_server_first(void)
{
	static const struct {
		const char	*line;
		size_t		 len;
		bool		 good;
	} firsts[] = {
		{ BYTES("init"), true },
		{ BYTES("init:"), true },
		{ BYTES("init:msua1"), true },
		{ BYTES("init:local:3.1:x"), true },
		{ BYTES("init:\0\xff"), true },
		{ BYTES("i"), false },
		{ BYTES("in"), false },
		{ BYTES("ini"), false },
		{ BYTES("inits"), false },
		{ BYTES("init "), false },
		{ BYTES("init\r"), false },
		{ BYTES("init\0"), false },
		{ BYTES("Init"), false },
		{ BYTES(" init"), false },
		{ BYTES("ping"), false },
		{ BYTES("\x16\x03\x01"), false },
		{ BYTES(CHALLENGE), false },
	};
	struct hello_server h;

	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		memset(&h, 0xff, sizeof(h));
		hello_server_start(&h, CHALLENGE);
		if (firsts[i].good) {
			check_server(&h, firsts[i].line, firsts[i].len,
			    HELLO_MORE, CHALLENGE "\n");
			check_server(&h, BYTES(CHALLENGE), HELLO_UP, "ok\n");
		} else
			check_server(&h, firsts[i].line, firsts[i].len,
			    HELLO_FAILED, "refused\n");
	}
}

static void
check_echo(const char *echo, size_t len, bool is_good)
{
	struct hello_server h;

	hello_server_start(&h, CHALLENGE);
	check_server(&h, BYTES("init"), HELLO_MORE, CHALLENGE "\n");
	check_server(&h, echo, len, is_good ? HELLO_UP : HELLO_FAILED,
	    is_good ? "ok\n" : "refused\n");
}

/* Every prefix of it, one byte changed, one more byte of any kind anywhere. */
static void
test_server_echo(void)
{
	static const char right[] = CHALLENGE;
	char echo[LEN(right) + 2];

	check_echo(BYTES(right), true);
	check_echo(BYTES(" " CHALLENGE "\r"), true);
	check_echo(BYTES("803115 4297631-8042257.\xff\0"), true);
	check_echo(BYTES(CHALLENGE CHALLENGE), false);
	check_echo(BYTES("init"), false);
	check_echo(BYTES("ok"), false);
	for (size_t n = 0; n < LEN(right); n++)
		check_echo(right, n, false);
	for (size_t at = 0; at < LEN(right); at++) {
		memcpy(echo, right, LEN(right));
		echo[at] = echo[at] == '9' ? '8' : '9';
		check_echo(echo, LEN(right), false);
	}
	for (size_t at = 0; at <= LEN(right); at++) {
		memcpy(echo, right, at);
		memcpy(echo + at + 1, right + at, LEN(right) - at);
		for (int c = 0; c < 256; c++) {
			echo[at] = (char)c;
			check_echo(echo, LEN(right) + 1, !isalnum(c));
		}
	}
}

/* What came is shown in the note, and nothing else than ASCII. */
static void
test_server_notes(void)
{
	struct hello_server h;
	char line[5000];

	hello_server_start(&h, CHALLENGE);
	check_server(&h, BYTES("\x1b[2J\n\xff"), HELLO_FAILED, "refused\n");
	CHECK(strstr(h.note, "\"\\x1b[2J\\x0a\\xff\"") != NULL);
	memset(line, '\0', sizeof(line));
	hello_server_start(&h, CHALLENGE);
	check_server(&h, line, sizeof(line), HELLO_FAILED, "refused\n");
	CHECK(strlen(h.note) < HELLO_NOTE);
	CHECK(strstr(h.note, "...\"") != NULL);
	hello_server_start(&h, CHALLENGE);
	check_server(&h, BYTES("init"), HELLO_MORE, CHALLENGE "\n");
	check_server(&h, BYTES("a\tb"), HELLO_FAILED, "refused\n");
	CHECK(strstr(h.note, "\"a\\x09b\"") != NULL);
}

/* An answer without room for it ends the opening. */
static void
test_server_no_room(void)
{
	struct hello_server h;

	for (size_t room = 0; room < LEN(CHALLENGE "\n"); room++) {
		struct buf out = BUF_INIT(room);

		hello_server_start(&h, CHALLENGE);
		CHECK_INT(HELLO_FAILED, hello_server_line(&h, BYTES("init"),
		    &out));
		buf_free(&out);
	}
	for (size_t room = 0; room < LEN("ok\n"); room++) {
		struct buf out = BUF_INIT(room);

		hello_server_start(&h, CHALLENGE);
		check_server(&h, BYTES("init"), HELLO_MORE, CHALLENGE "\n");
		CHECK_INT(HELLO_FAILED, hello_server_line(&h,
		    BYTES(CHALLENGE), &out));
		buf_free(&out);
	}
}

/* ---- both ---- */

/*
 * The two with a wire between them that delivers pieces: cut only behind
 * byte number cut of all that is sent, or behind each if cut is 0.
 */
struct both {
	struct hello_client c;
	struct hello_server s;
	enum hello_result cr, sr;
	struct line cline, sline;
	struct buf c2s, s2c;	/* sent */
	struct buf cin, sin;	/* arrived */
	size_t cut, total;
};

static void
deliver(struct both *b, struct buf *from, struct buf *to)
{
	size_t n = b->cut == 0 ? 1 : buf_len(from);

	if (b->total < b->cut && b->cut - b->total < n)
		n = b->cut - b->total;
	CHECK_INT(0, buf_put(to, buf_data(from), n));
	buf_consume(from, n);
	b->total += n;
}

/* What a server answers when it is up. */
static const char *
later_answer(const char *line, size_t len)
{
	for (enum hello_step i = HELLO_SETHOST; i < HELLO_STEPS; i++)
		if (len + 1 == strlen(good[i].sends) &&
		    memcmp(line, good[i].sends, len) == 0)
			return good[i].answer;
	return "unknown_cmd";
}

static void
server_reads(struct both *b)
{
	size_t len, used;

	while (buf_len(&b->sin) > 0) {
		const char *line = buf_data(&b->sin);
		enum line_result r = line_next(&b->sline, line,
		    buf_len(&b->sin), &len, &used);

		if (r == LINE_OK && b->sr == HELLO_MORE)
			b->sr = hello_server_line(&b->s, line, len, &b->s2c);
		else if (r == LINE_OK) {
			CHECK_INT(0, buf_puts(&b->s2c,
			    later_answer(line, len)));
			CHECK_INT(0, buf_put(&b->s2c, "\n", 1));
		}
		buf_consume(&b->sin, used);
		if (r == LINE_MORE)
			return;
	}
}

static void
client_reads(struct both *b)
{
	size_t len, used;

	while (buf_len(&b->cin) > 0 && b->cr == HELLO_MORE) {
		const char *line = buf_data(&b->cin);
		enum line_result r = line_next(&b->cline, line,
		    buf_len(&b->cin), &len, &used);

		if (r == LINE_OK) {
			b->cr = hello_client_line(&b->c, line, len, &b->c2s);
			CHECK_STR("", b->c.note);
		}
		buf_consume(&b->cin, used);
		if (r == LINE_MORE)
			return;
	}
}

/* Returns how many bytes went over the wire. */
static size_t
run_both(size_t cut)
{
	struct both b = {
		.sr = HELLO_MORE, .cut = cut,
		.cline = LINE_INIT(1000), .sline = LINE_INIT(1000),
		.c2s = BUF_INIT(1000), .s2c = BUF_INIT(1000),
		.cin = BUF_INIT(1000), .sin = BUF_INIT(1000),
	};
	int before = check_failed;

	hello_server_start(&b.s, CHALLENGE);
	b.cr = hello_client_start(&b.c, PEER, SELF, &b.c2s);
	while (buf_len(&b.c2s) > 0 || buf_len(&b.s2c) > 0) {
		if (buf_len(&b.c2s) > 0)
			deliver(&b, &b.c2s, &b.sin);
		server_reads(&b);
		if (buf_len(&b.s2c) > 0)
			deliver(&b, &b.s2c, &b.cin);
		client_reads(&b);
	}
	CHECK_INT(HELLO_UP, b.sr);
	CHECK_INT(HELLO_UP, b.cr);
	CHECK(b.c.what.lonc && b.c.ponged);
	CHECK_INT(0, buf_len(&b.cin) + buf_len(&b.sin));
	check_key(&b.c, "62451624a112345a0ef78d90a12b3c99");
	if (check_failed > before)
		fprintf(stderr, "  cut %zu\n", cut);
	hello_client_clear(&b.c);
	buf_free(&b.c2s);
	buf_free(&b.s2c);
	buf_free(&b.cin);
	buf_free(&b.sin);
	return b.total;
}

static void
test_both(void)
{
	size_t total = run_both(0);

	CHECK(total > 100);
	for (size_t cut = 1; cut <= total; cut++)
		CHECK_INT(total, run_both(cut));
}

int
main(void)
{
	test_good();
	test_changes();
	test_pong_ids();
	test_challenge_bytes();
	test_long_notes();
	test_no_room();
	test_keys();
	test_peer_parse();
	test_server_first();
	test_server_echo();
	test_server_notes();
	test_server_no_room();
	test_both();
	return check_status();
}
