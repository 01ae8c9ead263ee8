/* Bytes of any kind: compared with words, and made printable. */
#include "lonc/text.h"

#include <stdlib.h>

#include "check.h"

#define LEN(text) (sizeof(text) - 1)
#define BYTES(text) (text), LEN(text)

static const struct {
	const char	*text;
	size_t		 len;
	const char	*word;
	bool		 is, begins;
} words[] = {
	{ BYTES("ok"), "ok", true, true },
	{ BYTES("okay"), "ok", false, true },
	{ BYTES("o"), "ok", false, false },
	{ BYTES(""), "ok", false, false },
	{ BYTES("OK"), "ok", false, false },
	{ BYTES("ok\0"), "ok", false, true },
	{ BYTES("o\0k"), "ok", false, false },
	{ BYTES(" ok"), "ok", false, false },
	{ BYTES("ok"), "", false, true },
	{ BYTES(""), "", true, true },
};

static void
test_words(void)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int before = check_failed;

		CHECK_INT(words[i].is, text_is(words[i].text, words[i].len,
		    words[i].word));
		CHECK_INT(words[i].begins, text_begins(words[i].text,
		    words[i].len, words[i].word));
		if (check_failed > before)
			check_hex("text", words[i].text, words[i].len);
	}
}

/* What should be shown of one byte. */
static const char *
shown(unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	static char text[5];

	if (c >= 0x20 && c < 0x7f) {
		text[0] = (char)c;
		text[1] = '\0';
	} else {
		text[0] = '\\';
		text[1] = 'x';
		text[2] = digits[c >> 4];
		text[3] = digits[c & 15];
		text[4] = '\0';
	}
	return text;
}

/* All of it if it fits, else as many whole bytes as fit before "...". */
static void
should_be(char *want, size_t size, const char *src, size_t len)
{
	char *all = calloc(len + 1, 4), *head = calloc(len + 1, 4);

	for (size_t i = 0; i < len; i++) {
		strcat(all, shown((unsigned char)src[i]));
		if (strlen(all) + LEN("...") < size)
			strcpy(head, all);
	}
	if (strlen(all) < size)
		strcpy(want, all);
	else
		strcat(strcpy(want, head), "...");
	free(all);
	free(head);
}

/* In as many bytes as it may use, so that one more is a fault. */
static void
check_shown(size_t size, const char *src, size_t len)
{
	char *exact = malloc(size), *copy = malloc(len > 0 ? len : 1);
	char want[2048];
	int before = check_failed;

	if (!CHECK(exact != NULL && copy != NULL && size <= sizeof(want)))
		abort();
	memcpy(copy, src, len);
	memset(exact, 'z', size);
	should_be(want, size, src, len);
	CHECK(text_printable(exact, size, copy, len) == exact);
	if (CHECK(memchr(exact, '\0', size) != NULL))
		CHECK_STR(want, exact);
	if (check_failed > before) {
		fprintf(stderr, "  size %zu\n", size);
		check_hex("src", src, len);
	}
	free(exact);
	free(copy);
}

/* Samples that were written down by hand. */
static const struct {
	size_t		 size;
	const char	*src;
	size_t		 len;
	const char	*want;
} samples[] = {
	{ 4, BYTES(""), "" },
	{ 4, BYTES("abc"), "abc" },
	{ 4, BYTES("abcd"), "..." },
	{ 4, BYTES("\n"), "..." },
	{ 5, BYTES("\n"), "\\x0a" },
	{ 5, BYTES("abcde"), "a..." },
	{ 8, BYTES("\n\n"), "\\x0a..." },
	{ 9, BYTES("\n\n"), "\\x0a\\x0a" },
	{ 80, BYTES("a\0b\r\x1b[31m\x7f\x80\xff~ \\\""),
	    "a\\x00b\\x0d\\x1b[31m\\x7f\\x80\\xff~ \\\"" },
};

static void
test_samples(void)
{
	char got[80];

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		CHECK_STR(samples[i].want, text_printable(got,
		    samples[i].size, samples[i].src, samples[i].len));
}

/* Where the cut falls, for each size and each mixture of short and long. */
static void
test_sizes(void)
{
	char src[9];

	for (size_t size = 4; size <= 40; size++) {
		for (unsigned mix = 0; mix < 1u << sizeof(src); mix++) {
			for (size_t i = 0; i < sizeof(src); i++)
				src[i] = mix >> i & 1 ? '\t' : 'a' + (char)i;
			check_shown(size, src, sizeof(src));
		}
	}
	for (size_t size = 4; size <= 40; size++)
		for (size_t len = 0; len <= sizeof(src); len++)
			check_shown(size, "\n\xff" "cdefghi", len);
}

static void
test_bytes(void)
{
	char all[256];

	for (int c = 0; c < 256; c++) {
		all[c] = (char)c;
		check_shown(8, &all[c], 1);
	}
	for (size_t size = 4; size < 1024; size += 7)
		check_shown(size, all, sizeof(all));
	check_shown(1024, all, sizeof(all));
}

int
main(void)
{
	test_words();
	test_samples();
	test_sizes();
	test_bytes();
	return check_status();
}
