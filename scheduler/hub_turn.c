/*
 * hub_turn.c: the end of each turn of the loop. Call-backs record facts and kick; before the loop
 * sleeps one pass decides, its actions are performed, and one transaction makes all that the turn
 * brought durable.
 */
#include "scheduler/hub_turn.h"

#include "scheduler/core_zones.h"
#include "scheduler/hub_history.h"
#include "scheduler/hub_jobs.h"
#include "scheduler/hub_log.h"
#include "scheduler/hub_notices.h"
#include "scheduler/hub_overrides.h"
#include "scheduler/hub_publish.h"
#include "scheduler/hub_rates.h"
#include "scheduler/hub_sets.h"
#include "scheduler/hub_start.h"
#include "scheduler/hub_sweep.h"
#include "scheduler/log.h"
#include "scheduler/notices.h"
#include "scheduler/peers.h"
#include "scheduler/reconcile.h"
#include "scheduler/take.h"

#define TICK_S	    1.0
#define MINUTE_S    60.0
#define SWEEP_TICKS 60u /* minutes */
#define TURN_PASSES 8u	/* plan passes of one turn; then the loop looks at its sockets first */

void hub_tx(struct hub *h)
{
	int r;

	if (h->in_tx)
		return;
	r = db_begin(h->db);
	h->in_tx = r == 0;
	hub_recorded(h, r, "anything");
}

void hub_recorded(struct hub *h, int r, const char *what)
{
	if (r < 0)
		log_error("recording %s: %s", what, db_error(h->db));
}

void hub_turn_commit(struct hub *h)
{
	int r;

	if (!h->in_tx)
		return;
	h->in_tx = false;
	r = db_commit(h->db);
	hub_recorded(h, r, "a turn");
	if (r < 0)
		db_rollback(h->db);
}

/* A revived job whose content is no longer what lies there has nothing to bring. */
static void turn_bring(struct hub_job *x, void (*bring)(struct hub_job *x))
{
	if (x->version)
		bring(x);
	else
		hub_job_ended(x, OUTCOME_SUPERSEDED, "a newer version of the file is there");
}

static void turn_perform(void *arg, const struct action *a)
{
	struct hub *h = arg;
	struct hub_spoke *s;

	switch (a->kind) {
	case ACTION_GREET:
		s = hub_spoke(h, a->spoke->name);
		if (s)
			peers_greet(s);
		break;
	case ACTION_START:
		turn_bring(hub_job_of(a->job), hub_start_push);
		if (hub_job_of(a->job)->version)
			hub_history_started(hub_job_of(a->job));
		break;
	case ACTION_STOP:
		hub_start_stop(hub_job_of(a->job));
		break;
	case ACTION_PUBLISH:
		turn_bring(hub_job_of(a->job), hub_publish);
		break;
	case ACTION_RATES:
		hub_rates_changed(h, a->spoke, a->group);
		break;
	case ACTION_CHANGED:
		hub_job_changed(h, a);
		break;
	case ACTION_LATE:
		hub_log_late(hub_job_of(a->job), core_deadline(h->core, a->job));
		if (a->job->late)
			hub_notice_late(hub_job_of(a->job), core_deadline(h->core, a->job));
		break;
	case ACTION_LEFT:
		hub_log_left(hub_job_of(a->job));
		break;
	case ACTION_OVERRIDE_ENDED:
		hub_overrides_follow(h, "its time was over, or all was in sync");
		break;
	}
}

static void turn_timer_at(struct hub *h, ev_timer *timer, struct mono at, struct mono now)
{
	ev_timer_stop(h->d->loop, timer);
	if (at.us == MONO_NEVER.us)
		return;
	ev_timer_set(timer, (double)MAX(at.us - now.us, 0) / 1e6, 0);
	ev_timer_start(h->d->loop, timer);
}

