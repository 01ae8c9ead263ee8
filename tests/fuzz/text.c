/* Bytes shown and compared; what replies and requests mean. */
#include "lonc/text.h"

#include "fuzz.h"
#include "lonc/msg.h"

static void
show(const char *text, size_t len, size_t size)
{
	char *dst = malloc(size), whole[5 * 4096], *p = whole;
	size_t n;

	MUST(dst != NULL && len <= 4096);
	MUST(text_printable(dst, size, text, len) == dst);
	n = strnlen(dst, size);
	MUST(n < size && printable(dst));
	for (size_t i = 0; i < len; i++)
		p += sprintf(p, text[i] >= ' ' && text[i] <= '~' ? "%c" :
		    "\\x%02x", (unsigned char)text[i]);
	*p = '\0';
	if (strlen(whole) < size)
		MUST(strcmp(whole, dst) == 0);
	else {
		MUST(n >= 3 && strcmp(dst + n - 3, "...") == 0);
		MUST(memcmp(whole, dst, n - 3) == 0);
		MUST(n + 4 >= size);	/* no more cut than had to be */
	}
	free(dst);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size < 4096 ? size : 4096 };
	size_t room = 4 + take(&in), nword = take(&in) % 16, len = in.left;
	char *word = take_text(&in, &nword), *text = take_text(&in, &len);
	int a = msg_status(text, len), b = msg_status(word, nword);

	show(text, len, room);
	nword = strlen(word);
	MUST(text_is(text, len, word) ==
	    (len == nword && memcmp(text, word, len) == 0));
	MUST(text_begins(text, len, word) ==
	    (len >= nword && memcmp(text, word, nword) == 0));
	MUST(msg_word(text, len) <= len);
	MUST(memchr(text, ':', msg_word(text, len)) == NULL);
	MUST(a == 0 || a == 1 || a == 100 || a == 111);
	MUST(msg_worse(a, b) == msg_worse(b, a));
	MUST(msg_worse(a, b) == a || msg_worse(a, b) == b);
	free(word);
	free(text);
	return 0;
}
