/*
 * control.c: the control API on the Unix socket. A request is hostile input: its path must be a row
 * of the table, its peer must have the right that the row names, its arguments are checked against
 * the row; only then its handler runs. What is wrong ends that request with words, nothing else.
 */
#include "scheduler/control.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/handler.h"
#include "scheduler/log.h"
#include "scheduler/rights.h"
#include "transfer/server.h"

/* Clients: enough for a team and its scripts; each uid may hold half of them. */
#define CLIENTS_MAX	64
#define CLIENTS_PER_UID 32
#define BODY_MAX	(16 * KIB)

struct control {
	struct daemon *daemon;
	struct server *server;
	bool group_set;
	gid_t group;
};

/* One request between its head and its handler: POST bodies are awaited. */
struct pending {
	struct control *control;
	const struct command *cmd;
	char part[64];
	char who[96];
	bool may_change;
};

/* Query arguments of a GET, and the part of the path. */
static int fill_from_head(struct args *a, struct sreq *r, const char *part, struct err *e)
{
	const struct command_arg *arg;
	const char *value;
	int ret;

	for (arg = a->cmd->args; arg->name; arg++) {
		bool in_path = *part && !strcmp(arg->name, "job");

		value = in_path ? part : arg->local ? NULL : sreq_query(r, arg->name);
		if (!value || (arg->kind == ARG_FLAG && !strcmp(value, "0")))
			continue;
		/* "?follow" and "?follow=true" mean what they say */
		if (arg->kind == ARG_FLAG && (!*value || !strcmp(value, "true")))
			value = "1";
		ret = args_set(a, arg->name, value, e);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int fill_from_body(struct args *a, const char *body, size_t len, struct err *e)
{
	json_error_t je;
	json_t *object;
	int r;

	if (!len)
		return 0;
	object = json_loadb(body, len, JSON_REJECT_DUPLICATES, &je);
	if (!object)
		return err_set(e, -EINVAL, "the body is not JSON: %s", je.text);
	r = args_set_json(a, object, e);
	json_decref(object);
	return r;
}

static void send_answer(struct sreq *r, struct call *c)
{
	char *text;

	if (!c->answer) {
		sreq_problem(r, c->status, "%s", c->problem);
		return;
	}
	text = json_dumps(c->answer, JSON_COMPACT | JSON_REAL_PRECISION(9));
	if (text)
		sreq_reply_json(r, c->status, text);
	else
		sreq_problem(r, 500, "the answer cannot be written as JSON");
	free(text);
	json_decref(c->answer);
}

static void run_command(struct pending *p, struct sreq *r, const char *body, size_t len)
{
	struct call call = {
		.daemon = p->control->daemon,
		.who = p->who,
		.may_change = p->may_change,
		.now = daemon_now(),
		.request = r,
		.status = 200,
	};
	struct err e = {0};
	struct args args;
	int ret;

	args_init(&args, p->cmd);
	call.args = &args;
	ret = fill_from_head(&args, r, p->part, &e);
	if (!ret)
		ret = fill_from_body(&args, body, len, &e);
	if (!ret)
		ret = args_complete(&args, &e);
	if (ret < 0)
		sreq_problem(r, 400, "%s: %s", p->cmd->word, e.text);
	else if (handler_of(p->cmd->id)(&call) == HANDLED)
		send_answer(r, &call);
	args_done(&args);
}

/* From here on the end of the request is the handler's to hear of. */
static void body_done(void *arg, struct sreq *r, const char *body, size_t len)
{
	struct pending p = *(struct pending *)arg;

	sreq_on_over(r, NULL, NULL);
	free(arg);
	run_command(&p, r, body, len);
}

static void pending_over(void *arg)
{
	free(arg);
}

/* The peer of a request, and what it may do. */
static enum command_right right_of(const struct control *c, struct sreq *r, char *who, size_t size)
{
	struct rights_peer peer = {0};
	gid_t gid;
	pid_t pid;

	if (!sreq_creds(r, &peer.uid, &gid, &pid))
		return RIGHT_NONE;
	rights_name(peer.uid, who, size);
	peer.in_group = c->group_set && rights_in_group(peer.uid, gid, c->group);
	return rights_of(&peer, geteuid());
}

/* Path, role and right. False: answered. */
static bool admit(struct control *c, struct sreq *r, struct pending *p)
{
	enum command_right right;
	enum command_roles role = c->daemon->hub ? ON_HUB : ON_SPOKE;
	int ret;

	right = right_of(c, r, p->who, sizeof(p->who));
	if (right == RIGHT_NONE) {
		sreq_problem(r, 403, "only root, the daemon's user and its control_group may ask");
		return false;
	}
	p->may_change = right == RIGHT_CHANGE;
	ret = command_by_path(sreq_method(r), sreq_path(r), &p->cmd, p->part, sizeof(p->part));
	if (ret < 0) {
		sreq_problem(r, ret == -EPERM ? 405 : 404, "no such command: %s %s", sreq_method(r),
			     sreq_path(r));
		return false;
	}
	if (right < p->cmd->right) {
		log_warn("control: %s refused for %s: it may only read", p->cmd->word, p->who);
		sreq_problem(r, 403,
			     "%s: only root and the daemon's user may change things; %s may "
			     "read",
			     p->cmd->word, p->who);
		return false;
	}
	if (!(p->cmd->roles & role)) {
		sreq_problem(r, 409, "%s: this daemon is a %s", p->cmd->word,
			     role == ON_HUB ? "hub; ask the spoke" : "spoke; ask the hub");
		return false;
	}
	if (c->daemon->stopping) {
		sreq_problem(r, 503, "the daemon is stopping");
		return false;
	}
	return true;
}

static void handle_request(void *arg, struct sreq *r)
{
	struct control *c = arg;
	struct pending p = {.control = c}, *kept;

	if (!admit(c, r, &p))
		return;
	if (strcmp(p.cmd->method, "POST")) {
		run_command(&p, r, NULL, 0);
		return;
	}
	kept = xcalloc(1, sizeof(*kept));
	*kept = p;
	sreq_on_over(r, pending_over, kept);
	sreq_collect(r, BODY_MAX, body_done, kept);
}

/* The group that may read. Not there: said once, and only root and the daemon's user get in. */
static void look_up_group(struct control *c)
{
	const char *name = c->daemon->config->control_group;
	struct group *gr;

	if (!name)
		return;
	gr = getgrnam(name);
	if (!gr) {
		log_info("control_group %s does not exist: only root and the daemon's user may use "
			 "the control socket",
			 name);
		return;
	}
	c->group = gr->gr_gid;
	c->group_set = true;
}

int control_new(struct daemon *d, struct control **ret, struct err *e)
{
	struct control *c = xcalloc(1, sizeof(*c));
	struct server_spec spec = {
		.loop = d->loop,
		.unix_path = d->config->control,
		.unix_gid = (gid_t)-1,
		.max_connections = CLIENTS_MAX,
		.max_per_peer = CLIENTS_PER_UID,
		.handler = handle_request,
		.arg = c,
	};
	int r;

	c->daemon = d;
	look_up_group(c);
	if (c->group_set)
		spec.unix_gid = c->group;
	r = server_new(&spec, &c->server, e);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct control *control_free(struct control *c)
{
	if (!c)
		return NULL;
	server_free(c->server);
	free(c);
	return NULL;
}