/* Everything that the turn asked for, once. */
static void turn(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct hub *h = w->data;
	bool worked = h->kicked;
	struct mono due, next;
	struct now now;

	(void)revents;
	for (unsigned i = 0; h->kicked && !h->stopping && i < TURN_PASSES; i++) {
		h->kicked = false;
		now = daemon_now();
		due = take_due(h, now);
		hub_sets_turn(h);
		due.us = MIN(due.us, reconcile_turn(h, now).us);
		next = core_plan(h->core, now, turn_perform, h);
		if (next.us <= now.mono.us)
			h->kicked = true;
		/* Timers count from the loop's idea of now, which is from before the work. */
		ev_now_update(loop);
		now = daemon_now();
		turn_timer_at(h, &h->settle_timer, due, now.mono);
		turn_timer_at(h, &h->plan_timer, next, now.mono);
	}
	if (h->kicked && !h->stopping)
		ev_idle_start(loop, &h->again);
	else
		ev_idle_stop(loop, &h->again);
	if (worked) {
		if (!ev_is_active(&h->tick))
			ev_timer_again(loop, &h->tick);
		hub_rates_sweep(h);
		peers_sweep(h);
	}
	/* What is to be told of it first: a crash in between tells it twice, and never loses it. */
	notices_commit(h->d->notices);
	hub_turn_commit(h);
	if (h->stopping && TAILQ_EMPTY(&h->pushing) && !pool_busy(h->d->pool))
		hub_stop_over(h);
}

void hub_kick(struct hub *h)
{
	h->kicked = true;
}

static void turn_idle(struct ev_loop *loop, ev_idle *w, int revents)
{
	/* Only keeps the loop from sleeping: the next turn follows at once. */
	(void)loop, (void)w, (void)revents;
}

static void turn_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop, (void)revents;
	hub_kick(w->data);
}

static void turn_tick(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct hub *h = w->data;

	(void)revents;
	hub_jobs_tick(h, daemon_now());
	if (core_deadlines_soon(h->core, daemon_now()))
		hub_kick(h);
	/* An idle hub sleeps: the next turn that does anything starts it again. */
	if (TAILQ_EMPTY(&h->pushing))
		ev_timer_stop(loop, w);
}

/* The calendar is looked at each minute, whatever timers believe: machines sleep, clocks jump, zone
 * files are updated. */
static void turn_minute(struct ev_loop *loop, ev_periodic *w, int revents)
{
	struct hub *h = w->data;
	const char *zone = core_zones_refresh(h->core);

	(void)loop, (void)revents;
	if (zone)
		log_info("time zone %s has new rules: the windows are reckoned anew", zone);
	if (++h->minutes % SWEEP_TICKS == 0)
		hub_sweep(h);
	core_deadlines(h->core, daemon_now());
	hub_kick(h);
}

void hub_turn_start(struct hub *h)
{
	struct ev_loop *loop = h->d->loop;

	ev_prepare_init(&h->prepare, turn);
	ev_idle_init(&h->again, turn_idle);
	ev_timer_init(&h->plan_timer, turn_timer, 0, 0);
	ev_timer_init(&h->settle_timer, turn_timer, 0, 0);
	ev_timer_init(&h->tick, turn_tick, TICK_S, TICK_S);
	ev_periodic_init(&h->minute, turn_minute, 0, MINUTE_S, NULL);
	h->prepare.data = h->again.data = h->plan_timer.data = h->settle_timer.data = h;
	h->tick.data = h->minute.data = h;
	h->grace_due = MONO_NEVER;
	ev_prepare_start(loop, &h->prepare);
	ev_periodic_start(loop, &h->minute);
}

void hub_turn_stop(struct hub *h)
{
	struct ev_loop *loop = h->d->loop;

	ev_prepare_stop(loop, &h->prepare);
	ev_idle_stop(loop, &h->again);
	ev_timer_stop(loop, &h->plan_timer);
	ev_timer_stop(loop, &h->settle_timer);
	ev_timer_stop(loop, &h->tick);
	ev_periodic_stop(loop, &h->minute);
}
