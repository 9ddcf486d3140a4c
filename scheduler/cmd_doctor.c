/*
 * cmd_doctor.c: `doctor`: a worker tries what the groups' filesystems can do, then the call is
 * answered. A client that left meanwhile costs only that the answer has nobody to go to.
 */
#include "scheduler/handler.h"

#include <stdlib.h>

#include "scheduler/doctor.h"
#include "scheduler/hub.h"
#include "transfer/server.h"
#include "transfer/worker.h"

struct visit {
	struct work work;
	struct doctor *doctor;
	struct sreq *request; /* NULL: it is over */
	bool worked;
};

static void visit_free(struct visit *v)
{
	doctor_free(v->doctor);
	free(v);
}

/* Whoever comes last, the worker or the end of the request, frees it. */
static void visit_over(void *arg)
{
	struct visit *v = arg;

	v->request = NULL;
	if (v->worked)
		visit_free(v);
}

static void visit_run(struct work *w)
{
	doctor_run(container_of(w, struct visit, work)->doctor);
}

static void visit_done(struct work *w)
{
	struct visit *v = container_of(w, struct visit, work);
	json_t *o;
	char *text;

	v->worked = true;
	if (!v->request) {
		visit_free(v);
		return;
	}
	o = doctor_json(v->doctor);
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	if (text)
		sreq_reply_json(v->request, 200, text);
	else
		sreq_problem(v->request, 500, "the answer cannot be written as JSON");
	free(text);
}

enum handled cmd_doctor(struct call *c)
{
	const char *group = args_text(c->args, "group");
	const struct config *cfg = c->daemon->config;
	struct hub_group_stats st;
	struct visit *v;

	if (!call_scope_known(c, NULL, group))
		return HANDLED;
	v = xcalloc(1, sizeof(*v));
	v->doctor = doctor_new(cfg, group);
	for (size_t i = 0; c->daemon->hub && i < cfg->n_groups; i++) {
		hub_group_stats(c->daemon->hub, cfg->groups[i].name, &st);
		if (st.distrust)
			doctor_distrust(v->doctor, cfg->groups[i].name, st.distrust);
	}
	v->request = c->request;
	v->work = (struct work){.run = visit_run, .done = visit_done};
	sreq_on_over(c->request, visit_over, v);
	pool_submit(c->daemon->pool, NULL, &v->work);
	return HANDLED_LATER;
}
