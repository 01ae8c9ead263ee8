/*
 * The opening of a link.  The calling end walks the steps of the table
 * below; each has a line to send and a judge of its answer.
 *
 *	init -> echo -> sethost -> version -> pong -> ekey -> up
 *
 * Peers differ by twenty years in age, so only what would make the link
 * useless or wrong ends the opening; the rest leaves a note.
 */
#include "lonc/hello.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lonc/text.h"

typedef enum hello_result judge(struct hello_client *h, const char *line,
    size_t len);

static void
note(char *text, const char *step, const char *line, size_t len,
    const char *what)
{
	char shown[128];

	snprintf(text, HELLO_NOTE, "%s: answered \"%s\": %s", step,
	    text_printable(shown, sizeof(shown), line, len), what);
}

static enum hello_result
fail(struct hello_client *h, const char *line, size_t len, const char *what)
{
	note(h->note, hello_step_name(h->step), line, len, what);
	return HELLO_FAILED;
}

static enum hello_result
warn(struct hello_client *h, const char *line, size_t len, const char *what)
{
	note(h->note, hello_step_name(h->step), line, len, what);
	return HELLO_MORE;
}

static enum hello_result
judge_init(struct hello_client *h, const char *line, size_t len)
{
	if (text_is(line, len, "refused"))
		return fail(h, line, len, "this host is not known there");
	if (len == 0 || text_begins(line, len, "error:"))
		return fail(h, line, len, "no challenge");
	return HELLO_MORE;
}

static enum hello_result
judge_echo(struct hello_client *h, const char *line, size_t len)
{
	if (!text_is(line, len, "ok"))
		return fail(h, line, len, "the challenge was not taken");
	return HELLO_MORE;
}

static enum hello_result
judge_sethost(struct hello_client *h, const char *line, size_t len)
{
	if (text_is(line, len, "not_ok"))
		return fail(h, line, len, "that id is not served there");
	if (!text_is(line, len, "ok"))
		return warn(h, line, len, "the peer may be too old for it");
	return HELLO_MORE;
}

static enum hello_result
judge_version(struct hello_client *h, const char *line, size_t len)
{
	static const char word[] = "version:";

	if (!text_begins(line, len, word))
		return warn(h, line, len, "the peer may be too old for it");
	hello_peer_parse(&h->what, line + strlen(word), len - strlen(word));
	return HELLO_MORE;
}

static enum hello_result
judge_pong(struct hello_client *h, const char *line, size_t len)
{
	size_t n = strlen(h->peer);

	h->ponged = len > n && text_begins(line, len, h->peer) && line[n] == ':';
	if (!h->ponged)
		return warn(h, line, len, "not the id of this peer");
	return HELLO_MORE;
}

static enum hello_result
judge_ekey(struct hello_client *h, const char *line, size_t len)
{
	unsigned char key[SEAL_KEY_LEN];

	if (len == 0 || text_is(line, len, "refused") ||
	    text_is(line, len, "unknown_cmd") || text_begins(line, len, "error:"))
		return fail(h, line, len, "no build key");
	seal_key_derive(key, h->peer, h->self, line, len);
	seal_init(&h->seal, key);
	explicit_bzero(key, sizeof(key));
	return HELLO_UP;
}

/* The line of a step: its word, with the peer's id behind some. */
static const struct {
	const char	*name;
	const char	*send;		/* NULL: what was answered before */
	bool		 with_peer;
	judge		*judge;
} steps[] = {
	[HELLO_INIT] =	  { "init", "init", false, judge_init },
	[HELLO_ECHO] =	  { "echo", NULL, false, judge_echo },
	[HELLO_SETHOST] = { "sethost", "sethost:", true, judge_sethost },
	[HELLO_VERSION] = { "version", "version:" HELLO_TEXT, false,
			    judge_version },
	[HELLO_PONG] =	  { "pong", "pong", false, judge_pong },
	[HELLO_EKEY] =	  { "ekey", "ekey", false, judge_ekey },
};
_Static_assert(sizeof(steps) / sizeof(steps[0]) == HELLO_STEPS, "steps");

const char *
hello_step_name(enum hello_step step)
{
	return steps[step].name;
}

/* Puts the line of the present step; line is what was answered before. */
static enum hello_result
put_step(struct hello_client *h, const char *line, size_t len,
    struct buf *out)
{
	const char *send = steps[h->step].send;

	if ((send != NULL ? buf_puts(out, send) : buf_put(out, line, len))
	    == -1 || (steps[h->step].with_peer &&
	    buf_puts(out, h->peer) == -1) || buf_put(out, "\n", 1) == -1)
		return fail(h, "", 0, "no room for the next line");
	return HELLO_MORE;
}

enum hello_result
hello_client_start(struct hello_client *h, const char *peer, const char *self,
    struct buf *out)
{
	memset(h, 0, sizeof(*h));
	h->peer = peer;
	h->self = self;
	return put_step(h, NULL, 0, out);
}

enum hello_result
hello_client_line(struct hello_client *h, const char *line, size_t len,
    struct buf *out)
{
	enum hello_result r;

	h->note[0] = '\0';
	if ((r = steps[h->step].judge(h, line, len)) != HELLO_MORE)
		return r;
	h->step++;
	return put_step(h, line, len, out);
}

void
hello_client_clear(struct hello_client *h)
{
	seal_clear(&h->seal);
}

void
hello_server_start(struct hello_server *h, const char *challenge)
{
	memset(h, 0, sizeof(*h));
	h->challenge = challenge;
}

/* Old servers compared letters and digits only; so their clients may add. */
static bool
echo_matches(const char *challenge, const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)line[i]))
			continue;
		if (*challenge == '\0' || line[i] != *challenge++)
			return false;
	}
	return *challenge == '\0';
}

static enum hello_result
server_fail(struct hello_server *h, const char *line, size_t len,
    const char *what, struct buf *out)
{
	char shown[128];

	snprintf(h->note, sizeof(h->note), "sent \"%s\" %s",
	    text_printable(shown, sizeof(shown), line, len), what);
	(void)buf_puts(out, "refused\n");
	return HELLO_FAILED;
}

enum hello_result
hello_server_line(struct hello_server *h, const char *line, size_t len,
    struct buf *out)
{
	if (h->challenged) {
		if (!echo_matches(h->challenge, line, len))
			return server_fail(h, line, len,
			    "instead of the challenge", out);
		return buf_puts(out, "ok\n") == -1 ? HELLO_FAILED : HELLO_UP;
	}
	if (!text_is(line, len, "init") && !text_begins(line, len, "init:"))
		return server_fail(h, line, len, "instead of init", out);
	h->challenged = true;
	if (buf_puts(out, h->challenge) == -1 || buf_put(out, "\n", 1) == -1)
		return HELLO_FAILED;
	return HELLO_MORE;
}

void
hello_peer_parse(struct hello_peer *p, const char *text, size_t len)
{
	text_printable(p->version, sizeof(p->version), text, len);
	p->lonc = text_begins(text, len, "lonc-");
}
