/*
 * Session keys and sealed lines: what was observed from the old client, and
 * every way a line can be wrong.
 *
 * Not tested: that the stack keeps nothing of key text or of what was opened.
 */
#include "lonc/seal.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "lonc/buf.h"
#include "check.h"

#define KEYS "tests/vectors/session-key.tsv"
#define LINES "tests/vectors/seal.tsv"
#define LEN(text) (sizeof(text) - 1)

static const unsigned char some_key[SEAL_KEY_LEN] = "sixteen bytes...";

/* A file of rows, their fields split at tabs; lines with # are comments. */
struct vectors {
	FILE *f;
	int line;
	char row[1024];
	char *field[4];
};

static int
next_row(struct vectors *v, int nfields)
{
	char *rest = v->row;
	int n;

	do {
		if (fgets(v->row, sizeof(v->row), v->f) == NULL)
			return 0;
		v->line++;
	} while (v->row[0] == '#');
	v->row[strcspn(v->row, "\n")] = '\0';
	for (n = 0; n < nfields && rest != NULL; n++)
		v->field[n] = strsep(&rest, "\t");
	return CHECK(n == nfields && rest == NULL);
}

/* Every row of the file through check(), and where it was if that failed. */
static void
for_rows(const char *path, int nfields, void (*check)(char **field))
{
	struct vectors v = { .line = 0 };
	int failed = check_failed, rows = 0;

	if (!CHECK((v.f = fopen(path, "r")) != NULL)) {
		fprintf(stderr, "  %s\n", path);
		return;
	}
	for (; next_row(&v, nfields); failed = check_failed, rows++) {
		check(v.field);
		if (check_failed > failed)
			fprintf(stderr, "  at %s:%d\n", path, v.line);
	}
	if (check_failed > failed)
		fprintf(stderr, "  at %s:%d\n", path, v.line);
	CHECK(rows > 0);
	fclose(v.f);
}

static int
hex_byte(const char *p)
{
	char pair[3] = { p[0], p[0] != '\0' ? p[1] : '\0', '\0' }, *end;
	long n = strtol(pair, &end, 16);

	return CHECK(end == pair + 2) ? (int)n : 0;
}

static void
get_key(const char *hex, unsigned char key[SEAL_KEY_LEN])
{
	if (!CHECK(strlen(hex) == 2 * SEAL_KEY_LEN))
		return;
	for (int i = 0; i < SEAL_KEY_LEN; i++)
		key[i] = (unsigned char)hex_byte(hex + 2 * i);
}

/* In place; returns the length. */
static size_t
percent_decode(char *s)
{
	size_t n = 0;

	for (const char *p = s; *p != '\0'; p++) {
		s[n] = *p;
		if (*p == '%') {
			s[n] = (char)hex_byte(p + 1);
			p += 2;
		}
		n++;
	}
	return n;
}

/* What was opened or put before must stay, so buffers begin with this. */
#define BEFORE "before"

static void
out_init(struct buf *out, size_t room)
{
	*out = (struct buf)BUF_INIT(LEN(BEFORE) + room);
	CHECK_INT(0, buf_puts(out, BEFORE));
}

static void
check_out(struct buf *out, const char *want, size_t len)
{
	CHECK(memcmp(buf_data(out), BEFORE, LEN(BEFORE)) == 0);
	CHECK_MEM(want, len, buf_data(out) + LEN(BEFORE),
	    buf_len(out) - LEN(BEFORE));
}

static void
check_put(const struct seal *s, const char *plain, size_t len,
    const char *want)
{
	struct buf out;

	CHECK_INT(strlen(want), seal_line_len(len));
	out_init(&out, strlen(want));
	CHECK_INT(0, seal_put(s, plain, len, &out));
	check_out(&out, want, strlen(want));
	buf_free(&out);
}

