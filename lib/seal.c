/*
 * Sealed lines: enc:<bytes of the plain line>:<its blocks in hex>.
 *
 * Text is worked in pieces of PIECE bytes, in place: sealing leaves nothing
 * but cipher text behind, and opening wipes the one piece it had.  Neither
 * allocates anything but room in the caller's buffer, all at once, so that
 * what was opened is never left behind in storage that was outgrown.
 */
#include "lonc/seal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lonc/buf.h"

#define PIECE (64 * IDEA_BLOCK_LEN)
#define HEX_BLOCK_LEN (2 * IDEA_BLOCK_LEN)

static const char tag[] = "enc:";
#define TAG_LEN (sizeof(tag) - 1)

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The session key's text: so many characters, two to a byte of the key. */
struct key_text {
	unsigned char c[2 * SEAL_KEY_LEN];
	size_t len;
};

static void
key_text_add(struct key_text *t, const char *s, size_t len)
{
	len = least(len, sizeof(t->c) - t->len);
	memcpy(t->c + t->len, s, len);
	t->len += len;
}

/* An id, its letters folded on A-F and digits, other bytes as they are. */
static void
key_text_id(struct key_text *t, const char *id)
{
	static const char fold[] = "ABCDEF01234567890123456789";

	for (; *id != '\0'; id++) {
		if (*id >= 'a' && *id <= 'z')
			key_text_add(t, &fold[*id - 'a'], 1);
		else if (*id >= 'A' && *id <= 'Z')
			key_text_add(t, &fold[*id - 'A'], 1);
		else
			key_text_add(t, id, 1);
	}
}

/* A hex digit as Perl's pack "H" reads it, to whom every byte is some digit. */
static unsigned int
nibble(unsigned char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return (c + 9) & 15;
	return c & 15;
}

void
seal_key_derive(unsigned char key[SEAL_KEY_LEN], const char *server_id,
    const char *client_id, const char *build, size_t build_len)
{
	struct key_text t = { { 0 }, 0 };	/* short text ends in zeros */

	for (int i = 0; i < 3; i++) {
		key_text_id(&t, server_id);
		key_text_id(&t, client_id);
		key_text_add(&t, build, build_len);
	}
	for (size_t i = 0; i < SEAL_KEY_LEN; i++)
		key[i] = (unsigned char)(nibble(t.c[2 * i]) << 4 |
		    nibble(t.c[2 * i + 1]));
	explicit_bzero(&t, sizeof(t));
}

void
seal_init(struct seal *s, const unsigned char key[SEAL_KEY_LEN])
{
	idea_encrypt_key(&s->enc, key);
	idea_decrypt_key(&s->dec, key);
}

void
seal_clear(struct seal *s)
{
	explicit_bzero(s, sizeof(*s));
}

/* Old hosts add a block of blanks where the length is whole blocks. */
static size_t
padded_len(size_t plain_len)
{
	return plain_len / IDEA_BLOCK_LEN * IDEA_BLOCK_LEN + IDEA_BLOCK_LEN;
}

size_t
seal_line_len(size_t plain_len)
{
	size_t digits = 1;

	if (plain_len > SIZE_MAX / 4)
		return SIZE_MAX;
	for (size_t n = plain_len; n > 9; n /= 10)
		digits++;
	return TAG_LEN + digits + 1 + 2 * padded_len(plain_len);
}

static void
hex_put(char *hex, const unsigned char *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (; len > 0; len--, data++) {
		*hex++ = digits[*data >> 4];
		*hex++ = digits[*data & 15];
	}
}

int
seal_put(const struct seal *s, const char *plain, size_t len, struct buf *out)
{
	unsigned char piece[PIECE];
	size_t line_len = seal_line_len(len), padded = padded_len(len), n, part;
	char *p;

	if (memchr(plain, '\n', len) != NULL) {
		errno = EINVAL;
		return -1;
	}
	if ((p = buf_reserve(out, line_len)) == NULL)
		return -1;
	p += snprintf(p, line_len, "%s%zu:", tag, len);
	for (; padded > 0; padded -= n) {
		n = least(padded, sizeof(piece));
		part = least(n, len);
		memcpy(piece, plain, part);
		memset(piece + part, ' ', n - part);
		idea_blocks(&s->enc, piece, piece, n / IDEA_BLOCK_LEN);
		hex_put(p, piece, n);
		p += 2 * n;
		plain += part;
		len -= part;
	}
	buf_commit(out, line_len);
	return 0;
}

