/* The answering end of an opening lets only those in that know the word. */
#include "lonc/hello.h"

#include <ctype.h>

#include "fuzz.h"

static bool
is_echo(const char *line, size_t len, const char *challenge)
{
	char kept[4096];
	size_t n = 0;

	for (size_t i = 0; i < len && n < sizeof(kept) - 1; i++)
		if (isalnum((unsigned char)line[i]))
			kept[n++] = line[i];
	kept[n] = '\0';
	return strcmp(kept, challenge) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct buf out = BUF_INIT(take(&in));
	struct hello_server h;
	enum hello_result r = HELLO_MORE;
	size_t len;
	char *line;

	hello_server_start(&h, "1790");
	for (int n = 0; r == HELLO_MORE; n++) {
		line = take_line(&in, &len);
		r = hello_server_line(&h, line, len, &out);
		MUST(printable(h.note));
		MUST(n == 0 || r != HELLO_MORE);
		MUST(n == 1 || r != HELLO_UP);
		if (n == 0 && r == HELLO_MORE)
			MUST(strcmp(line, "init") == 0 ||
			    strncmp(line, "init:", 5) == 0);
		if (n == 1)
			MUST(r != HELLO_UP || is_echo(line, len, "1790"));
		if (n == 1 && r == HELLO_FAILED && out.max >= 64)
			MUST(!is_echo(line, len, "1790"));
		free(line);
	}
	if (buf_len(&out) > 0 && out.max >= 64)
		MUST(buf_data(&out)[buf_len(&out) - 1] == '\n');
	buf_free(&out);
	return 0;
}
