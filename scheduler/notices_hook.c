/*
 * notices_hook.c: a notice as a program of the administrator's: its facts as environment and as
 * JSON, and what became of it in the job log. hooks.c keeps their order.
 */
#include "scheduler/notices_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "scheduler/daemon.h"
#include "scheduler/hooks.h"
#include "scheduler/joblog.h"

static char *env_of(const char *key, const json_t *value)
{
	char *name = xasprintf("SPOKESYNC_%s", key), *list = NULL, *longer;
	const json_t *one;
	size_t i;

	for (char *p = name; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	if (json_is_string(value)) {
		list = xstrdup(json_string_value(value));
	} else if (json_is_integer(value)) {
		list = xasprintf("%lld", (long long)json_integer_value(value));
	} else {
		list = xstrdup("");
		json_array_foreach ((json_t *)value, i, one) {
			longer = xasprintf("%s%s%s", list, i ? "," : "",
					   json_string_value(one) ?: "");
			free(list);
			list = longer;
		}
	}
	longer = xasprintf("%s=%s", name, list);
	free(name);
	free(list);
	return longer;
}

/* NULL-terminated; each to be freed, and the list. */
static char **environment(const char *body)
{
	json_t *o = json_loads(body, 0, NULL), *value;
	char **env = xcalloc(json_object_size(o) + 1, sizeof(*env));
	const char *key;
	size_t n = 0;

	json_object_foreach (o, key, value) {
		env[n++] = env_of(key, value);
	}
	json_decref(o);
	return env;
}

static void hook_done(void *arg, const struct hook_end *end)
{
	struct notice *x = arg;
	json_t *o = notice_fields(x);
	int exit = WIFEXITED(end->status) ? WEXITSTATUS(end->status) : 128 + WTERMSIG(end->status);

	json_object_set_new(o, "exit", json_integer(end->status < 0 ? 127 : exit));
	json_object_set_new(o, "why",
			    json_sprintf("%s, exit status %d%s", notice_word(x->event),
					 end->status < 0 ? 127 : exit,
					 end->late ? ", its time was over" : ""));
	json_object_set_new(o, "seconds", json_real(end->seconds));
	json_object_set_new(o, "output", json_string(end->output) ?: json_string("(not UTF-8)"));
	joblog_event(x->notices->d->joblog, EVENT_HOOK, o);
	notice_over(x);
}

void notices_hook(struct notice *x, const struct group_cfg *g)
{
	struct notices *n = x->notices;
	char *what = xasprintf("%s %s/%s", notice_word(x->event), x->group, x->path);
	char **env = environment(x->body);
	struct hook_spec spec = {
		.program = g->on[x->event],
		.what = what,
		.input = x->body,
		.env = (const char *const *)env,
		.limit_s = (double)n->d->config->hook_time_us / SECOND_US,
		.done = hook_done,
		.arg = x,
	};

	x->begun = true;
	hooks_run(n->hooks, &spec); /* may be done at once, where it cannot be run */
	for (size_t i = 0; env[i]; i++)
		free(env[i]);
	free(env);
	free(what);
}
