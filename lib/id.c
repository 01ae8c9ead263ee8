/*
 * Paths are made of host ids, so what could leave a directory, hide in it
 * or be taken for an option is none.  "delayed" is a directory beside the
 * links' sockets in old installations.
 */
#include "lonc/id.h"

#include <string.h>

/* By comparison: strspn(3) makes a table of its bytes on every call. */
size_t
id_span(const char *s)
{
	size_t n;

	for (n = 0; ; n++)
		if (!(s[n] >= 'a' && s[n] <= 'z') &&
		    !(s[n] >= '0' && s[n] <= '9') &&
		    !(s[n] >= 'A' && s[n] <= 'Z') &&
		    s[n] != '_' && s[n] != '.' && s[n] != '-')
			return n;
}

bool
id_valid(const char *id)
{
	size_t len = id_span(id);

	return len > 0 && len <= ID_MAX && id[len] == '\0' &&
	    id[0] != '.' && id[0] != '-' && strcmp(id, "delayed") != 0;
}
