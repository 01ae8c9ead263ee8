/* msg: what replies mean.  Source: lonc-protocol(7), REPLY WORDS. */
#ifndef LONC_MSG_H
#define LONC_MSG_H

#include <stddef.h>

/* msg_status: the exit status (exit.h) that a reply, without LF, stands for. */
int msg_status(const char *reply, size_t len);

/* msg_worse: of two exit statuses the one to exit with. */
int msg_worse(int a, int b);

/* msg_word: length of the word before the first ':' or the end. */
size_t msg_word(const char *request, size_t len);

#endif
