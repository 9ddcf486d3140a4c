/*
 * call.c: what every handler needs: its answer, its refusal in words, and the scope check; and the
 * table from commands to handlers. See handler.h.
 */
#include "scheduler/handler.h"

#include <stdio.h>

#include "scheduler/facts.h"
#include "scheduler/joblog.h"

static handler_fn *const handlers[COMMANDS_N] = {
	[CMD_STATUS] = cmd_status,
	[CMD_JOBS] = cmd_jobs,
	[CMD_JOB] = cmd_job,
	[CMD_SPOKES] = cmd_spokes,
	[CMD_GROUPS] = cmd_groups,
	[CMD_WHY] = cmd_why,
	[CMD_BACKLOG] = cmd_backlog,
	[CMD_MATRIX] = cmd_matrix,
	[CMD_WINDOWS] = cmd_windows,
	[CMD_PLAN] = cmd_plan,
	[CMD_EXPLAIN] = cmd_explain,
	[CMD_SYNC_NOW] = cmd_sync_now,
	[CMD_PAUSE] = cmd_pause,
	[CMD_RESUME] = cmd_resume,
	[CMD_STOP_NOW] = cmd_stop_now,
	[CMD_CANCEL] = cmd_cancel,
	[CMD_RETRY] = cmd_retry,
	[CMD_WAIT] = cmd_wait,
	[CMD_LOG] = cmd_log,
	[CMD_EVENTS] = cmd_events,
	[CMD_CONFIG] = cmd_config,
	[CMD_RELOAD] = cmd_reload,
	[CMD_DOCTOR] = cmd_doctor,
	[CMD_PAIR] = cmd_pair,
	[CMD_PRESERVED] = cmd_preserved,
	[CMD_RESTORE] = cmd_restore,
	[CMD_VERIFY] = cmd_verify,
	[CMD_ADOPT] = cmd_adopt,
	[CMD_INSPECT] = cmd_inspect,
	[CMD_CONFIRM] = cmd_confirm,
	[CMD_PUBLISH] = cmd_publish,
	[CMD_REPORT] = cmd_report,
	[CMD_PROBE] = cmd_probe,
};

handler_fn *handler_of(enum command_id id)
{
	return handlers[id];
}

enum handled call_fail(struct call *c, unsigned status, const char *fmt, ...)
{
	va_list ap;

	c->status = status;
	va_start(ap, fmt);
	vsnprintf(c->problem, sizeof(c->problem), fmt, ap);
	va_end(ap);
	return HANDLED;
}

enum handled call_answer(struct call *c, json_t *answer)
{
	c->answer = answer;
	if (!answer)
		return call_fail(c, 500, "the answer cannot be written as JSON");
	return HANDLED;
}

void call_audit(const struct call *c, json_t *facts)
{
	json_object_set_new(facts, "command", json_string(c->args->cmd->word));
	json_object_set_new(facts, "who", json_string(c->who));
	joblog_event(c->daemon->joblog, EVENT_COMMAND, facts);
}

enum handled call_refuse_config(struct call *c, const struct config_errors *errors)
{
	json_t *lines = json_array();
	char detail[200];

	for (size_t i = 0; i < errors->n; i++)
		json_array_append_new(lines, facts_text(errors->text[i]));
	snprintf(detail, sizeof(detail), "%zu %s: nothing was changed", errors->n,
		 errors->n == 1 ? "mistake" : "mistakes");
	c->status = 422;
	return call_answer(c, json_pack("{s:s, s:i, s:s, s:o}", "title", "Configuration refused",
					"status", 422, "detail", detail, "errors", lines));
}

bool call_scope_known(struct call *c, const char *spoke, const char *group)
{
	const struct config *cfg = c->daemon->config;

	if (spoke && !config_spoke(cfg, spoke)) {
		call_fail(c, 404, "there is no spoke '%s'; 'spokesync spokes' lists them", spoke);
		return false;
	}
	if (group && !config_group(cfg, group)) {
		call_fail(c, 404, "there is no group '%s'; 'spokesync groups' lists them", group);
		return false;
	}
	if (spoke && group && !group_has_spoke(config_group(cfg, group), spoke)) {
		call_fail(c, 404, "group %s does not go to spoke %s", group, spoke);
		return false;
	}
	return true;
}
