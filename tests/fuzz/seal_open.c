/* Anything that may be a sealed line. */
#include "lonc/seal.h"

#include <errno.h>

#include "fuzz.h"
#include "lonc/buf.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char key[SEAL_KEY_LEN] = "0123456789abcdef";
	struct input in = { data, size };
	struct buf out = BUF_INIT(take(&in)), again = BUF_INIT(1 << 20),
	    plain = BUF_INIT(1 << 20);
	size_t len = in.left;
	char *line = take_text(&in, &len);
	struct seal s;

	seal_init(&s, key);
	MUST(out.max < 2 || buf_put(&out, "ab", 2) == 0);
	if (seal_open(&s, line, len, &out) == -1) {
		MUST(errno == EBADMSG || errno == EMSGSIZE);
		MUST(buf_len(&out) == (out.max < 2 ? 0 : 2));
	} else if (buf_len(&out) > 2) {
		/* Sealed once more it is opened to the same. */
		buf_consume(&out, 2);
		MUST(memchr(buf_data(&out), '\n', buf_len(&out)) == NULL);
		MUST((size_t)strtoul(line + 4, NULL, 10) == buf_len(&out) ||
		    out.max < 2);
		MUST(seal_put(&s, buf_data(&out), buf_len(&out), &again) == 0);
		MUST(seal_open(&s, buf_data(&again), buf_len(&again),
		    &plain) == 0);
		MUST(buf_len(&plain) == buf_len(&out));
		MUST(memcmp(buf_data(&plain), buf_data(&out),
		    buf_len(&out)) == 0);
	}
	buf_free(&out);
	buf_free(&again);
	buf_free(&plain);
	free(line);
	return 0;
}
