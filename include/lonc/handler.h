/*
 * handler: what answers a command: DIR/WORD, an executable or a socket
 * (service.h).  An executable gets the request's text after its word on
 * standard input; the first line that it prints is the reply, its exit
 * status says what that is worth.
 * Source: lonc-serve(8), HANDLERS.
 */
#ifndef LONC_HANDLER_H
#define LONC_HANDLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lonc/buf.h"
#include "lonc/loop.h"

#define HANDLER_NAME_MAX 255	/* bytes of a command's word */

struct handler;

enum handler_kind {
	HANDLER_NONE,		/* no such command; or the word is no name */
	HANDLER_PROGRAM,	/* an executable, for handler_start() */
	HANDLER_SERVICE,	/* a socket, for service_open() */
	HANDLER_WRONG,		/* what is there cannot be used; errno */
};

/* handler_find: what answers the command of this word, and its path. */
enum handler_kind handler_find(char *path, size_t size, const char *dir,
    const char *word, size_t len);

struct handler_request {
	const char	*path;		/* of the executable */
	const char	*word;		/* of the command; word_len bytes */
	size_t		 word_len;
	const char	*text;		/* what follows ':' */
	size_t		 text_len;
	const char	*client;	/* host ids */
	const char	*self;
	bool		 secure;	/* the request came sealed */
};

enum handler_end {
	HANDLER_OK,		/* exit 0 */
	HANDLER_REFUSED,	/* a permanent status */
	HANDLER_FAILED,		/* anything else */
};

/*
 * handler_start: run it; nothing is waited for.
 *
 * Takes    max_reply: bytes of the longest reply; timeout in ms.  The
 *          loop's owner calls handler_child() when SIGCHLD comes and
 *          handler_due() after each wait.
 * Returns  it, for handler_free(); or NULL with errno, why it cannot be
 *          run: ENOENT also if its #! program is missing.
 */
struct handler *handler_start(struct loop *lp,
    const struct handler_request *rq, size_t max_reply, int64_t timeout);

/*
 * handler_child: has it ended?  If so, how in *end, and why in
 * handler_why() if it failed; the reply is handler_reply(), without LF.
 */
bool handler_child(struct handler *h, enum handler_end *end);

/* handler_due: end it, if its time is over.  handler_deadline: when. */
void handler_due(struct handler *h);
int64_t handler_deadline(const struct handler *h);

const struct buf *handler_reply(const struct handler *h);
const char *handler_why(const struct handler *h);

/* handler_free: it must have ended. */
void handler_free(struct handler *h);

#endif
