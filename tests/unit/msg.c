/* What replies mean, and which of two exit statuses is the worse. */
#include "lonc/msg.h"

#include "lonc/exit.h"

#include "check.h"

#define LEN(text) (sizeof(text) - 1)
#define BYTES(text) (text), LEN(text)

static const struct {
	const char	*reply;
	size_t		 len;
	int		 status;
} replies[] = {
	{ BYTES("ok"), EXIT_DONE },
	{ BYTES(""), EXIT_DONE },
	{ BYTES("found"), EXIT_DONE },
	{ BYTES("not_found"), EXIT_DONE },
	{ BYTES("bye"), EXIT_DONE },
	{ BYTES("con_delayed"), EXIT_DONE },
	{ BYTES("a=1&b=2"), EXIT_DONE },
	{ BYTES("\0refused"), EXIT_DONE },
	/* What was said no to. */
	{ BYTES("refused"), EXIT_NO },
	{ BYTES("rejected"), EXIT_NO },
	{ BYTES("unknown_cmd"), EXIT_NO },
	{ BYTES("not_ok"), EXIT_NO },
	{ BYTES("error"), EXIT_NO },
	{ BYTES("error:"), EXIT_NO },
	{ BYTES("error: line too long"), EXIT_NO },
	{ BYTES("error:no_key"), EXIT_NO },
	/* What did not get there. */
	{ BYTES("con_lost"), EXIT_TEMP },
	{ BYTES("con_failed"), EXIT_TEMP },
	{ BYTES("no_such_host"), EXIT_WRONG },
	/* The words are whole replies, and have one case. */
	{ BYTES("refuse"), EXIT_DONE },
	{ BYTES("refused "), EXIT_DONE },
	{ BYTES("refused:x"), EXIT_DONE },
	{ BYTES("refused\0"), EXIT_DONE },
	{ BYTES("REFUSED"), EXIT_DONE },
	{ BYTES("erro"), EXIT_DONE },
	{ BYTES("Error: x"), EXIT_DONE },
	{ BYTES("msul1:con_lost"), EXIT_DONE },
	{ BYTES("con_losta"), EXIT_DONE },
	{ BYTES("no_such_hosts"), EXIT_DONE },
};

static void
test_status(void)
{
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		int before = check_failed;

		CHECK_INT(replies[i].status, msg_status(replies[i].reply,
		    replies[i].len));
		if (check_failed > before)
			check_hex("reply", replies[i].reply, replies[i].len);
	}
}

static void
test_worse(void)
{
	static const int worst_first[] = { 100, 111, 1, 99, 0 };
	const int n = sizeof(worst_first) / sizeof(worst_first[0]);

	for (int i = 0; i < n; i++)
		for (int k = 0; k < n; k++)
			CHECK_INT(worst_first[i < k ? i : k],
			    msg_worse(worst_first[i], worst_first[k]));
}

static void
test_word(void)
{
	CHECK_INT(4, msg_word(BYTES("ping")));
	CHECK_INT(3, msg_word(BYTES("get:a:b")));
	CHECK_INT(3, msg_word(BYTES("get:")));
	CHECK_INT(0, msg_word(BYTES(":get")));
	CHECK_INT(0, msg_word(BYTES("")));
	CHECK_INT(0, msg_word(NULL, 0));
	CHECK_INT(3, msg_word("get:a", 3));
	CHECK_INT(2, msg_word("get:a", 2));
	CHECK_INT(4, msg_word(BYTES("g\0et:a")));
}

int
main(void)
{
	test_status();
	test_worse();
	test_word();
	return check_status();
}
