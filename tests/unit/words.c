/*
 * The words of every server, and the key that ekey agrees on.
 *
 * Not tested: that build keys are hard to guess; userload with a known
 * number of users, for utmpx(5) is the machine's.
 */
#include "lonc/words.h"

#include <ctype.h>
#include <stdlib.h>

#include "check.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT(s) s, sizeof(s) - 1
#define ID64 "a234567890123456789012345678901234567890123456789012345678901234"

static char *served[] = { "two", ID64, NULL };
static char *secret[] = { "auth", "ping2", NULL };

static const struct conf cf = {
	.host_id = "one",
	.served_ids = served,
	.load_limit = 2000,
	.sealed_words = secret,
};

static char reply[512];		/* the last one */

static enum words_result
ask(struct session *s, const char *request, size_t len, bool sealed)
{
	struct buf b = BUF_INIT(sizeof(reply) - 1);
	enum words_result r = words_answer(s, request, len, sealed, &b);

	if (buf_len(&b) > 0)
		memcpy(reply, buf_data(&b), buf_len(&b));
	reply[buf_len(&b)] = '\0';
	buf_free(&b);
	return r;
}

static void
check_reply(struct session *s, const char *request, const char *want)
{
	CHECK_INT(WORDS_ANSWERED, ask(s, request, strlen(request), false));
	CHECK_STR(want, reply);
}

/* All in one session, one after the other. */
static const struct {
	const char	*request;
	size_t		 len;
	enum words_result result;
	const char	*reply;
} cases[] = {
	{ TEXT("ping"), WORDS_ANSWERED, "one" },
	{ TEXT("ping:"), WORDS_ANSWERED, "one" },
	{ TEXT("ping:what:ever"), WORDS_ANSWERED, "one" },
	{ TEXT("ping:a\0b"), WORDS_ANSWERED, "one" },
	{ TEXT("pong"), WORDS_PONG, "" },
	{ TEXT("pong:x"), WORDS_PONG, "" },
	{ TEXT("exit"), WORDS_EXIT, "bye" },
	{ TEXT("exit:x"), WORDS_EXIT, "bye" },
	{ TEXT("userload"), WORDS_ANSWERED, "0" },
	/* Which id is ours, as the client says. */
	{ TEXT("sethost:two"), WORDS_ANSWERED, "ok" },
	{ TEXT("ping"), WORDS_ANSWERED, "two" },
	{ TEXT("sethost:three"), WORDS_ANSWERED, "not_ok" },
	{ TEXT("sethost:"), WORDS_ANSWERED, "not_ok" },
	{ TEXT("sethost"), WORDS_ANSWERED, "not_ok" },
	{ TEXT("sethost:one:"), WORDS_ANSWERED, "not_ok" },
	{ TEXT("sethost:one "), WORDS_ANSWERED, "not_ok" },
	{ TEXT("sethost:on"), WORDS_ANSWERED, "not_ok" },
	{ TEXT("sethost:ONE"), WORDS_ANSWERED, "not_ok" },
	{ TEXT("sethost:one\0"), WORDS_ANSWERED, "not_ok" },
	{ TEXT("sethost:one\0x"), WORDS_ANSWERED, "not_ok" },
	{ TEXT("sethost:" ID64 "5"), WORDS_ANSWERED, "not_ok" },
	{ TEXT("sethost:" ID64 ID64 ID64 ID64 ID64 ID64 ID64 ID64),
	    WORDS_ANSWERED, "not_ok" },
	{ TEXT("ping"), WORDS_ANSWERED, "two" },
	{ TEXT("sethost:" ID64), WORDS_ANSWERED, "ok" },
	{ TEXT("ping"), WORDS_ANSWERED, ID64 },
	{ TEXT("sethost:one"), WORDS_ANSWERED, "ok" },
	{ TEXT("ping"), WORDS_ANSWERED, "one" },
	{ TEXT("version:$Revison$"), WORDS_ANSWERED, "version:" HELLO_TEXT },
	{ TEXT("version"), WORDS_ANSWERED, "version:" HELLO_TEXT },
	/* Of the opening, and not to be found among the handlers. */
	{ TEXT("init"), WORDS_ANSWERED, "unknown_cmd" },
	{ TEXT("init:one"), WORDS_ANSWERED, "unknown_cmd" },
	{ TEXT("enc"), WORDS_ANSWERED, "unknown_cmd" },
	{ TEXT("enc:4:6992a8dd0e04f7cd"), WORDS_ANSWERED, "unknown_cmd" },
	{ TEXT("once"), WORDS_ANSWERED, "unknown_cmd" },
	{ TEXT("once:1:2"), WORDS_ANSWERED, "unknown_cmd" },
	/* A handler's. */
	{ TEXT(""), WORDS_OTHER, "" },
	{ TEXT(":"), WORDS_OTHER, "" },
	{ TEXT(":ping"), WORDS_OTHER, "" },
	{ TEXT("pin"), WORDS_OTHER, "" },
	{ TEXT("pingx"), WORDS_OTHER, "" },
	{ TEXT("ping "), WORDS_OTHER, "" },
	{ TEXT("ping\0"), WORDS_OTHER, "" },
	{ TEXT(" ping"), WORDS_OTHER, "" },
	{ TEXT("PING"), WORDS_OTHER, "" },
	{ TEXT("ping\r"), WORDS_OTHER, "" },
	{ TEXT("get:msu:u1:env:a"), WORDS_OTHER, "" },
	/* Secrets, for these came in clear. */
	{ TEXT("auth:msu:u1:x"), WORDS_ANSWERED, "refused" },
	{ TEXT("auth"), WORDS_ANSWERED, "refused" },
	{ TEXT("auth:"), WORDS_ANSWERED, "refused" },
	{ TEXT("authx:msu"), WORDS_OTHER, "" },
	{ TEXT("aut:msu"), WORDS_OTHER, "" },
	{ TEXT("ping2"), WORDS_ANSWERED, "refused" },
};

