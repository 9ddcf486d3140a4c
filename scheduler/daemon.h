/*
 * daemon.h: what every part of the running daemon shares. main() makes one and passes it down.
 */
#ifndef SPOKESYNC_SCHEDULER_DAEMON_H
#define SPOKESYNC_SCHEDULER_DAEMON_H

#include <ev.h>

#include "policy/config.h"

struct control;
struct hub;
struct joblog;
struct node_key;
struct notices;
struct pool;
struct signals;
struct spoke;

struct daemon {
	struct ev_loop *loop;
	const char *config_file;
	struct config *config; /* in force; a reference */
	struct pool *pool;
	struct node_key *key;
	struct joblog *joblog;
	struct notices *notices;
	struct control *control;
	struct signals *signals;
	struct hub *hub;     /* role = hub, else NULL */
	struct spoke *spoke; /* role = spoke, else NULL */
	struct wall started;
	struct wall config_loaded;
	bool stopping;
	unsigned plans;	 /* being reckoned (cmd_plan.c) */
	unsigned probes; /* that run (cmd_probe.c) */
	int lock_fd;	 /* one daemon a state_dir */
};

struct now daemon_now(void); /* reads both clocks */

/* Parse all, check all, diff, swap (reload.c). 0, or -EINVAL with every error; then nothing
 * changed. restart: keys that changed but need a restart, comma-separated (may be empty). */
int daemon_reload(struct daemon *d, struct config_errors *ret_errors, char *restart,
		  size_t size) WARN_UNUSED;
void daemon_stop(struct daemon *d); /* orderly; the loop ends when all is recorded */

/* The two roles. start: 0 or -errno with e. reload: d->config is the new one, old the former. */
int hub_start(struct daemon *d, struct err *e) WARN_UNUSED;
void hub_reload(struct daemon *d, const struct config *old);
void hub_stop(struct daemon *d, void (*stopped)(struct daemon *d)); /* stopped() within seconds */
struct hub *hub_free(struct hub *h);

int spoke_start(struct daemon *d, struct err *e) WARN_UNUSED;
void spoke_reload(struct daemon *d, const struct config *old);
void spoke_stop(struct daemon *d, void (*stopped)(struct daemon *d));
struct spoke *spoke_free(struct spoke *s);

/* role = spoke, for the commands: JSON of groups, transfers and contents here. The caller owns it.
 */
struct json_t;
struct json_t *spoke_status_json(struct spoke *s);

#endif
