/* Requests of any kind to what a server answers by itself. */
#include "lonc/words.h"

#include "fake.h"
#include "lonc/msg.h"

static bool
is_word(const char *line, size_t len, const char *word)
{
	return msg_word(line, len) == strlen(word) &&
	    memcmp(line, word, strlen(word)) == 0;
}

static void
ask(struct session *s, const char *line, size_t len, bool sealed)
{
	struct buf reply = BUF_INIT(512);
	enum words_result r = words_answer(s, line, len, sealed, &reply);
	size_t n = buf_len(&reply);

	MUST(n == 0 || memchr(buf_data(&reply), '\n', n) == NULL);
	MUST((n > 0) == (r == WORDS_ANSWERED || r == WORDS_EXIT));
	MUST(conf_own_id(s->cf, s->self) && printable(s->what.version));
	if (is_word(line, len, "auth"))
		MUST(sealed ? r == WORDS_OTHER : r == WORDS_ANSWERED);
	if (is_word(line, len, "ping"))
		MUST(n == strlen(s->self) && memcmp(buf_data(&reply), s->self,
		    n) == 0);
	if (is_word(line, len, "sethost") && n == 2)
		MUST(len == 8 + strlen(s->self) && memcmp(line + 8, s->self,
		    len - 8) == 0);
	MUST(is_word(line, len, "exit") == (r == WORDS_EXIT));
	MUST(is_word(line, len, "pong") == (r == WORDS_PONG));
	(void)words_opening(line, len);
	buf_free(&reply);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct session s;
	bool sealed;
	size_t len;
	char *line;

	words_begin(&s, &fake_conf, "here");
	while (in.left > 0) {
		sealed = take(&in) == 'S';
		line = take_line(&in, &len);
		ask(&s, line, len, sealed);
		free(line);
	}
	words_end(&s);
	return 0;
}
