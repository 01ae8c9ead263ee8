/* See words.h. */
#include "lonc/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <utmpx.h>

#include "lonc/msg.h"
#include "lonc/text.h"

#define BUILD_KEY 32	/* hex digits: with fewer, some old links go wrong */

typedef void answer(struct session *s, const char *arg, size_t len,
    struct buf *reply);

static void
answer_ping(struct session *s, const char *arg, size_t len, struct buf *reply)
{
	(void)arg;
	(void)len;
	buf_puts(reply, s->self);
}

static void
answer_ekey(struct session *s, const char *arg, size_t len, struct buf *reply)
{
	unsigned char random[BUILD_KEY / 2], key[SEAL_KEY_LEN];
	char build[BUILD_KEY + 1];

	(void)arg;
	(void)len;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
		buf_puts(reply, "error: no random numbers");
		return;
	}
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(build + 2 * i, 3, "%02X", random[i]);
	seal_key_derive(key, s->self, s->client, build, BUILD_KEY);
	seal_init(&s->seal, key);
	s->has_key = true;
	explicit_bzero(key, sizeof(key));
	buf_put(reply, build, BUILD_KEY);
}

static void
answer_sethost(struct session *s, const char *arg, size_t len,
    struct buf *reply)
{
	char id[ID_MAX + 1];

	if (len <= ID_MAX && memchr(arg, '\0', len) == NULL) {
		memcpy(id, arg, len);
		id[len] = '\0';
		if (conf_own_id(s->cf, id)) {
			memcpy(s->self, id, len + 1);
			buf_puts(reply, "ok");
			return;
		}
	}
	buf_puts(reply, "not_ok");
}

static void
answer_version(struct session *s, const char *arg, size_t len,
    struct buf *reply)
{
	hello_peer_parse(&s->what, arg, len);
	buf_puts(reply, "version:" HELLO_TEXT);
}

static void
answer_load(struct session *s, const char *arg, size_t len, struct buf *reply)
{
	double load;

	(void)arg;
	(void)len;
	if (getloadavg(&load, 1) != 1)
		buf_puts(reply, "error: no load average");
	else
		buf_printf(reply, "%.2f", 100 * load * 1000 /
		    s->cf->load_limit);
}

static void
answer_userload(struct session *s, const char *arg, size_t len,
    struct buf *reply)
{
	const struct utmpx *ut;
	double users = 0;

	(void)arg;
	(void)len;
	if (s->cf->user_load_limit == 0) {
		buf_puts(reply, "0");
		return;
	}
	setutxent();
	while ((ut = getutxent()) != NULL)
		users += ut->ut_type == USER_PROCESS;
	endutxent();
	buf_printf(reply, "%.2f", 100 * users / s->cf->user_load_limit);
}

static void
answer_unknown(struct session *s, const char *arg, size_t len,
    struct buf *reply)
{
	(void)s;
	(void)arg;
	(void)len;
	buf_puts(reply, "unknown_cmd");
}

static void
answer_exit(struct session *s, const char *arg, size_t len, struct buf *reply)
{
	(void)s;
	(void)arg;
	(void)len;
	buf_puts(reply, "bye");
}

static const struct {
	const char		*word;
	answer			*answer;
	enum words_result	 result;
	bool			 opening;
} words[] = {
	{ "ping", answer_ping, WORDS_ANSWERED, false },
	{ "pong", NULL, WORDS_PONG, true },
	{ "ekey", answer_ekey, WORDS_ANSWERED, false },
	{ "sethost", answer_sethost, WORDS_ANSWERED, true },
	{ "version", answer_version, WORDS_ANSWERED, true },
	{ "load", answer_load, WORDS_ANSWERED, false },
	{ "userload", answer_userload, WORDS_ANSWERED, false },
	{ "exit", answer_exit, WORDS_EXIT, false },
	/* These mean something else than a command, where they may stand. */
	{ "init", answer_unknown, WORDS_ANSWERED, true },
	{ "enc", answer_unknown, WORDS_ANSWERED, false },
	{ "once", answer_unknown, WORDS_ANSWERED, false },
};
#define NWORDS (sizeof(words) / sizeof(words[0]))

void
words_begin(struct session *s, const struct conf *cf, const char *client)
{
	memset(s, 0, sizeof(*s));
	s->cf = cf;
	s->client = client;
	snprintf(s->self, sizeof(s->self), "%s", cf->host_id);
}

void
words_end(struct session *s)
{
	seal_clear(&s->seal);
	s->has_key = false;
}

enum words_result
words_answer(struct session *s, const char *request, size_t len, bool sealed,
    struct buf *reply)
{
	size_t n = msg_word(request, len), arg = n < len ? n + 1 : n;

	if (!sealed && conf_sealed_word(s->cf, request, n)) {
		buf_puts(reply, "refused");
		return WORDS_ANSWERED;
	}
	for (size_t i = 0; i < NWORDS; i++) {
		if (!text_is(request, n, words[i].word))
			continue;
		if (words[i].answer != NULL)
			words[i].answer(s, request + arg, len - arg, reply);
		return words[i].result;
	}
	return WORDS_OTHER;
}

bool
words_opening(const char *request, size_t len)
{
	size_t n = msg_word(request, len);

	for (size_t i = 0; i < NWORDS; i++)
		if (text_is(request, n, words[i].word))
			return words[i].opening;
	return false;
}