static void
check_open(const struct seal *s, const char *line, size_t line_len,
    const char *want, size_t len)
{
	struct buf out;

	out_init(&out, len);
	CHECK_INT(0, seal_open(s, line, line_len, &out));
	check_out(&out, want, len);
	buf_free(&out);
}

/* The line lies at the very end of its memory, for sanitizers to see. */
static void
check_bad(const struct seal *s, const char *line, size_t len)
{
	int failed = check_failed;
	char *copy = malloc(len > 0 ? len : 1);
	struct buf out;

	memcpy(copy, line, len);
	out_init(&out, 2 * len);
	errno = 0;
	CHECK_INT(-1, seal_open(s, copy, len, &out));
	CHECK_INT(EBADMSG, errno);
	check_out(&out, "", 0);
	if (check_failed > failed)
		fprintf(stderr, "  line: %.*s\n", (int)len, line);
	buf_free(&out);
	free(copy);
}

static void
check_key_row(char **field)
{
	unsigned char want[SEAL_KEY_LEN], got[SEAL_KEY_LEN];

	get_key(field[3], want);
	seal_key_derive(got, field[0], field[1], field[2], strlen(field[2]));
	CHECK_MEM(want, sizeof(want), got, sizeof(got));
}

/* What Perl 5.36 makes of these, folding with tr and then pack "H32". */
static const struct key_case {
	const char *server, *client, *build;
	size_t build_len;
	const char *key;
} key_cases[] = {
	{ "", "", "", 0, "00000000000000000000000000000000" },
	{ "a", "", "", 0, "aaa00000000000000000000000000000" },
	{ "", "b", "c", 1, "bcbcbc00000000000000000000000000" },
	{ "a", "b", "cdefgh", 6, "abcdef01abcdef01abcdef0100000000" },
	{ "a", "b", "cdefghi", 7, "abcdef012abcdef012abcdef01200000" },
	{ "a", "b", "cdefghij", 8, "abcdef0123abcdef0123abcdef012300" },
	/* The end of the 32 characters within the ids and behind them. */
	{ "abcdefghijklmnop", "qrstuvwxyz012345", "xyz", 3,
	    "abcdef01234567890123456789012345" },
	{ "abcdefghijklmnopqrstuvwxyz", "ABCDEF", "x", 1,
	    "abcdef01234567890123456789abcdef" },
	{ "abcdefghijklmnopqrstuvwxyz_-.01234", "b", "z", 1,
	    "abcdef01234567890123456789fde012" },
	/* Ids are folded, the build key is not. */
	{ "GHIJKLMNOP", "QRSTUVWXYZ", "", 0,
	    "01234567890123456789012345678901" },
	{ "GHIJKLMNOP", "QRSTUVWXYZ", "GHIJKLMNOPQRSTUVWXYZghijklmn", 28,
	    "012345678901234567890123456789ab" },
	{ "", "", "GHIJKLMNOPQRSTUVWXYZghijklmnopqrstuvwxyz", 40,
	    "0123456789abcdef01230123456789ab" },
	/* Bytes that are neither letters nor digits. */
	{ "\xe4", "@[`{", "7", 1, "40b0b740b0b740b0b700000000000000" },
	{ "a", "b", "\0\xff\n \x80@`[{:/~", 12,
	    "ab0fa0000bbafeab0fa0000bbafeab0f" },
	{ "x", "y", "\xe4\xc4\xdf\xfe\xe4\xc4\xdf\xfe", 8,
	    "7844fe44fe7844fe44fe7844fe44fe00" },
};

static void
test_key_cases(void)
{
	unsigned char want[SEAL_KEY_LEN], got[SEAL_KEY_LEN];
	const size_t n = sizeof(key_cases) / sizeof(key_cases[0]);

	for (const struct key_case *c = key_cases; c < key_cases + n; c++) {
		get_key(c->key, want);
		seal_key_derive(got, c->server, c->client, c->build,
		    c->build_len);
		CHECK_MEM(want, sizeof(want), got, sizeof(got));
	}
}

