/* text: bytes of any kind, compared with words and shown in log lines. */
#ifndef LONC_TEXT_H
#define LONC_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* text_is, text_begins: are the len bytes this word, do they begin so? */
bool text_is(const char *text, size_t len, const char *word);
bool text_begins(const char *text, size_t len, const char *word);

/*
 * text_printable: the len bytes at src as printable ASCII in dst, which has
 * size bytes (at least 4): others appear as \xNN.  What does not fit is cut
 * and ends in "...".
 *
 * Returns  dst, always with a NUL.
 */
char *text_printable(char *dst, size_t size, const char *src, size_t len);

#endif
