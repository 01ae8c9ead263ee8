/* What is sealed can be opened; what is then changed does no harm. */
#include "lonc/seal.h"

#include <errno.h>

#include "fuzz.h"
#include "lonc/buf.h"

static void
derive(struct input *in, struct seal *s)
{
	unsigned char key[SEAL_KEY_LEN];
	size_t server_len = take(in) % 80, client_len = take(in) % 80,
	    build_len = take(in) % 80;
	char *server = take_text(in, &server_len),
	    *client = take_text(in, &client_len),
	    *build = take_text(in, &build_len);

	seal_key_derive(key, server, client, build, build_len);
	seal_init(s, key);
	free(server);
	free(client);
	free(build);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct buf sealed = BUF_INIT(1 << 20), plain = BUF_INIT(1 << 20);
	unsigned at, to;
	struct seal s;
	size_t len;
	char *text;

	derive(&in, &s);
	at = take(&in) << 8 | take(&in);
	to = take(&in);
	len = in.left;
	text = take_text(&in, &len);
	if (seal_put(&s, text, len, &sealed) == -1) {
		MUST(errno == EINVAL && memchr(text, '\n', len) != NULL);
		MUST(buf_len(&sealed) == 0);
	} else {
		MUST(memchr(text, '\n', len) == NULL);
		MUST(buf_len(&sealed) == seal_line_len(len));
		MUST(seal_open(&s, buf_data(&sealed), buf_len(&sealed),
		    &plain) == 0);
		MUST(buf_len(&plain) == len);
		MUST(len == 0 || memcmp(buf_data(&plain), text, len) == 0);
		buf_cut(&plain, 0);
		buf_data(&sealed)[at % buf_len(&sealed)] = to;
		if (seal_open(&s, buf_data(&sealed), buf_len(&sealed),
		    &plain) == -1)
			MUST(errno == EBADMSG && buf_len(&plain) == 0);
	}
	buf_free(&sealed);
	buf_free(&plain);
	free(text);
	return 0;
}
