/*
 * site: what a daemon knows from its configuration directory, and the
 * checks of it that lonc-link and lonc-serve share.
 */
#ifndef LONC_SITE_H
#define LONC_SITE_H

#include <stdbool.h>

#include "lonc/conf.h"
#include "lonc/hosts.h"

struct site {
	struct conf	*cf;
	struct hosts	*hosts;
	unsigned	 nerror;	/* that were logged while loading */
};

/*
 * site_load: settings and tables; what is wrong with them is logged.
 * 0, or -1 if they cannot be used; lines of hosts.tab that were passed
 * over only count in nerror.
 */
int site_load(struct site *s, const char *dir);
void site_free(struct site *s);

/*
 * site_peer: the host of this id, if a link may be kept to it now.  NULL,
 * and the reason was logged.
 */
const struct host *site_peer(const struct site *s, const char *id);

/* site_dir: is it a directory with these access(2) rights?  Logs if not. */
bool site_dir(const char *setting, const char *path, int rights);

#endif
