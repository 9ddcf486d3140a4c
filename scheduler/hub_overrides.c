/*
 * hub_overrides.c: see hub_overrides.h.
 */
#include "scheduler/hub_overrides.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/hub_log.h"

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static struct override override_copy(const struct override *o)
{
	struct override c = *o;

	c.spoke = copy(o->spoke);
	c.group = copy(o->group);
	c.who = copy(o->who);
	c.why = copy(o->why);
	return c;
}

static void override_strings_free(struct override *o)
{
	free(o->spoke);
	free(o->group);
	free(o->who);
	free(o->why);
}

static const struct override *find(const struct override *list, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].id == id)
			return &list[i];
	return NULL;
}

void hub_overrides_follow(struct hub *h, const char *why)
{
	size_t n;
	const struct override *now = core_overrides(h->core, &n);
	struct override *copies = xcalloc(n + 1, sizeof(*copies));

	hub_tx(h);
	for (size_t i = 0; i < n; i++) {
		const struct override *old = find(h->overrides, h->n_overrides, now[i].id);

		copies[i] = override_copy(&now[i]);
		if (old && old->until_sync_seq == now[i].until_sync_seq)
			continue;
		hub_recorded(h, db_overrides_put(h->db, &now[i], h->boot_id), "an override");
		if (!old)
			hub_log_override(h, EVENT_OVERRIDE_STARTED, &now[i], NULL);
	}
	for (size_t i = 0; i < h->n_overrides; i++) {
		if (find(now, n, h->overrides[i].id))
			continue;
		hub_recorded(h, db_overrides_drop(h->db, h->overrides[i].id), "an override");
		hub_log_override(h, EVENT_OVERRIDE_ENDED, &h->overrides[i],
				 why ? why : "by a command");
	}
	hub_overrides_free(h);
	h->overrides = copies;
	h->n_overrides = n;
}

static int restore_one(void *arg, const struct override *o)
{
	struct hub *h = arg;
	struct override taken;

	if (!override_ended(o, daemon_now())) {
		taken = override_copy(o);
		core_override_add(h->core, &taken);
	}
	h->overrides = xrealloc(h->overrides, (h->n_overrides + 1) * sizeof(*h->overrides));
	h->overrides[h->n_overrides++] = override_copy(o);
	return 0;
}

static void read_boot_id(char *buf, size_t size)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	/* Without one every restart counts as a reboot: then the calendar alone decides. */
	snprintf(buf, size, "unknown");
	if (!f)
		return;
	if (fgets(buf, (int)size, f))
		buf[strcspn(buf, "\n")] = '\0';
	fclose(f);
}

int hub_overrides_restore(struct hub *h)
{
	int r;

	read_boot_id(h->boot_id, sizeof(h->boot_id));
	r = db_overrides_each(h->db, daemon_now(), h->boot_id, restore_one, h);
	/* Those that the core was not given: their end is told, and their rows go. */
	if (r == 0)
		hub_overrides_follow(h, "its time was over while the hub was down");
	return r;
}

void hub_overrides_free(struct hub *h)
{
	for (size_t i = 0; i < h->n_overrides; i++)
		override_strings_free(&h->overrides[i]);
	free(h->overrides);
	h->overrides = NULL;
	h->n_overrides = 0;
}
