/*
 * Buffers: their edges one by one, then a long random series of calls
 * beside a plain array that is known to be right.
 *
 * Not tested: that what was freed had been wiped; under sanitizers, which do
 * not let malloc(3) fail, ENOMEM.
 */
#include "lonc/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "check.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define MALLOC_MAY_FAIL 0
#else
#define MALLOC_MAY_FAIL 1
#endif

static void
check_is(const struct buf *b, const char *want)
{
	CHECK_MEM(want, strlen(want), buf_len(b) > 0 ? buf_data(b) : "",
	    buf_len(b));
}

static void
test_put(void)
{
	struct buf b = BUF_INIT(10);

	CHECK_INT(0, buf_len(&b));
	CHECK_INT(0, buf_put(&b, "abc", 3));
	CHECK_INT(0, buf_put(&b, "", 0));
	CHECK_INT(0, buf_puts(&b, ""));
	CHECK_INT(0, buf_puts(&b, "def"));
	CHECK_INT(0, buf_printf(&b, "%d-%s", 7, "g"));
	check_is(&b, "abcdef7-g");
	CHECK_INT(0, buf_put(&b, "\0", 1));
	CHECK_MEM("abcdef7-g", 10, buf_data(&b), buf_len(&b));
	buf_free(&b);
}

/* Exactly max bytes fit, and a byte consumed is room for one more. */
static void
test_max(void)
{
	struct buf b = BUF_INIT(4);

	CHECK_INT(0, buf_puts(&b, "abcd"));
	errno = 0;
	CHECK_INT(-1, buf_puts(&b, "e"));
	CHECK_INT(EMSGSIZE, errno);
	CHECK_INT(0, buf_put(&b, "", 0));
	check_is(&b, "abcd");
	buf_consume(&b, 1);
	CHECK_INT(-1, buf_puts(&b, "ef"));
	CHECK_INT(-1, buf_printf(&b, "%s", "ef"));
	check_is(&b, "bcd");
	CHECK_INT(0, buf_puts(&b, "e"));
	check_is(&b, "bcde");
	errno = 0;
	CHECK(buf_reserve(&b, 1) == NULL);
	CHECK_INT(EMSGSIZE, errno);
	CHECK(buf_reserve(&b, SIZE_MAX) == NULL);
	CHECK(buf_reserve(&b, SIZE_MAX - 3) == NULL);
	check_is(&b, "bcde");
	buf_free(&b);
	CHECK_INT(4, b.max);
	CHECK_INT(0, buf_puts(&b, "abcd"));
	buf_free(&b);
}

static void
test_max_zero(void)
{
	struct buf b = BUF_INIT(0);

	CHECK_INT(0, buf_put(&b, "", 0));
	CHECK_INT(-1, buf_put(&b, "a", 1));
	CHECK_INT(0, buf_len(&b));
	buf_free(&b);
}

/* What is reserved counts only when it is committed, as much as is. */
static void
test_reserve(void)
{
	struct buf b = BUF_INIT(1000);
	char *p;

	CHECK_INT(0, buf_puts(&b, "ab"));
	if (!CHECK((p = buf_reserve(&b, 998)) != NULL))
		return;
	memset(p, 'c', 998);
	CHECK_INT(2, buf_len(&b));
	buf_commit(&b, 0);
	check_is(&b, "ab");
	buf_commit(&b, 3);
	check_is(&b, "abccc");
	CHECK_INT(0, buf_puts(&b, "d"));
	check_is(&b, "abcccd");
	buf_free(&b);
}

/* No room at all is room too, not a failure. */
static void
test_reserve_none(void)
{
	struct buf b = BUF_INIT(10);

	CHECK(buf_reserve(&b, 0) != NULL);
	buf_commit(&b, 0);
	CHECK_INT(0, buf_len(&b));
	buf_free(&b);
}

/*
 * Bytes that pass through a full buffer, a few at a time, do not make it
 * move all the others every time.
 */
static void
test_moves(void)
{
	const size_t full = 1 << 16, n = 16, times = 20000;
	struct buf b = BUF_INIT(full);
	size_t moved = 0;
	char *p;

	if (!CHECK((p = buf_reserve(&b, full)) != NULL))
		return;
	memset(p, 'x', full);
	buf_commit(&b, full);
	for (size_t i = 0; i < times; i++) {
		buf_consume(&b, n);
		p = buf_data(&b);
		CHECK_INT(0, buf_put(&b, "0123456789abcdef", n));
		if (buf_data(&b) != p)
			moved += full - n;
	}
	CHECK(moved <= full + 2 * times * n);
	CHECK(b.cap <= 4 * full);
	buf_free(&b);
}

static void
test_consume_and_cut(void)
{
	struct buf b = BUF_INIT(100);

	CHECK_INT(0, buf_puts(&b, "abcdef"));
	buf_consume(&b, 0);
	buf_cut(&b, 6);
	check_is(&b, "abcdef");
	buf_consume(&b, 2);
	check_is(&b, "cdef");
	buf_cut(&b, 3);
	check_is(&b, "cde");
	CHECK_INT(0, buf_puts(&b, "x"));
	check_is(&b, "cdex");
	buf_consume(&b, 4);
	CHECK_INT(0, buf_len(&b));
	buf_consume(&b, 0);
	CHECK_INT(0, buf_puts(&b, "yz"));
	buf_cut(&b, 0);
	CHECK_INT(0, buf_len(&b));
	CHECK_INT(0, buf_puts(&b, "w"));
	check_is(&b, "w");
	buf_free(&b);
}

