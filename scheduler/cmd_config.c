/*
 * cmd_config.c: the configuration: in force, the keys there are, and reading it again. Values come
 * from the policy's own canonical forms; no key is known here by name.
 */
#include "scheduler/handler.h"

#include <stdio.h>
#include <string.h>

#include "policy/keys.h"
#include "scheduler/facts.h"

struct values {
	json_t *sections;
	json_t *last;
	const char *section, *name; /* of last; the configuration's */
};

/* A section is an object {section, name, keys: [{key, value, line}]}; its values come together. */
static void add_value(void *arg, const char *section, const char *name, const char *key,
		      const char *value, struct origin at)
{
	struct values *v = arg;

	if (!v->last || strcmp(v->section, section) || strcmp(v->name, name)) {
		v->last = json_pack("{s:s, s:s, s:[]}", "section", section, "name", name, "keys");
		v->section = section;
		v->name = name;
		json_array_append_new(v->sections, v->last);
	}
	json_array_append_new(json_object_get(v->last, "keys"),
			      json_pack("{s:s, s:o, s:o}", "key", key, "value", facts_text(value),
					"line", facts_line(&at)));
}

static void add_key(void *arg, const struct key *k)
{
	json_t *roles = json_array();

	if (k->flags & KEY_HUB)
		json_array_append_new(roles, json_string("hub"));
	if (k->flags & KEY_SPOKE)
		json_array_append_new(roles, json_string("spoke"));
	json_array_append_new(
		arg, json_pack("{s:s, s:s, s:o, s:o, s:o, s:b, s:b, s:o}", "section",
			       keys_section_word(k->section), "key", k->name, "roles", roles,
			       "values", facts_text(k->values), "default", facts_text(k->def),
			       "several", (k->flags & KEY_LIST) != 0, "reload",
			       (k->flags & KEY_RESTART) == 0, "help", facts_text(k->help)));
}

enum handled cmd_config(struct call *c)
{
	struct values v = {0};
	json_t *keys;

	if (args_flag(c->args, "keys")) {
		keys = json_array();
		keys_each(add_key, keys);
		return call_answer(c, json_pack("{s:o}", "keys", keys));
	}
	v.sections = json_array();
	config_each_value(c->daemon->config, add_value, &v);
	return call_answer(c,
			   json_pack("{s:o, s:o, s:o}", "file", facts_text(c->daemon->config_file),
				     "loaded", facts_time(c->daemon->config_loaded), "sections",
				     v.sections));
}

enum handled cmd_reload(struct call *c)
{
	struct config_errors errors = {0};
	char restart[512];
	enum handled h;

	if (daemon_reload(c->daemon, &errors, restart, sizeof(restart)) < 0)
		h = call_refuse_config(c, &errors);
	else
		h = call_answer(c, json_pack("{s:b, s:s}", "applied", 1, "restart", restart));
	config_errors_done(&errors);
	return h;
}
