/*
 * plan_job.c: one job looked at anew, because a fact or a wish about it came: its outcome is taken,
 * and from all that is known of it follows the one place where it belongs. The order of the
 * questions is the rule: what runs must end first, then cancelled beats superseded beats held.
 */
#include "scheduler/core_impl.h"

bool core_job_given_up(const struct job *j)
{
	return j->state == JOB_FAILED || (j->state == JOB_CANCELLED && !j->left);
}

/* What waited for this one's push looks again: newer jobs of the file, others of its content. */
static void wake_waiting(struct core *c, struct job *j)
{
	struct job *n = table_path(&c->jobs, j->spoke, j->version->group, j->version->path);

	for (; n && n != j; n = table_path_older(n))
		if (n->place == PLACE_OLDER)
			job_place(c, n, PLACE_DIRTY);
	job_twins_wake(c, j);
}

static bool older_active(const struct job *j)
{
	for (const struct job *o = table_path_older(j); o; o = table_path_older(o))
		if (o->running || o->publishing)
			return true;
	return false;
}

static void end_job(struct core *c, struct job *j, enum job_state state, struct now now)
{
	queue_leave(j);
	job_place(c, j, PLACE_ENDED);
	TAILQ_INSERT_TAIL(&c->ended, j, by_spoke);
	c->n_ended++;
	j->wish = WISH_NONE;
	j->hold = 0;
	j->stopping = false;
	job_set_state(c, j, state, 0, now);
	wake_waiting(c, j);
}

void core_restore_given_up(struct core *c, struct job *j, enum job_state state, const char *why,
			   struct wall ended)
{
	queue_leave(j);
	job_place(c, j, PLACE_ENDED);
	TAILQ_INSERT_TAIL(&c->ended, j, by_spoke);
	c->n_ended++;
	j->state = state;
	j->ended = ended;
	core_job_note(j, why);
}

static void end_cancelled(struct core *c, struct job *j, struct now now)
{
	j->left = j->wish != WISH_CANCEL;
	end_job(c, j, JOB_CANCELLED, now);
}

/* False where it cannot be: something newer came for its file, or it has no place any more. */
static bool revive(struct core *c, struct job *j, struct now now)
{
	const struct version *v = j->version;

	if (!j->lane->cfg || table_path(&c->jobs, j->spoke, v->group, v->path) != j)
		return false;
	TAILQ_REMOVE(&c->ended, j, by_spoke);
	c->n_ended--;
	j->priority = (int16_t)j->lane->cfg->priority; /* it may be another by now */
	queue_enter(j);
	j->staged = j->left = false;
	core_job_note(j, "");
	job_set_state(c, j, JOB_QUEUED, 0, now);
	return true;
}

static void hold(struct core *c, struct job *j, unsigned why, struct now now)
{
	int64_t delay = CORE_RELOOK;

	j->hold = (uint16_t)why;
	if (why == WAIT_RETRY) {
		j->tries += j->tries < UINT16_MAX;
		delay = retry_delay(j->tries, c->cfg->retry_min_us, c->cfg->retry_max_us,
				    core_random(c));
	}
	j->due.at = mono_after(now.mono, delay);
}

