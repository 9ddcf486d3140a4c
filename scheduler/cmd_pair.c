/*
 * cmd_pair.c: `pair`: on a spoke a join code is made and waits (spoke_pair.c); on a hub a code is
 * shown to the spoke that it names. What each learns of the other is told to the program, which
 * writes it into the configuration: the daemon has no right to.
 */
#include "scheduler/handler.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/joincode.h"
#include "scheduler/facts.h"
#include "scheduler/spoke_pair.h"
#include "transfer/push.h"
#include "transfer/server.h"

/* The spoke waits a minute for its own program. */
#define PAIR_STALL_US (90 * SECOND_US)

struct joining {
	struct daemon *daemon;
	struct sreq *request; /* the program's */
	struct peer *peer;
	struct joincode code;
	char name[CONFIG_NAME_MAX + 1];
};

/* The request is over, answered or not: never inside the peer's own call. */
static void joining_over(void *arg)
{
	struct joining *j = arg;

	peer_free(j->peer);
	explicit_bzero(&j->code, sizeof(j->code));
	free(j);
}

static void on_paired(void *arg, const struct peer_answer *a, bool in_force)
{
	struct joining *j = arg;
	const struct config *cfg = j->daemon->config;
	char key[PIN_TEXT + 1], *text;
	json_t *o;

	if (a->error == PEER_UNKNOWN_KEY || a->error == PEER_WRONG_KEY) {
		sreq_problem(j->request, 409,
			     a->error == PEER_WRONG_KEY
				     ? "%s answers with another key than that of the join code"
				     : "%s: no join code waits there (any longer); run 'spokesync "
				       "pair' there again",
			     j->code.address);
		return;
	}
	if (a->error != PEER_OK) {
		sreq_problem(j->request, a->error == PEER_REFUSED ? 409 : 502, "%s: %s",
			     j->code.address, a->text);
		return;
	}
	o = json_pack("{s:s, s:s+, s:s, s:b, s:o, s:o}", "spoke", j->name, "url", "https://",
		      j->code.address, "key", pin_print(&j->code.pin, key), "in_force", in_force,
		      "include_dir", facts_absolute(cfg->include_dir), "config",
		      facts_absolute(cfg->file));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	sreq_reply_json(j->request, 200, text ? text : "{}");
	free(text);
}

/* The first part of the host's name, unless it is an address. */
static void name_of_host(const char *address, char *ret, size_t size)
{
	size_t len = strcspn(address, ".:");

	if (*address == '[' || strspn(address, "0123456789.") == strcspn(address, ":"))
		len = 0;
	snprintf(ret, size, "%.*s", (int)MIN(len, size - 1), address);
}

/* Neither this name nor this key is another spoke's. */
static bool is_new(struct call *c, const struct joining *j)
{
	const struct config *cfg = c->daemon->config;

	if (config_spoke(cfg, j->name)) {
		call_fail(c, 409, "there is a [spoke %s] already; --name gives another name",
			  j->name);
		return false;
	}
	for (size_t i = 0; i < cfg->n_spokes; i++)
		for (size_t k = 0; k < cfg->spokes[i].n_pins; k++)
			if (!memcmp(&cfg->spokes[i].pins[k], &j->code.pin, sizeof(j->code.pin))) {
				call_fail(c, 409, "this spoke is known already, as [spoke %s]",
					  cfg->spokes[i].name);
				return false;
			}
	return true;
}

static enum handled join(struct call *c, const char *code)
{
	struct joining *j = xcalloc(1, sizeof(*j));
	struct wire_pair shown;
	struct err e;
	char *url;

	if (joincode_parse(code, &j->code, &e) < 0) {
		call_fail(c, 400, "%s", e.text);
		goto refused;
	}
	if (args_text(c->args, "name"))
		snprintf(j->name, sizeof(j->name), "%s", args_text(c->args, "name"));
	else
		name_of_host(j->code.address, j->name, sizeof(j->name));
	if (!*j->name) {
		call_fail(c, 400, "%s is no name to call a spoke: --name NAME", j->code.address);
		goto refused;
	}
	if (!is_new(c, j))
		goto refused;
	call_audit(c, json_object());
	j->daemon = c->daemon;
	j->request = c->request;
	url = xasprintf("https://%s", j->code.address);
	j->peer = peer_new(hub_http(c->daemon->hub), url, &j->code.pin, 1, c->daemon->key, NULL);
	free(url);
	peer_set_stall(j->peer, PAIR_STALL_US);
	sreq_on_over(c->request, joining_over, j);
	memcpy(shown.secret, j->code.secret, sizeof(shown.secret));
	peer_pair(j->peer, &shown, on_paired, j);
	wire_pair_done(&shown);
	return HANDLED_LATER;
refused:
	free(j);
	return HANDLED;
}

enum handled cmd_pair(struct call *c)
{
	const char *code = args_text(c->args, "code"), *address = args_text(c->args, "address");
	struct err e;
	int r;

	if (c->daemon->hub) {
		if (address || !code)
			return call_fail(
				c, 400,
				"pair on the hub takes the CODE that 'spokesync pair' prints "
				"on the spoke");
		return join(c, code);
	}
	if (code || args_text(c->args, "name"))
		return call_fail(c, 400, "pair on a spoke makes a code; the hub takes it");
	r = spoke_pair_begin(c->daemon->spoke, address, c->request, &e);
	if (r < 0)
		return call_fail(c, r == -EBUSY ? 409 : 400, "%s", e.text);
	call_audit(c, json_object());
	return HANDLED_LATER;
}