/*
 * Hex digits, as HEX_DIGIT with the value below it.  A table, since the
 * digits are random: branches on them cost more than the cipher.
 */
#define HEX_DIGIT 16
static const unsigned char hex_digit[256] = {
	['0'] = 16, ['1'] = 17, ['2'] = 18, ['3'] = 19, ['4'] = 20,
	['5'] = 21, ['6'] = 22, ['7'] = 23, ['8'] = 24, ['9'] = 25,
	['A'] = 26, ['B'] = 27, ['C'] = 28, ['D'] = 29, ['E'] = 30, ['F'] = 31,
	['a'] = 26, ['b'] = 27, ['c'] = 28, ['d'] = 29, ['e'] = 30, ['f'] = 31,
};

static bool
hex_valid(const char *hex, size_t len)
{
	unsigned int all = HEX_DIGIT;

	for (size_t i = 0; i < len; i++)
		all &= hex_digit[(unsigned char)hex[i]];
	return all != 0;
}

/* len bytes of data from hex known to be valid. */
static void
hex_get(unsigned char *data, const char *hex, size_t len)
{
	unsigned int high, low;

	for (; len > 0; len--, hex += 2) {
		high = hex_digit[(unsigned char)hex[0]] - HEX_DIGIT;
		low = hex_digit[(unsigned char)hex[1]] - HEX_DIGIT;
		*data++ = (unsigned char)(high << 4 | low);
	}
}

/*
 * The parts of an enc: line, all that can be said without the key.
 * Returns the first hex digit, with the line's rest in *hex_len and the
 * length it states, which its blocks can hold, in *plain_len; or NULL.
 */
static const char *
line_parse(const char *line, size_t len, size_t *plain_len, size_t *hex_len)
{
	const char *p, *end = line + len;
	size_t n = 0;

	if (len < TAG_LEN || memcmp(line, tag, TAG_LEN) != 0)
		return NULL;
	for (p = line + TAG_LEN; p < end && *p >= '0' && *p <= '9'; p++) {
		if (n > (SIZE_MAX - 9) / 10)
			return NULL;
		n = n * 10 + (size_t)(*p - '0');
	}
	if (p == line + TAG_LEN || p == end || *p++ != ':')
		return NULL;
	*plain_len = n;
	*hex_len = (size_t)(end - p);
	if (*hex_len % HEX_BLOCK_LEN != 0 || n > *hex_len / 2 ||
	    !hex_valid(p, *hex_len))
		return NULL;
	return p;
}

int
seal_open(const struct seal *s, const char *line, size_t len, struct buf *out)
{
	unsigned char piece[PIECE];
	size_t plain_len, hex_len, n, data_len;
	const char *hex;
	char *plain;

	if ((hex = line_parse(line, len, &plain_len, &hex_len)) == NULL) {
		errno = EBADMSG;
		return -1;
	}
	if (plain_len == 0)
		return 0;
	if ((plain = buf_reserve(out, plain_len)) == NULL)
		return -1;
	for (size_t done = 0; done < plain_len; done += n) {
		n = least(plain_len - done, sizeof(piece));
		data_len = (n + IDEA_BLOCK_LEN - 1) / IDEA_BLOCK_LEN *
		    IDEA_BLOCK_LEN;
		hex_get(piece, hex + 2 * done, data_len);
		idea_blocks(&s->dec, piece, piece, data_len / IDEA_BLOCK_LEN);
		memcpy(plain + done, piece, n);
	}
	explicit_bzero(piece, sizeof(piece));
	if (memchr(plain, '\n', plain_len) != NULL) {
		explicit_bzero(plain, plain_len);
		errno = EBADMSG;
		return -1;
	}
	buf_commit(out, plain_len);
	return 0;
}
