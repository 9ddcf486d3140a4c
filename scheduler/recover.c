/*
 * recover.c: see recover.h. What left the configuration meanwhile is passed over: its rows go with
 * the next sweep. Nothing on the groups' disks is looked at here; the first scan does that.
 */
#include "scheduler/recover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/catalog.h"
#include "scheduler/generation.h"
#include "scheduler/drift.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/hub_old.h"
#include "scheduler/hub_overrides.h"
#include "scheduler/inventory.h"
#include "scheduler/log.h"

#define AWAY_MOST_S (31 * 86400) /* more than any quorum_wait */

struct recovering {
	struct hub *hub;
	struct strmap versions; /* id as text -> struct id_key */
};

/* The key of an id; hub_version has no room for it, so that it is kept beside. */
struct id_key {
	struct hub_version *hv;
	char text[24];
};

static int recover_version(void *arg, const struct version_row *row)
{
	struct recovering *r = arg;
	struct hub_group *g = hub_group(r->hub, row->group);
	struct hub_version *hv;
	struct hub_file *f;
	struct id_key *key;

	if (!g)
		return 0;
	hv = hub_version_new(g, row);
	if (row->current) {
		f = catalog_make(g, row->path);
		catalog_current(f, hv);
		catalog_state(f, FILE_CURRENT, NULL);
	}
	key = xcalloc(1, sizeof(*key));
	key->hv = hv;
	generation_name(row->id, key->text);
	strmap_put(&r->versions, key->text, key);
	return 0;
}

static int recover_position(void *arg, const char *spoke, const char *group, const char *epoch,
			    uint64_t seq)
{
	struct recovering *r = arg;
	struct hub_spoke *s = hub_spoke(r->hub, spoke);
	struct inventory *inv;

	if (!s || !hub_group(r->hub, group))
		return 0;
	inv = inventory_make(s, group);
	snprintf(inv->epoch, sizeof(inv->epoch), "%s", epoch);
	inv->seq = seq;
	return 0;
}

/* NULL: of a spoke or a group that is there no more. */
static struct inventory *recovered(const struct recovering *r, const char *spoke, const char *group)
{
	struct hub_spoke *s = hub_spoke(r->hub, spoke);

	return s ? inventory_get(s, group) : NULL;
}

static int recover_item(void *arg, const char *spoke, const char *group, const struct wire_entry *e,
			uint64_t told)
{
	struct inventory *inv = recovered(arg, spoke, group);

	if (inv)
		inventory_restore(inv, e, told);
	return 0;
}

static int recover_preserved(void *arg, const char *spoke, const char *group,
			     const struct hash *root)
{
	struct inventory *inv = recovered(arg, spoke, group);

	if (inv)
		inventory_preserved_restore(inv, root);
	return 0;
}

static int recover_drift(void *arg, const char *spoke, const char *group,
			 const struct drift_row *row)
{
	struct inventory *inv = recovered(arg, spoke, group);

	if (inv)
		drift_restore(inv, row);
	return 0;
}

static int recover_spoke(void *arg, const struct spoke_row *row)
{
	struct recovering *r = arg;
	struct hub_spoke *s = hub_spoke(r->hub, row->name);

	if (!s)
		return 0;
	s->state->last_seen = row->last_seen;
	s->state->ever_up = row->last_seen.s != 0;
	if (row->away_s > 0)
		core_spoke_was_away(s->state, MIN(row->away_s, AWAY_MOST_S) * SECOND_US,
				    daemon_now().mono);
	if (row->zone[0] && core_spoke_zone(r->hub->core, s->state, row->zone) < 0)
		log_warn("spoke %s: its time zone %s is not known here", row->name, row->zone);
	return 0;
}

static int recover_job(void *arg, const struct job_row *row)
{
	struct recovering *r = arg;
	struct id_key *key;
	char id[24];

	key = strmap_get(&r->versions, generation_name(row->version, id));
	/* A job of a version that is gone: reconciling makes another where one is needed. */
	if (key)
		hub_jobs_restore(r->hub, row, key->hv);
	return 0;
}

/* A former version, which may have bytes that a spoke's still are. */
static void recover_old(struct hub_version *hv)
{
	struct hub_file *f = hv->current ? NULL : catalog_get(hv->group, hv->v->path);

	if (f && f->current)
		hub_old_keep(hv, f->current);
}

static void drop_key(void *arg, void *value)
{
	struct id_key *key = value;

	(void)arg;
	recover_old(key->hv);
	hub_version_unref(key->hv);
	free(key);
}

int recover_all(struct hub *h, struct err *e)
{
	struct recovering r = {.hub = h};
	uint64_t last_job = 0, last_override = 0;
	int got;

	h->recovering = true;
	got = db_versions_sweep(h->db);
	if (got == 0)
		got = db_versions_last(h->db, &h->last_version);
	if (got == 0)
		got = db_jobs_last(h->db, &last_job);
	if (got == 0)
		got = db_overrides_last(h->db, &last_override);
	core_ids_after(h->core, last_job, last_override);
	if (got == 0)
		got = db_versions_each(h->db, recover_version, &r);
	if (got == 0)
		got = db_inventory_positions(h->db, recover_position, &r);
	if (got == 0)
		got = db_inventory_each(h->db, recover_item, &r);
	if (got == 0)
		got = db_preserved_each(h->db, recover_preserved, &r);
	if (got == 0)
		got = db_drift_each(h->db, recover_drift, &r);
	if (got == 0)
		got = db_spokes_each(h->db, recover_spoke, &r);
	if (got == 0)
		got = hub_overrides_restore(h);
	if (got == 0)
		got = db_jobs_unfinished(h->db, recover_job, &r);
	if (got < 0)
		err_set(e, got, "state of the hub: %s", db_error(h->db));
	h->recovering = false;
	/* Lets go of what no file and no job took; their rows and generations go too. */
	strmap_each(&r.versions, drop_key, NULL);
	strmap_done(&r.versions);
	return got;
}
