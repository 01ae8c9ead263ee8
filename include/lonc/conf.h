/*
 * conf: the settings in lonc.conf.  The file's format, the names, defaults
 * and bounds are in lonc.conf(5).
 */
#ifndef LONC_CONF_H
#define LONC_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONF_DIR "/etc/lonc"	/* unless -C or LONC_CONF says otherwise */
#define CONF_CONNECTIONS_MAX 64	/* bound of the setting connections */

/*
 * All strings and lists are the conf's.  A list ends with NULL and may be
 * empty; of the strings only source_address can be NULL.
 */
struct conf {
	char	 *dir;			/* the configuration directory */
	char	 *host_id;		/* lonHostID */
	char	**served_ids;		/* further own ids */
	char	 *sock_dir;		/* lonSockDir */
	char	 *tab_dir;		/* where hosts.tab is */
	char	 *spool_dir;
	char	 *state_dir;
	int64_t	  port;			/* londPort */
	char	 *source_address;	/* IP text, or NULL */
	int64_t	  load_limit;		/* lonLoadLim, thousandths */
	int64_t	  user_load_limit;	/* lonUserLoadLim, users; 0 no limit */
	bool	  legacy_all;		/* allow_legacy yes */
	char	**legacy_ids;		/* allow_legacy ID,ID */
	char	 *socket_group;
	bool	  socket_group_set;	/* named in the file, no default */
	int64_t	  connect_timeout;	/* this and the next in ms */
	int64_t	  init_timeout;
	int64_t	  request_timeout;
	int64_t	  handler_timeout;
	int64_t	  idle_ping;
	int64_t	  retry_min;
	int64_t	  retry_max;
	int64_t	  connections;
	int64_t	  max_line;		/* bytes without LF, as the next */
	int64_t	  max_reply;
	int64_t	  max_clients;
	int64_t	  max_outstanding;
	int64_t	  spool_max_bytes;	/* 0 no limit */
	int64_t	  spool_max_age;	/* ms; 0 no limit */
	char	**sealed_words;
};

/*
 * Told of each thing found wrong in a file: "FILE:LINE: what", in the order
 * of the lines, then what shows only at the end, as this or "FILE: what".
 * Without line end; all but FILE is printable ASCII.  error is false for
 * what does no harm.
 */
typedef void conf_say(void *arg, bool error, const char *text);

/* conf_dir: the directory to use: opt, else $LONC_CONF, else CONF_DIR. */
const char *conf_dir(const char *opt);

/*
 * conf_load: read DIR/lonc.conf, all of it, whatever is wrong with it.
 *
 * Returns  the settings, complete and within their bounds, for
 *          conf_free(); NULL if there was an error, and say was told.
 */
struct conf *conf_load(const char *dir, conf_say *say, void *arg);
void conf_free(struct conf *cf);

/* conf_own_id: is it this host's id, or one it serves besides? */
bool conf_own_id(const struct conf *cf, const char *id);

/* conf_legacy: may this peer be spoken to in the old, plain way? */
bool conf_legacy(const struct conf *cf, const char *id);

/* conf_sealed_word: must the request beginning with this word be sealed? */
bool conf_sealed_word(const struct conf *cf, const char *word, size_t len);

/*
 * conf_path: "DIR/NAME" in path.  Returns path, or NULL with errno
 * ENAMETOOLONG if size bytes do not hold it.
 */
char *conf_path(char *path, size_t size, const char *dir, const char *name);

#endif
