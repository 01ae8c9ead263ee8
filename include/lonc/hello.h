/*
 * hello: the opening of a link, from both ends, as state machines: lines
 * in, bytes out, no descriptor and no clock.
 * Source: lonc-protocol(7), OPENING A LINK.
 */
#ifndef LONC_HELLO_H
#define LONC_HELLO_H

#include <stdbool.h>
#include <stddef.h>

#include "lonc/buf.h"
#include "lonc/id.h"
#include "lonc/seal.h"

#define HELLO_TEXT "lonc-" LONC_VERSION	/* what we say after version: */
#define HELLO_VERSION_MAX 64	/* bytes kept of what the peer says */
#define HELLO_NOTE 384		/* bytes of a note with its NUL */

enum hello_result {
	HELLO_MORE,	/* go on with the next line */
	HELLO_UP,	/* the link is open */
	HELLO_FAILED,	/* it will not open; note says why */
};

enum hello_step {
	HELLO_INIT,
	HELLO_ECHO,
	HELLO_SETHOST,
	HELLO_VERSION,
	HELLO_PONG,
	HELLO_EKEY,
	HELLO_STEPS	/* how many there are */
};

/* What a peer's version text tells. */
struct hello_peer {
	bool	lonc;		/* it is one of us */
	char	version[HELLO_VERSION_MAX + 1];	/* printable */
};

/* The end that calls. */
struct hello_client {
	const char		*peer;		/* host ids; borrowed */
	const char		*self;
	enum hello_step		 step;
	struct hello_peer	 what;
	bool			 ponged;	/* pong showed the peer's id */
	struct seal		 seal;		/* when HELLO_UP */
	char			 note[HELLO_NOTE];
};

/*
 * hello_client_start: begin; puts the first line into out.
 * hello_client_line: the server's next line (without LF) came; puts what is
 * to be sent into out.  note is "" or something to be logged, whatever is
 * returned.  HELLO_FAILED also when out cannot take more.
 * hello_client_clear: wipes the key.
 */
enum hello_result hello_client_start(struct hello_client *h, const char *peer,
    const char *self, struct buf *out);
enum hello_result hello_client_line(struct hello_client *h, const char *line,
    size_t len, struct buf *out);
void hello_client_clear(struct hello_client *h);

/* hello_step_name: "init", "echo" and so on, for messages. */
const char *hello_step_name(enum hello_step step);

/* The end that answers: init and the echo, after which it is up. */
struct hello_server {
	const char	*challenge;	/* borrowed: digits, hard to guess */
	bool		 challenged;
	char		 note[HELLO_NOTE];
};

void hello_server_start(struct hello_server *h, const char *challenge);
enum hello_result hello_server_line(struct hello_server *h, const char *line,
    size_t len, struct buf *out);

/* hello_peer_parse: from the text after "version:". */
void hello_peer_parse(struct hello_peer *p, const char *text, size_t len);

#endif
