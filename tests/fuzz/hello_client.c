/* The calling end of an opening, told anything. */
#include "lonc/hello.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct buf out = BUF_INIT(16 * take(&in));
	struct buf sealed = BUF_INIT(64);
	struct hello_client h;
	enum hello_result r = hello_client_start(&h, "there", "here", &out);
	int n = 0;
	size_t len;
	char *line;

	for (; r == HELLO_MORE && in.left > 0; n++) {
		MUST((int)h.step == n);
		MUST(buf_len(&out) > 0);
		MUST(memchr(buf_data(&out), '\n', buf_len(&out)) ==
		    buf_data(&out) + buf_len(&out) - 1);
		buf_cut(&out, 0);
		line = take_line(&in, &len);
		r = hello_client_line(&h, line, len, &out);
		free(line);
		MUST(strnlen(h.note, sizeof(h.note)) < sizeof(h.note));
		MUST(printable(h.note) && printable(h.what.version));
	}
	MUST(r != HELLO_FAILED || h.note[0] != '\0');
	if (r == HELLO_UP) {
		MUST(n == HELLO_STEPS);
		MUST(seal_put(&h.seal, "x", 1, &sealed) == 0);
	}
	hello_client_clear(&h);
	buf_free(&out);
	buf_free(&sealed);
	return 0;
}
