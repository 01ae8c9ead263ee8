/*
 * A file with the fuzzer's bytes for what reads files by name: in memory,
 * and known in the present directory by a symbolic link.
 */
#ifndef FUZZ_FILE_H
#define FUZZ_FILE_H

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define FILE_FD 200	/* the same in all runs, for the link stays */

static inline void
file_put(const char *name, const uint8_t *data, size_t size)
{
	static int fd = -1;
	char to[64];

	if (fd == -1) {
		MUST((fd = memfd_create(name, 0)) != -1);
		MUST(dup2(fd, FILE_FD) == FILE_FD);
		snprintf(to, sizeof(to), "/proc/self/fd/%d", FILE_FD);
		MUST(symlink(to, name) == 0 || errno == EEXIST);
	}
	MUST(ftruncate(fd, size) == 0);
	MUST(pwrite(fd, data, size, 0) == (ssize_t)size);
}

#endif
