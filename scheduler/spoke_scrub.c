/*
 * spoke_scrub.c: contents are read again in the windows of `scrub =`, at the rate given there, in
 * the machine's own time zone; at most one pass begins in a day. Where it stands is kept in the
 * database, so a restart or the end of a window costs at most some seconds of reading.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/window.h"
#include "policy/zone.h"
#include "scheduler/joblog.h"
#include "scheduler/log.h"
#include "scheduler/spoke_read.h"

#define STEP   (4 * MIB)
#define LOOK_S 60.0 /* calendar edges are looked at again at least so often */
#define EVERY_S                                                                          \
	(20 * 3600) /* between the beginnings of two passes: a window a day, if it moves \
		     */
#define RECORD_S 10
#define NOTE	 "scrub"
#define NOTE_MAX (WIRE_PATH_MAX + 200)

struct spoke_scrub {
	struct spoke_group *g;
	struct zone *zone;
	struct spoke_read *read;
	ev_timer timer;
	int64_t begun, ended; /* of the last pass; ended 0: it is under way */
	uint64_t found;
	struct mono recorded;
};

static struct window_state window(const struct spoke_scrub *x)
{
	struct window_state w;

	window_at(&x->g->cfg->scrub, x->zone, daemon_now().wall, &w);
	return w;
}

/* begun ended found files bytes read next bad path */
static void record(struct spoke_scrub *x)
{
	const struct spoke_read_at *at = spoke_read_at(x->read);
	char text[NOTE_MAX];

	x->recorded = daemon_now().mono;
	snprintf(text, sizeof(text),
		 "%" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
		 " %" PRIu64 " %s",
		 x->begun, x->ended, x->found, at->files, at->bytes, at->read, at->part.next,
		 at->part.bad, at->path);
	if (spoke_db_set_note(x->g->db, NOTE, text) < 0)
		log_error("group %s: database: %s", x->g->name, db_error(x->g->db));
}

static void recall(struct spoke_scrub *x)
{
	struct spoke_read_at *at = spoke_read_at(x->read);
	char text[NOTE_MAX];
	int n = 0;

	if (spoke_db_note(x->g->db, NOTE, text, sizeof(text)) < 0 ||
	    sscanf(text,
		   "%" SCNd64 " %" SCNd64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64 "%n",
		   &x->begun, &x->ended, &x->found, &at->files, &at->bytes, &at->read,
		   &at->part.next, &at->part.bad, &n) < 8 ||
	    text[n] != ' ' || at->part.next % BLOCK_SIZE) {
		x->begun = x->ended = 0;
		memset(at, 0, sizeof(*at));
		return;
	}
	snprintf(at->path, sizeof(at->path), "%s", text + n + 1); /* it may begin with a space */
}

static double pause_of(void *arg, uint64_t read)
{
	struct spoke_scrub *x = arg;
	struct window_state w = window(x);

	if (!w.open || daemon_now().mono.us - x->recorded.us > RECORD_S * SECOND_US)
		record(x);
	if (!w.open)
		return -1;
	return w.rate == RATE_UNLIMITED ? 0 : (double)read / (double)w.rate;
}

static void found(void *arg, const char *path, enum wire_local what, uint64_t bad)
{
	struct spoke_scrub *x = arg;

	(void)path;
	(void)what;
	(void)bad;
	x->found++;
}

static void tell(struct spoke_scrub *x)
{
	const struct spoke_read_at *at = spoke_read_at(x->read);
	struct spoke_group *g = x->g;

	log_info("group %s: scrub: all %" PRIu64 " files were read again, %" PRIu64
		 " were not as recorded",
		 g->name, at->files, x->found);
	if (g->spoke->d->joblog)
		joblog_event(g->spoke->d->joblog, EVENT_SCRUB,
			     json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "group", g->name, "files",
				       (json_int_t)at->files, "bytes", (json_int_t)at->bytes,
				       "read", (json_int_t)at->read, "found", (json_int_t)x->found,
				       "seconds", (json_int_t)(x->ended - x->begun)));
}

static void done(void *arg, int error)
{
	struct spoke_scrub *x = arg;

	if (error == 0) {
		x->ended = daemon_now().wall.s;
		tell(x);
	}
	record(x);
}

/* A pass that was not finished goes on; a new one begins when its time has come. */
static void look(struct spoke_scrub *x)
{
	struct spoke_group *g = x->g;
	int64_t now = daemon_now().wall.s;

	if (!g->db || g->kept || g->spoke->stopping || spoke_read_works(x->read) || !window(x).open)
		return;
	if (x->ended || !x->begun) {
		/* A clock that was set back does not stop it. */
		if (x->begun && now - x->begun < EVERY_S && now >= x->begun)
			return;
		memset(spoke_read_at(x->read), 0, sizeof(struct spoke_read_at));
		x->begun = now;
		x->ended = 0;
		x->found = 0;
		record(x);
		log_info("group %s: scrub: begun", g->name);
	}
	spoke_read_go(x->read);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct spoke_scrub *x = t->data;
	struct wall now = daemon_now().wall, edge;
	double wait = LOOK_S;

	(void)revents;
	look(x);
	edge = window_next_edge(&x->g->cfg->scrub, x->zone, now);
	if (edge.s != WALL_NEVER.s && edge.s > now.s)
		wait = MIN(wait, (double)(edge.s - now.s));
	ev_timer_set(t, wait, 0.0);
	ev_timer_start(loop, t);
}

static struct spoke_scrub *scrub_new(struct spoke_group *g)
{
	struct spoke_scrub *x = xcalloc(1, sizeof(*x));
	struct spoke_read_events ev = {.pause = pause_of, .found = found, .done = done, .arg = x};
	char name[64];

	x->g = g;
	x->zone = zone_new(zone_system_name(name, sizeof(name)));
	if (!x->zone)
		x->zone = zone_new("UTC");
	x->read = spoke_read_new(g, NULL, STEP, &ev);
	recall(x);
	ev_timer_init(&x->timer, on_timer, 0.0, 0.0);
	x->timer.data = x;
	return x;
}

void spoke_scrub_update(struct spoke_group *g)
{
	if (!g->cfg->scrub.n_lines || !g->db)
		return; /* where there were windows before, there is none that is open now */
	if (!g->scrub)
		g->scrub = scrub_new(g);
	ev_timer_stop(g->spoke->d->loop, &g->scrub->timer);
	ev_timer_set(&g->scrub->timer, 0.0, 0.0);
	ev_timer_start(g->spoke->d->loop, &g->scrub->timer);
}

void spoke_scrub_free(struct spoke_group *g)
{
	struct spoke_scrub *x = g->scrub;

	if (!x)
		return;
	ev_timer_stop(g->spoke->d->loop, &x->timer);
	spoke_read_free(x->read);
	zone_free(x->zone);
	free(x);
	g->scrub = NULL;
}

json_t *spoke_scrub_json(const struct spoke_group *g)
{
	const struct spoke_scrub *x = g->scrub;
	const struct spoke_read_at *at;

	if (!x || !x->begun)
		return json_null();
	at = spoke_read_at(x->read);
	return json_pack("{s:b, s:I, s:I, s:I, s:I, s:s}", "under_way", !x->ended, "begun",
			 (json_int_t)x->begun, "files", (json_int_t)at->files, "bytes",
			 (json_int_t)(at->bytes + at->part.next), "found", (json_int_t)x->found,
			 "path", at->path);
}
