/* Both ends of an opening, on a wire that changes what it likes. */
#include "lonc/hello.h"

#include "fake.h"
#include "lonc/words.h"

/* One change or none to a line with its LF.  Was there one? */
static bool
change(struct input *in, struct buf *b)
{
	unsigned how = take(in) % 6, at;
	char *p = buf_data(b);

	if (how == 0)
		return false;
	at = take(in) % buf_len(b);
	if (how == 1)
		p[at] ^= 1 << take(in) % 8;
	else if (how == 2)
		p[at] = take(in);
	else if (how == 3)
		buf_cut(b, at);
	else if (how == 4)
		MUST(buf_put(b, "again\n", 6) == 0);
	else
		MUST(buf_printf(b, "%c\n", take(in)) == 0);
	return true;
}

/* The first line in b, as a block of its own; NULL if there is none. */
static char *
first_line(struct buf *b, size_t *len)
{
	struct input in = input_of(b);
	char *line;

	if (in.left == 0 || memchr(in.p, '\n', in.left) == NULL)
		return NULL;
	line = take_line(&in, len);
	buf_consume(b, *len + 1);
	return line;
}

static void
answer(struct hello_server *h, enum hello_result *r, struct session *s,
    const char *line, size_t len, struct buf *out)
{
	if (*r == HELLO_MORE)
		*r = hello_server_line(h, line, len, out);
	else if (words_answer(s, line, len, false, out) == WORDS_PONG)
		MUST(buf_puts(out, "there:con_lost") == 0);
	if (buf_len(out) == 0 || buf_data(out)[buf_len(out) - 1] != '\n')
		MUST(buf_put(out, "\n", 1) == 0);
}

/* Text sealed by each end is opened by the other. */
static void
check_keys(const struct seal *a, const struct seal *b)
{
	struct buf sealed = BUF_INIT(256), plain = BUF_INIT(256);

	MUST(seal_put(a, "secret", 6, &sealed) == 0);
	MUST(seal_open(b, buf_data(&sealed), buf_len(&sealed), &plain) == 0);
	MUST(buf_len(&plain) == 6);
	MUST(memcmp(buf_data(&plain), "secret", 6) == 0);
	buf_free(&sealed);
	buf_free(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct buf up = BUF_INIT(1 << 16), down = BUF_INIT(1 << 16);
	struct hello_client c;
	struct hello_server s;
	struct session ses;
	enum hello_result rc, rs = HELLO_MORE;
	bool changed = false;
	size_t len;
	char *line;

	words_begin(&ses, &fake_conf, "here");
	hello_server_start(&s, "1790");
	rc = hello_client_start(&c, "there", "here", &up);
	while (rc == HELLO_MORE && rs != HELLO_FAILED) {
		changed |= change(&in, &up);
		if ((line = first_line(&up, &len)) == NULL)
			break;
		answer(&s, &rs, &ses, line, len, &down);
		free(line);
		changed |= change(&in, &down);
		if ((line = first_line(&down, &len)) == NULL)
			break;
		rc = hello_client_line(&c, line, len, &up);
		free(line);
	}
	if (!changed) {
		MUST(rc == HELLO_UP && rs == HELLO_UP && ses.has_key);
		check_keys(&c.seal, &ses.seal);
		check_keys(&ses.seal, &c.seal);
	}
	hello_client_clear(&c);
	words_end(&ses);
	buf_free(&up);
	buf_free(&down);
	return 0;
}