static void
test_words(void)
{
	struct session s;

	words_begin(&s, &cf, "three");
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum words_result r = ask(&s, cases[i].request, cases[i].len,
		    false);

		if (!CHECK(r == cases[i].result &&
		    strcmp(reply, cases[i].reply) == 0))
			fprintf(stderr, "  %s: %d \"%s\"\n", cases[i].request,
			    r, reply);
	}
	/* Sealed, they are for a handler; the others do not care. */
	CHECK_INT(WORDS_OTHER, ask(&s, "auth:msu:u1:x", 13, true));
	CHECK_STR("", reply);
	CHECK_INT(WORDS_ANSWERED, ask(&s, "ping", 4, true));
	CHECK_STR("one", reply);
	words_end(&s);
}

/* A word that is ours is refused in clear too, if the settings say so. */
static void
test_own_word_sealed(void)
{
	static char *load[] = { "load", NULL };
	struct conf own = cf;
	struct session s;

	own.sealed_words = load;
	words_begin(&s, &own, "three");
	check_reply(&s, "load", "refused");
	CHECK_INT(WORDS_ANSWERED, ask(&s, "load", 4, true));
	CHECK(strcmp(reply, "refused") != 0);
	words_end(&s);
}

static void
test_version(void)
{
	struct session s;

	words_begin(&s, &cf, "three");
	CHECK(!s.what.lonc);
	check_reply(&s, "version:lonc-7.5+new", "version:" HELLO_TEXT);
	CHECK(s.what.lonc);
	CHECK_STR("lonc-7.5+new", s.what.version);
	check_reply(&s, "version:$Revision: 1.121 $", "version:" HELLO_TEXT);
	CHECK(!s.what.lonc);
	words_end(&s);
}