static void
test_trim(void)
{
	struct buf b = BUF_INIT(100);

	buf_trim(&b);
	CHECK_INT(0, buf_puts(&b, "ab"));
	buf_trim(&b);
	check_is(&b, "ab");
	buf_consume(&b, 2);
	CHECK(b.store != NULL);
	buf_trim(&b);
	CHECK(b.store == NULL);
	CHECK_INT(0, buf_puts(&b, "c"));
	check_is(&b, "c");
	buf_free(&b);
	buf_free(&b);
	CHECK(b.store == NULL);
}

static void
test_wipe(void)
{
	struct buf b = BUF_INIT(100);

	buf_wipe(&b);
	CHECK_INT(0, buf_puts(&b, "secret"));
	buf_wipe(&b);
	CHECK(b.store == NULL);
	CHECK_INT(0, buf_len(&b));
	CHECK_INT(100, b.max);
	CHECK_INT(0, buf_puts(&b, "a"));
	check_is(&b, "a");
	buf_free(&b);
}

/* buf_printf() takes 511 bytes and no more, whatever the buffer holds. */
static void
test_printf_limit(void)
{
	struct buf b = BUF_INIT(10000);
	char text[600];

	memset(text, 'x', sizeof(text));
	CHECK_INT(0, buf_printf(&b, "%.511s", text));
	CHECK_MEM(text, 511, buf_data(&b), buf_len(&b));
	errno = 0;
	CHECK_INT(-1, buf_printf(&b, "%.512s", text));
	CHECK_INT(EOVERFLOW, errno);
	CHECK_MEM(text, 511, buf_data(&b), buf_len(&b));
	buf_free(&b);
}

/* More than any memory, though not more than max. */
static void
test_no_memory(void)
{
	struct buf b = BUF_INIT(SIZE_MAX / 4);

	CHECK_INT(0, buf_puts(&b, "abc"));
	errno = 0;
	CHECK(buf_reserve(&b, SIZE_MAX / 4 - 3) == NULL);
	CHECK_INT(ENOMEM, errno);
	check_is(&b, "abc");
	buf_free(&b);
}

/* The random calls.  What buf should hold is model[0 .. model_len). */
#define MODEL_MAX 3000

static char model[MODEL_MAX];
static size_t model_len;
static uint32_t seed = 1;

static size_t
random_up_to(size_t n)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % (n + 1);
}

/* Mostly a few bytes, now and then more than there is room for. */
static void
random_put(struct buf *b)
{
	static char data[MODEL_MAX + 100];
	size_t len = random_up_to(random_up_to(9) == 0 ? sizeof(data) : 60);
	size_t kept = random_up_to(len);
	int fits = len <= b->max - model_len;
	char *p;

	for (size_t i = 0; i < len; i++)
		data[i] = (char)random_up_to(255);
	errno = 0;
	if (random_up_to(1) == 0) {
		CHECK_INT(fits ? 0 : -1, buf_put(b, data, len));
		kept = len;
	} else if (len > 0) {
		p = buf_reserve(b, len);
		if (!CHECK((p != NULL) == fits))
			return;
		if (p != NULL) {
			memcpy(p, data, len);
			buf_commit(b, kept);
		}
	}
	CHECK_INT(fits ? 0 : EMSGSIZE, errno);
	if (fits) {
		memcpy(model + model_len, data, kept);
		model_len += kept;
	}
}

static void
random_consume(struct buf *b, size_t n)
{
	buf_consume(b, n);
	memmove(model, model + n, model_len - n);
	model_len -= n;
}

static void
random_call(struct buf *b)
{
	size_t n = random_up_to(model_len);

	switch (random_up_to(60)) {
	case 0:
		buf_free(b);
		model_len = 0;
		break;
	case 1:
		buf_wipe(b);
		model_len = 0;
		break;
	case 2:
		buf_trim(b);
		break;
	case 3:
		buf_cut(b, n);
		model_len = n;
		break;
	case 4: case 5: case 6: case 7: case 8: case 9: case 10: case 11:
	case 12: case 13: case 14: case 15: case 16: case 17: case 18:
		random_consume(b, random_up_to(n < 60 ? n : 60));
		break;
	case 19: case 20:
		random_consume(b, random_up_to(3) == 0 ? model_len : n);
		break;
	default:
		random_put(b);
	}
}

static void
test_random(void)
{
	static const size_t max[] = { 1, 60, 255, 256, 257, 1000, MODEL_MAX };
	struct buf b;

	for (size_t i = 0; i < sizeof(max) / sizeof(max[0]); i++) {
		b = (struct buf)BUF_INIT(max[i]);
		model_len = 0;
		for (int n = 0; n < 20000 && check_failed < 10; n++) {
			random_call(&b);
			CHECK_MEM(model, model_len,
			    buf_len(&b) > 0 ? buf_data(&b) : "", buf_len(&b));
		}
		buf_free(&b);
	}
}

int
main(void)
{
	test_put();
	test_max();
	test_max_zero();
	test_reserve();
	test_reserve_none();
	test_moves();
	test_consume_and_cut();
	test_trim();
	test_wipe();
	test_printf_limit();
	if (MALLOC_MAY_FAIL)
		test_no_memory();
	test_random();
	return check_status();
}
