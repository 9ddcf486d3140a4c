/*
 * cmd_sets.c: what a person decides about what is held: confirm (files that are gone may go) and
 * publish --force (a set goes as it is). Audited: who asked for what.
 */
#include "scheduler/handler.h"

#include <errno.h>

#include "scheduler/facts.h"
#include "scheduler/log.h"

static void audit(struct call *c, const char *group, const char *path)
{
	const char *verb = c->args->cmd->word;
	json_t *o = json_pack("{s:s}", "group", group);

	log_info("group %s: %s%s%s by %s", group, verb, path ? " " : "", path ? path : "", c->who);
	if (path)
		json_object_set_new(o, "path", facts_text(path));
	call_audit(c, o);
}

enum handled cmd_confirm(struct call *c)
{
	const char *group = args_text(c->args, "group");
	int r;

	if (!call_scope_known(c, NULL, group))
		return HANDLED;
	r = hub_confirm(c->daemon->hub, group);
	if (r < 0)
		return call_fail(c, 409,
				 "group %s does not stand still because files are gone or its "
				 "directory is another: nothing is to be confirmed",
				 group);
	audit(c, group, NULL);
	return call_answer(c, json_pack("{s:s, s:s}", "group", group, "done", "confirm"));
}

enum handled cmd_publish(struct call *c)
{
	const char *group = args_text(c->args, "group"), *path = args_text(c->args, "path");
	char why[1200];

	if (!call_scope_known(c, NULL, group))
		return HANDLED;
	if (!args_flag(c->args, "force"))
		return call_fail(c, 400,
				 "publish: sets are published by themselves; --force is for one "
				 "that is held ('spokesync why' says what holds it)");
	if (hub_force(c->daemon->hub, group, path, why, sizeof(why)) < 0)
		return call_fail(c, 404, "no set of group %s has a file %s", group, path);
	audit(c, group, path);
	return call_answer(c,
			   json_pack("{s:s, s:o, s:o, s:s}", "group", group, "path",
				     facts_text(path), "held", facts_text(why), "done", "publish"));
}
