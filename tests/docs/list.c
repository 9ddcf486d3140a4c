/*
 * list.c: prints what the documentation must name, for tests/check_docs: every configuration key,
 * every command with its options and as a request with the right it needs, every event of the job
 * log, every request that a spoke answers, and every limit of the protocol, a line each, from the
 * tables and constants that the programs go by.
 */
#include <inttypes.h>
#include <stdio.h>

#include "policy/base.h"
#include "policy/keys.h"
#include "scheduler/command.h"
#include "scheduler/joblog.h"
#include "scheduler/spoke_state.h"
#include "transfer/wire.h"

static const struct {
	const char *what;
	uint64_t most;
	const char *unit;
	uint64_t one;
} limits[] = {
	{"size of a file", FILE_SIZE_MAX, "TiB", 1024 * GIB},
	{"path below the group", WIRE_PATH_MAX, "bytes", 1},
	{"name of a group", WIRE_NAME_MAX, "bytes", 1},
	{"groups of a spoke", WIRE_GROUPS_MAX, "", 1},
	{"JSON body, either way", WIRE_BODY_MAX, "MiB", MIB},
	{"entries of one inventory answer", WIRE_ENTRIES_MAX, "", 1},
	{"runs in a list", WIRE_RUNS_MAX, "", 1},
	{"operations of one publish", WIRE_OPS_MAX, "", 1},
	{"bytes of one PUT", WIRE_PUT_MAX, "GiB", GIB},
	{"header of a bundle", BUNDLE_HEADER_MAX, "MiB", MIB},
	{"bases of a plan", FRAME_BASES_MAX, "", 1},
	{"nodes of a frame", FRAME_NODES_MAX, "", 1},
	{"operations of a frame", FRAME_OPS_MAX, "", 1},
	{"parts of a frame", FRAME_PARTS_MAX, "", 1},
	{"literals of a frame", FRAME_LITERALS_MAX, "MiB", MIB},
};

static void list_key(void *arg, const struct key *key)
{
	(void)arg;
	printf("key %s %s\n", keys_section_word(key->section), key->name);
}

int main(void)
{
	keys_each(list_key, NULL);
	for (size_t i = 0; i < COMMANDS_N; i++) {
		const struct command *c = &command_table[i];

		printf("command %s\n", c->word);
		printf("verb %s %s %s%s%s\n", c->method, c->path,
		       c->right == RIGHT_CHANGE ? "change" : "read",
		       c->roles & ON_HUB ? " hub" : "", c->roles & ON_SPOKE ? " spoke" : "");
		for (size_t k = 0; c->args[k].name; k++) {
			if (!c->args[k].place)
				printf("option %s --%s\n", c->word, c->args[k].name);
		}
	}
	for (enum event e = 0; e < EVENTS_N; e++)
		printf("event %s\n", event_word(e));
	for (const struct spoke_verb *v = spoke_verbs; v->method; v++)
		printf("asked %s %s\n", v->method, v->path);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		printf("limit |  %s:  %" PRIu64 "%s%s\n", limits[i].what,
		       limits[i].most / limits[i].one, *limits[i].unit ? " " : "", limits[i].unit);
	return 0;
}