static void
test_key_long(void)
{
	const size_t len = 8 << 20;
	unsigned char want[SEAL_KEY_LEN], got[SEAL_KEY_LEN];
	char *build = malloc(len);

	memset(build, 'z', len);
	get_key("ab333333333333333333333333333333", want);
	seal_key_derive(got, "a", "b", build, len);
	CHECK_MEM(want, sizeof(want), got, sizeof(got));
	free(build);
}

/* Sealed as the old client did, opened again, and with A-F for a-f. */
static void
check_line_row(char **field)
{
	unsigned char key[SEAL_KEY_LEN];
	struct seal s;
	size_t len;

	get_key(field[0], key);
	seal_init(&s, key);
	len = percent_decode(field[1]);
	check_put(&s, field[1], len, field[2]);
	check_open(&s, field[2], strlen(field[2]), field[1], len);
	for (char *p = field[2] + LEN("enc:"); *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'f')
			*p = (char)(*p - 'a' + 'A');
	check_open(&s, field[2], strlen(field[2]), field[1], len);
}

/* The enc: line of a text that is shorter than the room for it. */
static size_t
make_line(const struct seal *s, const char *plain, char *line, size_t size)
{
	struct buf out = BUF_INIT(size);
	size_t len = 0;

	if (CHECK(seal_put(s, plain, strlen(plain), &out) == 0)) {
		len = buf_len(&out);
		memcpy(line, buf_data(&out), len);
	}
	buf_free(&out);
	return len;
}

static void
test_prefixes(const struct seal *s)
{
	char line[64];
	size_t len = make_line(s, "123456789", line, sizeof(line));

	for (size_t n = 0; n < len; n++)
		check_bad(s, line, n);
	check_open(s, line, len, "123456789", 9);
	for (int c = 0; c < 256; c++) {
		line[len] = (char)c;
		check_bad(s, line, len + 1);
	}
}

/* Any other byte at any place up to the hex, any byte that is not hex in it. */
static void
test_bytes(const struct seal *s)
{
	const char hex[] = "0123456789abcdefABCDEF";
	char line[64], good;
	size_t len = make_line(s, "123456789", line, sizeof(line));
	size_t head = LEN("enc:9:");

	for (size_t i = 0; i < len; i++) {
		good = line[i];
		for (int c = 0; c < 256; c++) {
			line[i] = (char)c;
			if (line[i] == good ||
			    (i >= head && memchr(hex, c, LEN(hex)) != NULL))
				continue;
			if (i == LEN("enc:") && c >= '0' && c <= '9')
				continue;
			check_bad(s, line, len);
		}
		line[i] = good;
	}
}

/* The 16 bytes "12345678        ", sealed, stated to be of these lengths. */
static const struct length_case {
	const char *text;
	int want;		/* or -1 */
} length_cases[] = {
	{ "0", 0 }, { "1", 1 }, { "7", 7 }, { "8", 8 }, { "9", 9 },
	{ "15", 15 }, { "16", 16 }, { "016", 16 },
	{ "0000000000000000000000000000000000000000016", 16 },
	{ "17", -1 }, { "24", -1 }, { "32", -1 }, { "160", -1 },
	{ "", -1 }, { "-1", -1 }, { "+1", -1 }, { " 1", -1 }, { "1 ", -1 },
	{ "0x1", -1 }, { "1a", -1 }, { "1/", -1 }, { "1:", -1 },
	/* 2^32, 2^63, 2^64 and a bit more, and what wraps to a small one. */
	{ "4294967296", -1 }, { "4294967304", -1 },
	{ "9223372036854775807", -1 }, { "9223372036854775808", -1 },
	{ "18446744073709551615", -1 }, { "18446744073709551616", -1 },
	{ "18446744073709551624", -1 }, { "184467440737095516168", -1 },
	{ "340282366920938463463374607431768211464", -1 },
};

