/* Host ids. */
#include "lonc/id.h"

#include "check.h"

static const struct {
	const char	*id;
	bool		 valid;
} cases[] = {
	{ "msul1", true },
	{ "a", true },
	{ "0", true },
	{ "_x", true },
	{ "a.b-c_D9", true },
	{ "a..b", true },
	{ "a-", true },
	{ "delayed1", true },
	{ "Delayed", true },
	{ "", false },
	{ ".", false },
	{ "..", false },
	{ ".status", false },
	{ "-t", false },
	{ "delayed", false },
	{ "a/b", false },
	{ "a b", false },
	{ "a:b", false },
	{ "a\n", false },
	{ "a\xc3\xa4", false },
};

static void
check_id(bool want, const char *id)
{
	int before = check_failed;

	CHECK_INT(want, id_valid(id));
	if (check_failed > before)
		check_hex("id", id, strlen(id));
}

/* Every byte, at the beginning and behind it. */
static void
check_bytes(void)
{
	for (int c = 1; c < 256; c++) {
		char first[] = { (char)c, 'x', '\0' };
		char last[] = { 'x', (char)c, '\0' };
		bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || c == '_';

		check_id(word, first);
		check_id(word || c == '.' || c == '-', last);
	}
}

int
main(void)
{
	char id[ID_MAX + 2];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_id(cases[i].valid, cases[i].id);
	check_bytes();

	memset(id, 'x', sizeof(id));
	id[ID_MAX + 1] = '\0';
	check_id(false, id);
	id[ID_MAX] = '\0';
	check_id(true, id);

	CHECK_INT(0, id_span(""));
	CHECK_INT(0, id_span(":a"));
	CHECK_INT(5, id_span("-.a_9:b"));
	return check_status();
}
