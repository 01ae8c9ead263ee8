/*
 * Lines: short streams cut into pieces in every way there is, beside a
 * splitter that sees the whole stream at once.
 */
#include "lonc/line.h"

#include <stdint.h>
#include <stdlib.h>

#include "check.h"

#define LEN(text) (sizeof(text) - 1)
#define STREAM(text) { (text), LEN(text) }
#define MAX 4096	/* bytes of the longest stream here */

/* What came of a stream: "=bytes\n" for a line, "!\n" for one too long. */
struct found {
	char	text[2 * MAX];
	size_t	len;
};

static void
found_line(struct found *f, const char *line, size_t len)
{
	f->text[f->len++] = '=';
	memcpy(f->text + f->len, line, len);
	f->len += len;
	f->text[f->len++] = '\n';
}

static void
found_long(struct found *f)
{
	memcpy(f->text + f->len, "!\n", 2);
	f->len += 2;
}

/* What should be found, in the plainest way. */
static void
split(const char *stream, size_t len, size_t limit, struct found *f)
{
	size_t begin = 0;

	f->len = 0;
	for (size_t i = 0; i < len; i++) {
		if (stream[i] != '\n')
			continue;
		if (i - begin > limit)
			found_long(f);
		else
			found_line(f, stream + begin, i - begin);
		begin = i + 1;
	}
}

/* A caller of line_next(): what has come is came[begin .. end). */
struct reader {
	struct line	ln;
	char		came[MAX];
	size_t		begin, end;
	struct found	found;
	bool		broken;		/* a rule of the header was */
};

/* What has not come is all LF: whoever looks there finds a line too many. */
static void
reader_init(struct reader *r, size_t limit)
{
	r->ln = (struct line)LINE_INIT(limit);
	memset(r->came, '\n', sizeof(r->came));
	r->begin = r->end = r->found.len = 0;
	r->broken = false;
}

/* Is what line_next() has said about have bytes within its rules? */
static bool
rules_kept(const struct reader *r, enum line_result res, size_t have,
    size_t line_len, size_t used)
{
	if (used > have)
		return false;
	switch (res) {
	case LINE_MORE:
		return have - used <= r->ln.limit &&
		    r->ln.seen == have - used;
	case LINE_OK:
		return line_len <= r->ln.limit && used == line_len + 1;
	case LINE_LONG:
		return used > 0;
	}
	return false;
}

static void
reader_feed(struct reader *r, const char *piece, size_t len)
{
	enum line_result res = LINE_OK;
	size_t n, used, have;

	memcpy(r->came + r->end, piece, len);
	r->end += len;
	while (res != LINE_MORE && !r->broken) {
		n = SIZE_MAX;
		have = r->end - r->begin;
		res = line_next(&r->ln, r->came + r->begin, have, &n, &used);
		if (!rules_kept(r, res, have, n, used)) {
			r->broken = true;
			return;
		}
		if (res == LINE_OK)
			found_line(&r->found, r->came + r->begin, n);
		if (res == LINE_LONG)
			found_long(&r->found);
		r->begin += used;
	}
}

static void
reader_check(const struct reader *r, const struct found *want)
{
	CHECK(!r->broken);
	CHECK_MEM(want->text, want->len, r->found.text, r->found.len);
}

static const struct {
	const char	*stream;
	size_t		 len;
} streams[] = {
	STREAM(""),
	STREAM("a"),
	STREAM("\n"),
	STREAM("\n\n\n"),
	STREAM("a\nb\nc\n"),
	STREAM("abc\n\nd\n"),
	STREAM("a\n\nbcd\nef"),
	STREAM("abcd\nabc\nab"),
	STREAM("abcdefgh\na\n"),
	STREAM("a\nabcde\n\nb\n"),
	STREAM("\nabcdefghi"),
	STREAM("abcd\nefgh\n\n"),
	STREAM("\0\n\xff\n\0\0\xff\n\r\n"),
	STREAM("\0\xff\0\xff\n\xff\xff\0\n\0"),
};