/* Both ends have the key of server, client and build key, in that order. */
static void
check_key(struct session *s, const char *server)
{
	static const char plain[] = "currentauth:msu:u1";
	unsigned char key[SEAL_KEY_LEN];
	struct seal theirs;
	struct buf line = BUF_INIT(256), opened = BUF_INIT(256);

	check_reply(s, "ekey", reply);
	CHECK_INT(32, strlen(reply));
	CHECK_INT(32, strspn(reply, "0123456789ABCDEF"));
	CHECK(s->has_key);
	seal_key_derive(key, server, "three", reply, strlen(reply));
	seal_init(&theirs, key);
	CHECK_INT(0, seal_put(&theirs, plain, strlen(plain), &line));
	CHECK_INT(0, seal_open(&s->seal, buf_data(&line), buf_len(&line),
	    &opened));
	CHECK_MEM(plain, strlen(plain), buf_data(&opened), buf_len(&opened));
	buf_free(&line);
	buf_free(&opened);
	CHECK_INT(0, seal_put(&s->seal, plain, strlen(plain), &line));
	CHECK_INT(0, seal_open(&theirs, buf_data(&line), buf_len(&line),
	    &opened));
	CHECK_MEM(plain, strlen(plain), buf_data(&opened), buf_len(&opened));
	buf_free(&line);
	buf_free(&opened);
}

static void
test_ekey(void)
{
	struct session s;
	char first[sizeof(reply)];
	struct seal none = { 0 };

	words_begin(&s, &cf, "three");
	CHECK(!s.has_key);
	check_key(&s, "one");
	strcpy(first, reply);
	check_key(&s, "one");		/* a new one replaces it */
	CHECK(strcmp(first, reply) != 0);
	check_reply(&s, "sethost:two", "ok");
	check_key(&s, "two");
	words_end(&s);
	CHECK(!s.has_key);
	CHECK(memcmp(&none, &s.seal, sizeof(none)) == 0);
	words_end(&s);
}

/* A decimal number, in reply. */
static double
number(void)
{
	size_t n = strspn(reply, "0123456789");

	CHECK(n > 0);
	if (reply[n] == '.') {
		CHECK(isdigit((unsigned char)reply[n + 1]));
		n += 1 + strspn(reply + n + 1, "0123456789");
	}
	CHECK_INT(strlen(reply), n);
	return strtod(reply, NULL);
}

static void
test_loads(void)
{
	struct conf own = cf;
	struct session s;
	double before = 0, load, after = 0;

	words_begin(&s, &own, "three");
	/* The average may move while it is asked for. */
	for (int i = 0; i < 100; i++) {
		CHECK_INT(1, getloadavg(&before, 1));
		CHECK_INT(WORDS_ANSWERED, ask(&s, "load", 4, false));
		load = number();
		CHECK_INT(1, getloadavg(&after, 1));
		if (before == after)
			break;
	}
	CHECK(before == after);
	CHECK(load > before * 50 - 0.02 && load < before * 50 + 0.02);

	own.user_load_limit = 1000000;
	CHECK_INT(WORDS_ANSWERED, ask(&s, "userload", 8, false));
	CHECK(number() < 100);
	words_end(&s);
}

static void
test_opening(void)
{
	static const struct {
		const char	*request;
		size_t		 len;
		bool		 opening;
	} requests[] = {
		{ TEXT("init"), true },
		{ TEXT("init:one"), true },
		{ TEXT("sethost:one"), true },
		{ TEXT("sethost"), true },
		{ TEXT("version:lonc-1"), true },
		{ TEXT("pong"), true },
		{ TEXT("ekey"), false },
		{ TEXT("ping"), false },
		{ TEXT("load"), false },
		{ TEXT("exit"), false },
		{ TEXT("enc:1:2"), false },
		{ TEXT("initx"), false },
		{ TEXT("sethos"), false },
		{ TEXT("pong\0"), false },
		{ TEXT(""), false },
		{ TEXT(":pong"), false },
		{ TEXT("get:pong"), false },
	};

	for (size_t i = 0; i < COUNT(requests); i++)
		if (!CHECK(requests[i].opening ==
		    words_opening(requests[i].request, requests[i].len)))
			fprintf(stderr, "  %s\n", requests[i].request);
}

int
main(void)
{
	test_words();
	test_own_word_sealed();
	test_version();
	test_ekey();
	test_loads();
	test_opening();
	return check_status();
}