/* True where the outcome ended the job. */
static bool take_outcome(struct core *c, struct job *j, struct now now)
{
	j->has_outcome = false;
	j->stopping = false;
	j->stuck = false;
	switch ((enum job_outcome)j->outcome) {
	case OUTCOME_STAGED:
		j->staged = true;
		j->tries = 0;
		job_set_state(c, j, JOB_STAGED, 0, now);
		break;
	case OUTCOME_AGAIN:
		/* What was staged is gone, where it was to be published. */
		j->staged = false;
		if (++j->again > CORE_AGAIN_MAX)
			hold(c, j, WAIT_RETRY, now);
		break;
	case OUTCOME_RETRY:
		hold(c, j, WAIT_RETRY, now);
		break;
	case OUTCOME_TOO_LARGE:
		j->stuck = true;
		hold(c, j, WAIT_SPACE, now);
		break;
	case OUTCOME_SPACE:
		hold(c, j, WAIT_SPACE, now);
		break;
	case OUTCOME_IN_USE:
		hold(c, j, WAIT_IN_USE, now);
		break;
	case OUTCOME_SUPERSEDED:
		end_job(c, j, JOB_SUPERSEDED, now);
		return true;
	case OUTCOME_FAILED:
		end_job(c, j, JOB_FAILED, now);
		return true;
	case OUTCOME_PUBLISHED:
		end_job(c, j, JOB_PUBLISHED, now);
		return true;
	case OUTCOME_SET:
	case OUTCOME_STOPPED:
	case OUTCOME_PEER_DOWN: /* the spoke is down now, and that is what it waits for */
	case OUTCOME_KEY:
		break;
	}
	/* Another push may begin. */
	wake_waiting(c, j);
	return false;
}

static void take_retry(struct job *j)
{
	j->wish = WISH_NONE;
	j->hold = 0;
	j->tries = 0;
	j->again = 0;
	if (!j->spoke->up)
		spoke_of(j->spoke)->greet_force = true;
}

void plan_stop(struct core *c, struct job *j, unsigned waits, struct now now)
{
	const struct todo t = {.kind = ACTION_STOP, .job = j};

	j->stopping = true;
	job_set_state(c, j, JOB_PAUSED, waits, now);
	plan_todo(c, &t);
}

/* Holes are not sent. What a push found out counts more: it knows what the spoke has already. */
static void take_nonzero(struct job *j)
{
	const struct version *v = j->version;

	if (v->indexed && !j->started.s && !j->done_bytes && j->total_bytes == v->size)
		j->total_bytes = MIN(v->size, v->nonzero);
}

/* A job that no push or publication holds, and that shall go on. */
static void place_idle(struct core *c, struct job *j, struct now now)
{
	bool data = j->kind == JOB_PUT && !j->staged;
	enum job_state waiting = job_idle_state(j);

	if (data)
		take_nonzero(j);
	if (j->hold) {
		job_set_state(c, j, waiting, j->hold, now);
		job_place(c, j, PLACE_HELD);
		due_set(&c->due, &j->due, j->due.at);
	} else if (data && !j->version->indexed && !c->forward) {
		job_set_state(c, j, JOB_INDEXING, WAIT_INDEX, now);
		job_place(c, j, PLACE_INDEXING);
	} else if (older_active(j)) {
		job_set_state(c, j, waiting, WAIT_OLDER, now);
		job_place(c, j, PLACE_OLDER);
	} else {
		job_place(c, j, data ? PLACE_FRESH : PLACE_WORDS);
	}
}

void plan_job(struct core *c, struct job *j, struct now now)
{
	bool cancel;

	if (j->has_outcome && take_outcome(c, j, now))
		return;
	if (job_over(j) && (j->wish != WISH_RETRY || !revive(c, j, now))) {
		j->wish = WISH_NONE;
		job_place(c, j, PLACE_ENDED);
		return;
	}
	if (j->wish == WISH_RETRY)
		take_retry(j);
	cancel = j->wish == WISH_CANCEL || !j->lane->cfg;
	if (j->running && (cancel || j->superseded)) {
		if (!j->stopping)
			plan_stop(c, j, cancel ? WAIT_HELD : WAIT_OLDER, now);
		else
			job_set_state(c, j, JOB_PAUSED, cancel ? WAIT_HELD : WAIT_OLDER, now);
	}
	if (j->running || j->publishing)
		job_place(c, j, PLACE_ACTIVE);
	else if (cancel)
		end_cancelled(c, j, now);
	else if (j->superseded)
		end_job(c, j, JOB_SUPERSEDED, now);
	else
		place_idle(c, j, now);
}
