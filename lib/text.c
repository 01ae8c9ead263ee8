/* See text.h. */
#include "lonc/text.h"

#include <stdio.h>
#include <string.h>

bool
text_is(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(text, word, len) == 0;
}

bool
text_begins(const char *text, size_t len, const char *word)
{
	return len >= strlen(word) && memcmp(text, word, strlen(word)) == 0;
}

char *
text_printable(char *dst, size_t size, const char *src, size_t len)
{
	static const char dots[] = "...";
	char one[5];
	size_t at = 0, cut = 0, n;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = src[i];

		if (c >= ' ' && c <= '~')
			snprintf(one, sizeof(one), "%c", c);
		else
			snprintf(one, sizeof(one), "\\x%02x", c);
		n = strlen(one);
		if (at + n >= size) {
			memcpy(dst + cut, dots, sizeof(dots));
			return dst;
		}
		memcpy(dst + at, one, n);
		at += n;
		if (at + sizeof(dots) <= size)
			cut = at;
	}
	dst[at] = '\0';
	return dst;
}