static void
test_lengths(const struct seal *s)
{
	const size_t n = sizeof(length_cases) / sizeof(length_cases[0]);
	char full[64], line[128];
	size_t full_len = make_line(s, "12345678", full, sizeof(full));
	const struct length_case *c;
	int len, failed;

	full[full_len] = '\0';
	for (c = length_cases; c < length_cases + n; c++) {
		failed = check_failed;
		len = snprintf(line, sizeof(line), "enc:%s:%s", c->text,
		    full + LEN("enc:8:"));
		if (c->want < 0)
			check_bad(s, line, (size_t)len);
		else
			check_open(s, line, (size_t)len, "12345678        ",
			    (size_t)c->want);
		if (check_failed > failed)
			fprintf(stderr, "  length: %s\n", c->text);
	}
}

/* Old hosts may send just enough blocks, or one more than are needed. */
static void
test_blocks(const struct seal *s)
{
	char line[64];

	make_line(s, "12345678", line, sizeof(line));
	check_open(s, line, LEN("enc:8:") + 16, "12345678", 8);
	check_open(s, line, LEN("enc:8:") + 32, "12345678", 8);
	check_open(s, "enc:0:", LEN("enc:0:"), "", 0);
	check_bad(s, "enc:1:", LEN("enc:1:"));
	check_bad(s, "enc::", LEN("enc::"));
	check_bad(s, "enc:0", LEN("enc:0"));
}

/* A padding that is wrong is never looked at, but it must be hex. */
static void
test_padding(const struct seal *s)
{
	char line[64];
	size_t len = make_line(s, "12345678", line, sizeof(line));

	memset(line + len - 16, 'f', 16);
	check_open(s, line, len, "12345678", 8);
	line[len - 1] = 'g';
	check_bad(s, line, len);
}

static void
test_line_feeds(const struct seal *s)
{
	char plain[1200], line[LEN("enc:1200:") + 2 * sizeof(plain) + 1];
	unsigned char cipher[sizeof(plain)];
	struct buf out;
	int head;

	for (size_t i = 0; i < sizeof(plain); i += 7) {
		memset(plain, 'x', sizeof(plain));
		plain[i] = '\n';
		out_init(&out, sizeof(line));
		errno = 0;
		CHECK_INT(-1, seal_put(s, plain, sizeof(plain), &out));
		CHECK_INT(EINVAL, errno);
		check_out(&out, "", 0);
		buf_free(&out);

		idea_blocks(&s->enc, (unsigned char *)plain, cipher,
		    sizeof(cipher) / IDEA_BLOCK_LEN);
		head = snprintf(line, sizeof(line), "enc:1200:");
		for (size_t j = 0; j < sizeof(cipher); j++)
			snprintf(line + head + 2 * j, 3, "%02x", cipher[j]);
		check_bad(s, line, sizeof(line) - 1);

		/* In the padding it is no harm. */
		head = snprintf(line, sizeof(line), "enc:%04zu", i);
		line[head] = ':';
		check_open(s, line, sizeof(line) - 1, plain, i);
	}
}

/* Nothing that was opened and then refused is left in the buffer. */
static void
test_refused_is_wiped(const struct seal *s)
{
	unsigned char text[16] = "secret\nsecret...";
	char line[64];
	struct buf out;
	int head = snprintf(line, sizeof(line), "enc:16:");

	idea_blocks(&s->enc, text, text, 2);
	for (size_t i = 0; i < sizeof(text); i++)
		snprintf(line + head + 2 * i, 3, "%02x", text[i]);
	out_init(&out, 1000);
	memset(buf_reserve(&out, 200), 'x', 200);
	CHECK_INT(-1, seal_open(s, line, strlen(line), &out));
	CHECK_INT(EBADMSG, errno);
	check_out(&out, "", 0);
	CHECK(memmem(out.store, LEN(BEFORE) + 200, "secret", 6) == NULL);
	buf_free(&out);
}