/* Bit i of ways: a cut behind byte i. */
static void
test_cuts(const char *stream, size_t len, size_t limit)
{
	static struct reader r;
	static struct found want;
	int before = check_failed;
	size_t from;
	uint32_t ways = 0;

	split(stream, len, limit, &want);
	do {
		reader_init(&r, limit);
		from = 0;
		for (size_t i = 0; i < len; i++) {
			if (i + 1 < len && !(ways >> i & 1))
				continue;
			reader_feed(&r, stream + from, i + 1 - from);
			from = i + 1;
		}
		reader_check(&r, &want);
		ways++;
	} while (len > 0 && ways < 1u << (len - 1) && check_failed == before);
	if (check_failed > before) {
		fprintf(stderr, "  limit %zu, cuts %#x\n", limit, ways - 1);
		check_hex("stream", stream, len);
	}
}

/* All bytes but LF are a line's. */
static void
test_bytes(void)
{
	static struct reader r;
	char line[256];
	size_t n = 0;

	for (int c = 0; c < 256; c++)
		if (c != '\n')
			line[n++] = (char)c;
	line[n] = '\n';
	reader_init(&r, n);
	reader_feed(&r, line, n + 1);
	CHECK(!r.broken);
	CHECK_INT(n + 2, r.found.len);
	CHECK_MEM(line, n, r.found.text + 1, n);
}

/* As many bytes as the limit says are a line, one more is too long. */
static void
test_limit(void)
{
	static const size_t limits[] = { 0, 1, 2, 255, 256, 1000 };
	static struct reader r;
	static struct found want;
	char text[1002];

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		for (size_t more = 0; more < 2; more++) {
			memset(text, 'x', sizeof(text));
			text[limits[i] + more] = '\n';
			split(text, limits[i] + more + 1, limits[i], &want);
			CHECK_INT(more, want.text[0] == '!');
			reader_init(&r, limits[i]);
			reader_feed(&r, text, limits[i] + more + 1);
			reader_check(&r, &want);
		}
	}
}

/* Of a line that is too long nothing need be kept once that is known. */
static void
test_skipping(void)
{
	struct line ln = LINE_INIT(4);
	size_t n, used;

	CHECK_INT(LINE_MORE, line_next(&ln, "abcd", 4, &n, &used));
	CHECK_INT(0, used);
	CHECK_INT(LINE_MORE, line_next(&ln, "abcde", 5, &n, &used));
	CHECK_INT(5, used);
	CHECK(ln.skipping);
	CHECK_INT(LINE_MORE, line_next(&ln, "", 0, &n, &used));
	CHECK_INT(0, used);
	CHECK_INT(LINE_MORE, line_next(&ln, "f", 1, &n, &used));
	CHECK_INT(1, used);
	CHECK_INT(LINE_LONG, line_next(&ln, "\nabcd\n", 6, &n, &used));
	CHECK_INT(1, used);
	CHECK_INT(LINE_OK, line_next(&ln, "abcd\n", 5, &n, &used));
	CHECK_INT(4, n);
	CHECK_INT(5, used);
}

/*
 * Bytes that were looked at are not looked at again: they become LF behind
 * its back, and no line may end there.
 */
static void
test_seen(size_t limit, enum line_result want)
{
	struct line ln = LINE_INIT(limit);
	char text[MAX];
	size_t len = 0, n, used, looked = 0;

	for (size_t i = 0; i < MAX - 1; i++) {
		text[len++] = 'x';
		looked += len - ln.seen;
		if (!CHECK(line_next(&ln, text, len, &n, &used) == LINE_MORE))
			return;
		len -= used;
		memset(text, '\n', len);
	}
	CHECK_INT(MAX - 1, looked);
	text[len] = '\n';
	CHECK_INT(want, line_next(&ln, text, len + 1, &n, &used));
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		for (size_t limit = 0; limit <= 10; limit++)
			test_cuts(streams[i].stream, streams[i].len, limit);
	test_bytes();
	test_limit();
	test_skipping();
	test_seen(MAX, LINE_OK);
	test_seen(100, LINE_LONG);
	return check_status();
}
