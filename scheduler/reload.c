/*
 * reload.c: a new configuration takes the place of the old one, whole or not at all: read, check,
 * compare, swap. See daemon.h.
 */
#include "scheduler/daemon.h"

#include <errno.h>
#include <stdio.h>

#include "policy/diff.h"
#include "scheduler/joblog.h"
#include "scheduler/log.h"
#include "scheduler/notify.h"

static void log_change(void *arg, const struct diff_change *change)
{
	size_t *n = arg;
	const char *space = *change->name ? " " : "";

	(*n)++;
	if (!change->key)
		log_info("reload: [%s%s%s] %s", change->section, space, change->name,
			 change->kind == DIFF_ADDED ? "added" : "removed");
	else
		log_info("reload: [%s%s%s] %s: %s -> %s%s", change->section, space, change->name,
			 change->key, change->before ? change->before : "(none)",
			 change->after ? change->after : "(none)",
			 change->restart ? "; needs a restart" : "");
}

static void log_errors(const struct daemon *d, const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->n; i++)
		log_error("reload: %s", errors->text[i]);
	log_error("reload: %s has %zu %s: nothing was changed", d->config_file, errors->n,
		  errors->n == 1 ? "mistake" : "mistakes");
	joblog_event(d->joblog, EVENT_RELOAD,
		     json_pack("{s:b, s:I}", "applied", 0, "mistakes", (json_int_t)errors->n));
}

static void swap(struct daemon *d, struct config *fresh, char *restart, size_t size)
{
	struct config *old = d->config;
	size_t changes = 0;

	diff_config(old, fresh, log_change, &changes);
	diff_restart(old, fresh, restart, size);
	d->config = fresh;
	d->config_loaded = daemon_now().wall;
	if (d->hub)
		hub_reload(d, old);
	if (d->spoke)
		spoke_reload(d, old);
	config_unref(old);
	log_info("reload: %s applied, %zu changes", d->config_file, changes);
	if (*restart)
		log_warn("reload: these need a restart: %s", restart);
	joblog_event(d->joblog, EVENT_RELOAD,
		     json_pack("{s:b, s:I, s:s}", "applied", 1, "changes", (json_int_t)changes,
			       "restart", restart));
}

int daemon_reload(struct daemon *d, struct config_errors *ret_errors, char *restart, size_t size)
{
	struct config *fresh = NULL;
	int r;

	restart[0] = '\0';
	if (d->stopping)
		return -EBUSY;
	notify_reloading();
	r = config_load(d->config_file, &fresh, ret_errors);
	if (r < 0) {
		log_errors(d, ret_errors);
		notify_ready("the last reload was refused; the former configuration is in force");
		return r;
	}
	swap(d, fresh, restart, size);
	notify_ready(*restart ? "reloaded; some keys need a restart" : "reloaded");
	return 0;
}
