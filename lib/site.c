/* See site.h. */
#include "lonc/site.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lonc/id.h"
#include "lonc/log.h"

int
site_load(struct site *s, const char *dir)
{
	s->nerror = 0;
	s->hosts = NULL;
	if ((s->cf = conf_load(dir, log_note, &s->nerror)) == NULL)
		return -1;
	if ((s->hosts = hosts_load(s->cf, log_note, &s->nerror)) == NULL) {
		site_free(s);
		return -1;
	}
	return 0;
}

void
site_free(struct site *s)
{
	hosts_free(s->hosts);
	conf_free(s->cf);
	s->hosts = NULL;
	s->cf = NULL;
}

const struct host *
site_peer(const struct site *s, const char *id)
{
	const struct host *h;

	if (!id_valid(id))
		log_line("not a host id");
	else if ((h = hosts_find(s->hosts, id)) == NULL)
		log_line("not in %s/hosts.tab", s->cf->tab_dir);
	else if (conf_own_id(s->cf, id))
		log_line("that is this host itself");
	else if (!conf_legacy(s->cf, id))
		log_line("allow_legacy in %s/lonc.conf does not name it",
		    s->cf->dir);
	else
		return h;
	return NULL;
}

bool
site_dir(const char *setting, const char *path, int rights)
{
	struct stat st;

	if (stat(path, &st) == -1 || access(path, rights) == -1) {
		log_line("%s %s: %s", setting, path, strerror(errno));
		return false;
	}
	if (!S_ISDIR(st.st_mode)) {
		log_line("%s %s: %s", setting, path, strerror(ENOTDIR));
		return false;
	}
	return true;
}
