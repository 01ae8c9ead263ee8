/* exit: the exit statuses of all programs; each manual page lists its own. */
#ifndef LONC_EXIT_H
#define LONC_EXIT_H

enum {
	EXIT_DONE = 0,		/* done */
	EXIT_NO = 1,		/* the peer said no */
	EXIT_STORED = 99,	/* stored for later, where that was asked */
	EXIT_WRONG = 100,	/* the caller or the configuration is wrong */
	EXIT_TEMP = 111,	/* temporary failure: try again later */
};

#endif
