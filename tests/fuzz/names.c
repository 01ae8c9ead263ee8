/* Texts that become paths, addresses and numbers. */
#include "lonc/handler.h"

#include <errno.h>

#include "fuzz.h"
#include "lonc/addr.h"
#include "lonc/id.h"
#include "lonc/num.h"
#include "lonc/usock.h"

/* A command's handler is in the directory of handlers, or there is none. */
static void
check_handler(const char *word, size_t len)
{
	char path[512] = "";

	MUST(handler_find(path, sizeof(path), "no-such-dir", word, len) ==
	    HANDLER_NONE && errno == ENOENT);
	if (path[0] == '\0')
		return;
	MUST(strncmp(path, "no-such-dir/", 12) == 0);
	MUST(strlen(path) == 12 + len && memcmp(path + 12, word, len) == 0);
	MUST(strchr(path + 12, '/') == NULL && path[12] != '.' && len > 0);
}

static void
check_id(const char *text)
{
	struct sockaddr_un sun;
	size_t n = id_span(text);

	MUST(n <= strlen(text));
	if (id_valid(text)) {
		MUST(n == strlen(text) && n >= 1 && n <= ID_MAX);
		MUST(strpbrk(text, "/ :\n") == NULL && *text != '.');
		MUST(usock_address(&sun, "/run/lonc", text) == 0);
	}
	if (usock_address(&sun, "/run/lonc", text) == 0)
		MUST(strcmp(sun.sun_path + 10, text) == 0);
	else
		MUST(strlen(text) > 90);
}

static void
check_addr(const char *text)
{
	struct addr a, b;
	struct sockaddr_storage ss;
	char shown[ADDR_TEXT];

	if (addr_parse(&a, text) == -1)
		return;
	MUST(addr_parse(&b, addr_text(&a, shown)) == 0 && addr_equal(&a, &b));
	addr_sockaddr(&a, 5663, &ss);
	MUST(addr_from(&b, (struct sockaddr *)&ss) == 0 && addr_equal(&a, &b));
}

static void
check_num(const char *text)
{
	int64_t n, milli;
	const char *why;
	char shown[32];

	if (num_parse(text, 3, INT64_MAX, &n, &why) == 0) {
		snprintf(shown, sizeof(shown), "%lld", (long long)n);
		MUST(n >= 3);
		MUST(strcmp(shown, text + strspn(text, "0")) == 0);
		if (num_parse_milli(text, 0, INT64_MAX, &milli, &why) == 0)
			MUST(milli == n * 1000);
		else
			MUST(n > INT64_MAX / 1000);
	} else
		MUST(printable(why));
	if (num_parse_milli(text, 5, 1000, &n, &why) == 0)
		MUST(n >= 5 && n <= 1000 && n == (int64_t)(strtod(text, NULL) *
		    1000 + 1e-6));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	size_t len = size;
	char *text = take_text(&in, &len);

	check_handler(text, len);
	check_id(text);
	check_addr(text);
	check_num(text);
	free(text);
	return 0;
}
