/*
 * words: the commands a server answers itself.
 * Source: lonc-protocol(7), COMMANDS OF EVERY SERVER.
 */
#ifndef LONC_WORDS_H
#define LONC_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "lonc/buf.h"
#include "lonc/conf.h"
#include "lonc/hello.h"
#include "lonc/id.h"
#include "lonc/seal.h"

/* What is known of one client's connection. */
struct session {
	const struct conf	*cf;
	const char		*client;	/* its host id */
	char			 self[ID_MAX + 1];	/* ours, by sethost */
	struct hello_peer	 what;
	struct seal		 seal;		/* while has_key */
	bool			 has_key;
};

enum words_result {
	WORDS_ANSWERED,		/* the reply, without LF, was put */
	WORDS_PONG,		/* the client's id is to be asked back */
	WORDS_EXIT,		/* the reply was put; then close */
	WORDS_OTHER,		/* not ours: for a handler */
};

void words_begin(struct session *s, const struct conf *cf,
    const char *client);
void words_end(struct session *s);

/* words_answer: a request that came sealed or not. */
enum words_result words_answer(struct session *s, const char *request,
    size_t len, bool sealed, struct buf *reply);

/* words_opening: is it one that only opens a link? */
bool words_opening(const char *request, size_t len);

#endif
