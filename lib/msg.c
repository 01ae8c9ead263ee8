/* See msg.h. */
#include "lonc/msg.h"

#include <string.h>

#include "lonc/exit.h"
#include "lonc/text.h"

int
msg_status(const char *reply, size_t len)
{
	static const struct {
		const char	*word;
		int		 status;
	} replies[] = {
		{ "refused", EXIT_NO },
		{ "rejected", EXIT_NO },
		{ "unknown_cmd", EXIT_NO },
		{ "not_ok", EXIT_NO },
		{ "con_lost", EXIT_TEMP },
		{ "con_failed", EXIT_TEMP },
		{ "no_such_host", EXIT_WRONG },
	};

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		if (text_is(reply, len, replies[i].word))
			return replies[i].status;
	return text_begins(reply, len, "error") ? EXIT_NO : EXIT_DONE;
}

int
msg_worse(int a, int b)
{
	static const int worst_first[] = {
		EXIT_WRONG, EXIT_TEMP, EXIT_NO, EXIT_STORED,
	};

	for (size_t i = 0; i < sizeof(worst_first) / sizeof(int); i++)
		if (a == worst_first[i] || b == worst_first[i])
			return worst_first[i];
	return EXIT_DONE;
}

size_t
msg_word(const char *request, size_t len)
{
	const char *colon = len > 0 ? memchr(request, ':', len) : NULL;

	return colon != NULL ? (size_t)(colon - request) : len;
}
