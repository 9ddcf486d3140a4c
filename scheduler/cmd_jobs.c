/*
 * cmd_jobs.c: the queue and single jobs: jobs, job, cancel, retry.
 */
#include "scheduler/handler.h"

#include <string.h>

#include "scheduler/facts.h"
#include "scheduler/log.h"
#include "scheduler/why.h"

/* An answer is bounded; a queue of more is counted. */
#define JOBS_MAX 5000

struct listing {
	json_t *jobs;
	uint64_t total;
	const char *spoke, *group;
	struct call *call;
};

static void list_jobs(struct listing *l, struct job_list *jobs)
{
	struct job *j;

	TAILQ_FOREACH (j, jobs, by_spoke) {
		if ((l->spoke && strcmp(l->spoke, j->spoke->name)) ||
		    (l->group && strcmp(l->group, j->version->group)))
			continue;
		if (++l->total <= JOBS_MAX)
			json_array_append_new(l->jobs,
					      facts_job(l->call->daemon->hub, j, l->call->now));
	}
}

enum handled cmd_jobs(struct call *c)
{
	struct core *core = hub_core(c->daemon->hub);
	struct listing l = {
		.spoke = args_text(c->args, "spoke"),
		.group = args_text(c->args, "group"),
		.call = c,
	};
	struct spoke_state *s;

	if (!call_scope_known(c, l.spoke, l.group))
		return HANDLED;
	core_forecast(core, c->now);
	l.jobs = json_array();
	if (args_flag(c->args, "all"))
		list_jobs(&l, core_ended(core));
	TAILQ_FOREACH (s, core_spokes(core), entry) {
		list_jobs(&l, &s->jobs);
	}
	return call_answer(c,
			   json_pack("{s:o, s:I}", "jobs", l.jobs, "total", (json_int_t)l.total));
}

/* The job that the call names, or NULL and 404. */
static struct job *named_job(struct call *c)
{
	uint64_t id = args_number(c->args, "job", 0);
	struct job *j = core_job(hub_core(c->daemon->hub), id);

	if (!j)
		call_fail(c, 404,
			  "there is no job %llu (ended ones are forgotten in time; "
			  "'spokesync log --job %llu' may know it)",
			  (unsigned long long)id, (unsigned long long)id);
	return j;
}

enum handled cmd_job(struct call *c)
{
	struct job *j = named_job(c);
	json_t *o;

	if (!j)
		return HANDLED;
	core_forecast(hub_core(c->daemon->hub), c->now);
	o = facts_job(c->daemon->hub, j, c->now);
	json_object_set_new(o, "why", why_job(c->daemon, j, c->now));
	return call_answer(c, o);
}

/* Audited: who asked for what. */
static enum handled job_command(struct call *c, const struct job *j)
{
	const char *verb = c->args->cmd->word;
	const struct version *v = j->version;

	log_info("job %llu %s/%s -> %s: %s by %s", (unsigned long long)j->id, v->group, v->path,
		 j->spoke->name, verb, c->who);
	call_audit(c, json_pack("{s:I, s:s, s:o, s:s}", "job", (json_int_t)j->id, "group", v->group,
				"path", facts_text(v->path), "spoke", j->spoke->name));
	hub_kick(c->daemon->hub);
	return call_answer(c, json_pack("{s:I, s:s}", "job", (json_int_t)j->id, "done", verb));
}

enum handled cmd_cancel(struct call *c)
{
	struct job *j = named_job(c);

	if (!j)
		return HANDLED;
	if (job_over(j))
		return call_fail(c, 409, "job %llu is over already: %s", (unsigned long long)j->id,
				 job_state_word(j->state));
	core_job_cancel(hub_core(c->daemon->hub), j, c->who, c->now);
	return job_command(c, j);
}

enum handled cmd_retry(struct call *c)
{
	struct job *j = named_job(c);

	if (!j)
		return HANDLED;
	if (j->state == JOB_PUBLISHED || j->state == JOB_SUPERSEDED)
		return call_fail(c, 409, "job %llu needs no retry: it is %s",
				 (unsigned long long)j->id, job_state_word(j->state));
	core_job_retry(hub_core(c->daemon->hub), j, c->now);
	return job_command(c, j);
}
