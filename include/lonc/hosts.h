/*
 * hosts: the table of hosts, hosts.tab, in both of its old formats.
 * Source: lonc.conf(5), lonc-protocol(7).
 */
#ifndef LONC_HOSTS_H
#define LONC_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lonc/addr.h"
#include "lonc/conf.h"

struct host {
	char		*id;
	char		*domain;	/* "" if the line has none */
	char		*name;		/* host name; "" if the line has none */
	bool		 library;	/* role library, else access */
	bool		 has_addr;	/* else name is to be resolved */
	struct addr	 addr;		/* if has_addr */
	unsigned	 line;		/* in the file, from 1 */
};

struct hosts {
	struct host	*v;		/* in the order of the file */
	size_t		 n;
	unsigned	 nbad;		/* lines that were passed over */
	/* The rest is of no interest outside hosts.c. */
	char		*text;		/* what all strings are in */
	unsigned	*slot;		/* a hash table of indices in v + 1 */
	size_t		 nslot;		/* a power of 2 */
};

/*
 * hosts_load: read the table of a configuration: hosts.tab in cf->tab_dir.
 * A line that is wrong is told to say (as an error) and passed over.  Of the
 * lines of one id only the last is in the table; say is told, not as an
 * error.
 *
 * Returns  the table for hosts_free(), or NULL if the file cannot be read
 *          (say was told).
 */
struct hosts *hosts_load(const struct conf *cf, conf_say *say, void *arg);
void hosts_free(struct hosts *h);

/* hosts_find: the line of this id, or NULL.  id may be any text. */
const struct host *hosts_find(const struct hosts *h, const char *id);

/*
 * hosts_by_addr, hosts_by_name: who calls from there: the last line with
 * this address, or with this host name and no address, whose id is not one
 * of our own.  Neither case nor a dot at the end of a host name counts.
 * NULL if there is none.
 */
const struct host *hosts_by_addr(const struct hosts *h, const struct conf *cf,
    const struct addr *a);
const struct host *hosts_by_name(const struct hosts *h, const struct conf *cf,
    const char *name);

/* hosts_need_dns: does any line leave its address to DNS? */
bool hosts_need_dns(const struct hosts *h);

#endif
