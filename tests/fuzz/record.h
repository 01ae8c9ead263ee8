/* A status record for the peer "peer", with what the fuzzer likes over it. */
#ifndef FUZZ_RECORD_H
#define FUZZ_RECORD_H

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "lonc/status.h"

/* A reader that waits for the end of a change need not do so here. */
int
nanosleep(const struct timespec *wait, struct timespec *left)
{
	(void)wait;
	(void)left;
	return 0;
}

/* record_put: a sound one, or one too long, and the input over it. */
static inline void
record_put(struct input *in)
{
	static struct status st;
	static int fd = -1;
	size_t at, n;
	char *text;

	if (fd == -1) {
		(void)mkdir(".status", 0700);
		fd = open(".status/peer", O_RDWR | O_CREAT, 0600);
		MUST(fd != -1);
	}
	memset(&st, 0, sizeof(st));
	st.magic = STATUS_MAGIC;
	st.version = STATUS_VERSION;
	st.size = sizeof(st);
	strcpy(st.peer, "peer");
	MUST(ftruncate(fd, sizeof(st) + (take(in) == 1)) == 0);
	while (in->left > 0) {
		at = (take(in) << 8 | take(in)) % sizeof(st);
		n = take(in);
		text = take_text(in, &n);
		if (n > sizeof(st) - at)
			n = sizeof(st) - at;
		memcpy((char *)&st + at, text, n);
		free(text);
	}
	MUST(pwrite(fd, &st, sizeof(st), 0) == (ssize_t)sizeof(st));
}

#endif
