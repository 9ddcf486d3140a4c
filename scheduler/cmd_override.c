/*
 * cmd_override.c: exceptions to the windows: sync-now, pause, resume, stop-now. Every one is
 * durable and audited with who asked and why; each ends by itself.
 */
#include "scheduler/handler.h"

#include <stdlib.h>
#include <string.h>

#include "scheduler/facts.h"
#include "scheduler/log.h"

#define HOUR_US		  (3600 * SECOND_US)
#define SYNC_LIMIT_US	  (24 * HOUR_US)       /* --until-in-sync without --for */
#define OVERRIDE_LIMIT_US (366 * 24 * HOUR_US) /* longer is a policy, not an exception */

struct scope {
	const char *spoke, *group;
};

/* The scope of the call, known or not; explicit: it must be named, --all included. False: answered.
 */
static bool scope_named(struct call *c, bool explicit, struct scope *ret)
{
	bool all = args_flag(c->args, "all");

	ret->spoke = args_text(c->args, "spoke");
	ret->group = args_text(c->args, "group");
	if (all && ret->spoke) {
		call_fail(c, 400, "%s: a spoke or all, not both", c->args->cmd->word);
		return false;
	}
	if (explicit && !all && !ret->spoke && !ret->group) {
		call_fail(c, 400, "%s: which spoke? (or all)", c->args->cmd->word);
		return false;
	}
	return true;
}

/* As scope_named(), and of what exists. */
static bool read_scope(struct call *c, bool explicit, struct scope *ret)
{
	return scope_named(c, explicit, ret) && call_scope_known(c, ret->spoke, ret->group);
}

/* "berlin, group vdisks" */
static char *scope_words(const struct scope *s)
{
	return xasprintf("%s%s%s", s->spoke ? s->spoke : "every spoke", s->group ? ", group " : "",
			 s->group ? s->group : "");
}

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static void audit(struct call *c, const struct scope *s, json_t *fields)
{
	json_object_set_new(fields, "spoke", facts_text(s->spoke));
	json_object_set_new(fields, "group", facts_text(s->group));
	json_object_set_new(fields, "why", facts_text(args_text(c->args, "reason")));
	call_audit(c, fields);
	hub_overrides_changed(c->daemon->hub);
	hub_kick(c->daemon->hub);
}

/* Adds it, says so everywhere, and answers with it. */
static enum handled add_override(struct call *c, const struct scope *s, struct override *o)
{
	char words[UNITS_TEXT], *scope = scope_words(s);
	const char *reason = args_text(c->args, "reason");
	json_t *answer;

	o->spoke = copy(s->spoke);
	o->group = copy(s->group);
	o->since = c->now.wall;
	o->who = copy(c->who);
	o->why = copy(reason);
	answer = facts_override(o, c->now);
	/* The core takes the strings of o. */
	json_object_set_new(
		answer, "id",
		json_integer((json_int_t)core_override_add(hub_core(c->daemon->hub), o)));
	log_info("%s: %s for %s by %s%s%s", scope, c->args->cmd->word,
		 units_duration(o->until_mono.us - c->now.mono.us, words), c->who,
		 reason ? ": " : "", reason ? reason : "");
	free(scope);
	audit(c, s,
	      json_pack("{s:O, s:O}", "until", json_object_get(answer, "until"), "until_in_sync",
			json_object_get(answer, "until_in_sync")));
	return call_answer(c, answer);
}

static void set_end(struct override *o, struct now now, int64_t span_us)
{
	o->until.s = now.wall.s + (span_us + SECOND_US - 1) / SECOND_US;
	o->until_mono.us = now.mono.us + span_us;
}

static bool span_ok(struct call *c, int64_t span_us)
{
	if (span_us > 0 && span_us <= OVERRIDE_LIMIT_US)
		return true;
	call_fail(c, 400, "%s: longer than nothing, and at most 366 days", c->args->cmd->word);
	return false;
}

enum handled cmd_sync_now(struct call *c)
{
	struct override o = {.kind = OVERRIDE_SYNC_NOW};
	bool until_in_sync = args_flag(c->args, "until-in-sync") || !args_text(c->args, "for");
	int64_t span_us = args_duration(c->args, "for", SYNC_LIMIT_US);
	struct scope s;

	if (!read_scope(c, true, &s) || !span_ok(c, span_us))
		return HANDLED;
	o.rate = args_rate(c->args, "rate", RATE_UNLIMITED);
	set_end(&o, c->now, span_us);
	/* 0 would say: not until in sync. With an empty catalog nothing is missing. */
	if (until_in_sync)
		o.until_sync_seq = MAX(hub_last_version(c->daemon->hub), 1);
	/* `wait` comes next. */
	if (args_flag(c->args, "wait"))
		o.held_until.us = c->now.mono.us + SYNC_HOLD_US;
	hub_rescan(c->daemon->hub, s.group);
	return add_override(c, &s, &o);
}

enum handled cmd_pause(struct call *c)
{
	struct override o = {.kind = OVERRIDE_PAUSE, .rate = RATE_UNLIMITED};
	bool has_for = args_text(c->args, "for"), has_until = args_text(c->args, "until");
	struct wall until = args_time(c->args, "until", c->now.wall);
	int64_t span_us;
	struct scope s;

	if (has_for == has_until)
		return call_fail(c, 400,
				 "pause: how long? give either 'for' (2h) or 'until' "
				 "(18:00); a pause without end is the configuration's");
	if (has_until && until.s <= c->now.wall.s)
		return call_fail(c, 400, "pause: 'until' is in the past");
	if (has_until && until.s > c->now.wall.s + OVERRIDE_LIMIT_US / SECOND_US)
		until.s = c->now.wall.s + OVERRIDE_LIMIT_US / SECOND_US + 1;
	span_us =
		has_for ? args_duration(c->args, "for", 0) : (until.s - c->now.wall.s) * SECOND_US;
	if (!read_scope(c, false, &s) || !span_ok(c, span_us))
		return HANDLED;
	set_end(&o, c->now, span_us);
	return add_override(c, &s, &o);
}

static enum handled end_overrides(struct call *c, enum override_kind kind, bool overlapping)
{
	const char *what = kind == OVERRIDE_PAUSE ? "pause" : "sync-now";
	const char *reason = args_text(c->args, "reason");
	struct scope s;
	char *scope;
	unsigned n;

	/* A pause of what was taken out since is still there to be ended, by exactly its scope. */
	if (overlapping ? !read_scope(c, false, &s) : !scope_named(c, false, &s))
		return HANDLED;
	n = core_override_end(hub_core(c->daemon->hub), kind, s.spoke, s.group, overlapping);
	if (!n && !call_scope_known(c, s.spoke, s.group))
		return HANDLED;
	scope = scope_words(&s);
	if (!n) {
		call_fail(c, 404, "there is no %s %s %s; 'spokesync status' lists those in force",
			  what, overlapping ? "that touches" : "of exactly", scope);
		free(scope);
		return HANDLED;
	}
	log_info("%s: %u %s ended by %s%s%s", scope, n, what, c->who, reason ? ": " : "",
		 reason ? reason : "");
	free(scope);
	audit(c, &s, json_pack("{s:i}", "ended", (int)n));
	return call_answer(c, json_pack("{s:i, s:s}", "ended", (int)n, "kind", what));
}

enum handled cmd_resume(struct call *c)
{
	return end_overrides(c, OVERRIDE_PAUSE, false);
}

enum handled cmd_stop_now(struct call *c)
{
	return end_overrides(c, OVERRIDE_SYNC_NOW, true);
}
