/* Operations in any order, beside a plain array. */
#include "lonc/buf.h"

#include <errno.h>

#include "fuzz.h"

static char model[8192];
static size_t len;

/* Did a call that puts n bytes do right? */
static void
put(struct buf *b, int rc, const char *data, size_t n)
{
	MUST(rc == (n <= b->max - len ? 0 : -1));
	if (rc == -1) {
		MUST(errno == EMSGSIZE);
		return;
	}
	memcpy(model + len, data, n);
	len += n;
}

static void
drop(size_t n)
{
	memmove(model, model + n, len - n);
	len -= n;
}

static void
act(struct input *in, struct buf *b)
{
	unsigned op = take(in);
	size_t n = take(in) * (1 + (op >> 4));
	char *text = take_text(in, &n), shown[32], *p;

	switch (op % 8) {
	case 0:
		put(b, buf_put(b, text, n), text, n);
		break;
	case 1:
		put(b, buf_puts(b, text), text, strlen(text));
		break;
	case 2:
		snprintf(shown, sizeof(shown), "<%u>", op);
		put(b, buf_printf(b, "<%u>", op), shown, strlen(shown));
		break;
	case 3:
		p = buf_reserve(b, 2 * n);
		MUST((p != NULL) == (2 * n <= b->max - len));
		if (p != NULL && n > 0) {
			memset(p, 'x', 2 * n);
			memcpy(p, text, n);
			buf_commit(b, n);
			put(b, 0, text, n);
		}
		break;
	case 4:
		n = len > 0 ? op * 37 % (len + 1) : 0;
		buf_consume(b, n);
		drop(n);
		break;
	case 5:
		len = len > 0 ? op * 37 % (len + 1) : 0;
		buf_cut(b, len);
		break;
	case 6:
		buf_trim(b);
		break;
	case 7:
		op & 8 ? buf_wipe(b) : buf_free(b);
		len = 0;
		break;
	}
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct buf b = BUF_INIT(take(&in) * 32);

	for (len = 0; in.left > 0; ) {
		act(&in, &b);
		MUST(buf_len(&b) == len);
		MUST(len == 0 || memcmp(buf_data(&b), model, len) == 0);
	}
	buf_free(&b);
	return 0;
}