/* One byte less room than is needed. */
static void
test_too_little_room(const struct seal *s)
{
	char line[64];
	size_t len = make_line(s, "123456789", line, sizeof(line));
	struct buf out;

	out_init(&out, len - 1);
	errno = 0;
	CHECK_INT(-1, seal_put(s, "123456789", 9, &out));
	CHECK_INT(EMSGSIZE, errno);
	check_out(&out, "", 0);
	buf_free(&out);

	out_init(&out, 8);
	errno = 0;
	CHECK_INT(-1, seal_open(s, line, len, &out));
	CHECK_INT(EMSGSIZE, errno);
	check_out(&out, "", 0);
	buf_free(&out);
}

static void
test_line_len(void)
{
	CHECK_INT(LEN("enc:0:") + 16, seal_line_len(0));
	CHECK_INT(LEN("enc:9:") + 32, seal_line_len(9));
	CHECK_INT(LEN("enc:10:") + 32, seal_line_len(10));
	CHECK_INT(LEN("enc:99:") + 13 * 16, seal_line_len(99));
	CHECK_INT(LEN("enc:100:") + 13 * 16, seal_line_len(100));
	CHECK_INT(LEN("enc:1048576:") + 2097152 + 16, seal_line_len(1048576));
	CHECK(seal_line_len(SIZE_MAX) == SIZE_MAX);
	CHECK(seal_line_len(SIZE_MAX / 2) == SIZE_MAX);
}

/* All lengths around blocks and pieces, of any bytes but LF. */
static void
test_round_trips(const struct seal *s)
{
	char plain[3000];
	struct buf line, out;
	unsigned int seed = 1;

	for (size_t i = 0; i < sizeof(plain); i++) {
		seed = seed * 1103515245 + 12345;
		plain[i] = (char)(seed >> 16);
		if (plain[i] == '\n')
			plain[i] = '\0';
	}
	for (size_t len = 0; len <= sizeof(plain); len += len < 1100 ? 1 : 50) {
		line = (struct buf)BUF_INIT(seal_line_len(len));
		CHECK_INT(0, seal_put(s, plain, len, &line));
		CHECK_INT(seal_line_len(len), buf_len(&line));
		CHECK(memchr(buf_data(&line), '\n', buf_len(&line)) == NULL);
		out_init(&out, len);
		CHECK_INT(0, seal_open(s, buf_data(&line), buf_len(&line),
		    &out));
		check_out(&out, plain, len);
		buf_free(&line);
		buf_free(&out);
	}
}

/* An empty text opened into a buffer that never had any storage. */
static void
test_empty(const struct seal *s)
{
	struct buf line = BUF_INIT(64), out = BUF_INIT(0);

	CHECK_INT(0, seal_put(s, "", 0, &line));
	CHECK_INT(0, seal_open(s, buf_data(&line), buf_len(&line), &out));
	CHECK_INT(0, buf_len(&out));
	buf_free(&line);
	buf_free(&out);
}

static void
test_clear(struct seal *s)
{
	static const struct seal zero;

	CHECK(memcmp(s, &zero, sizeof(zero)) != 0);
	seal_clear(s);
	CHECK_MEM(&zero, sizeof(zero), s, sizeof(*s));
}

int
main(void)
{
	struct seal s;

	for_rows(KEYS, 4, check_key_row);
	test_key_cases();
	test_key_long();
	for_rows(LINES, 3, check_line_row);
	seal_init(&s, some_key);
	test_prefixes(&s);
	test_bytes(&s);
	test_lengths(&s);
	test_blocks(&s);
	test_padding(&s);
	test_line_feeds(&s);
	test_refused_is_wiped(&s);
	test_too_little_room(&s);
	test_line_len();
	test_round_trips(&s);
	test_empty(&s);
	test_clear(&s);
	return check_status();
}
