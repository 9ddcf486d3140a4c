/*
 * list.c: prints what the documentation must name, for tests/check_docs: every configuration key
 * and every command with its options, a line each, from the tables that the programs go by.
 */
#include <stdio.h>

#include "policy/keys.h"
#include "scheduler/command.h"

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
		for (size_t k = 0; c->args[k].name; k++) {
			if (!c->args[k].place)
				printf("option %s --%s\n", c->word, c->args[k].name);
		}
	}
	return 0;
}
