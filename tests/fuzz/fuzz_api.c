/*
 * fuzz_api.c: the control API's input before any handler sees it: method and path, the arguments of
 * a query, and a body of JSON, as control.c takes them. The first byte says which: 0 method, path;
 * 1 a command's body; 2 one argument's value; 3 words of a command line. What is taken can be asked
 * for by every getter.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_path(const char *text)
{
	const char *space = strchr(text, ' ');
	const struct command *cmd = NULL;
	char method[16] = "GET", part[64];
	size_t len = space ? (size_t)(space - text) : 0;

	if (len > 0 && len < sizeof(method)) {
		memcpy(method, text, len);
		method[len] = '\0';
	}
	if (command_by_path(method, space ? space + 1 : text, &cmd, part, sizeof(part)) < 0)
		return;
	assert(cmd >= command_table && cmd < command_table + COMMANDS_N);
	assert(!strcmp(cmd->method, method));
	assert(!strchr(part, '/') && strlen(part) < sizeof(part));
}

/* Every value that was taken is what its kind says. */
static void ask(const struct args *a)
{
	const struct command_arg *arg;
	struct err e;

	for (arg = a->cmd->args; arg->name; arg++) {
		(void)args_text(a, arg->name);
		if (arg->kind == ARG_FLAG)
			(void)args_flag(a, arg->name);
		else if (arg->kind == ARG_NUMBER)
			(void)args_number(a, arg->name, 7);
		else if (arg->kind == ARG_DURATION)
			assert(args_duration(a, arg->name, 1) > 0);
		else if (arg->kind == ARG_RATE)
			assert(args_rate(a, arg->name, 1) > 0);
		else if (arg->kind == ARG_TIME)
			(void)args_time(a, arg->name, (struct wall){1});
	}
	if (args_complete(a, &e) < 0)
		assert(e.text[0]);
}

static void try_body(struct args *a, const char *text, size_t len)
{
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	struct err e = {""};

	if (o && args_set_json(a, o, &e) == 0)
		ask(a);
	else
		assert(!o || e.text[0]);
	json_decref(o);
}

static void try_words(struct args *a, char *text)
{
	char *words[12];
	struct err e;
	int n = 0;

	for (char *w = strtok(text, "\n"); w && n < 12; w = strtok(NULL, "\n"))
		words[n++] = w;
	if (args_set_words(a, n, words, &e) == 0)
		ask(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct command *cmd;
	struct args a;
	struct err e;
	char *text;

	if (size < 3)
		return 0;
	text = malloc(size - 1);
	assert(text);
	memcpy(text, data + 2, size - 2);
	text[size - 2] = '\0';
	cmd = &command_table[data[1] % COMMANDS_N];
	args_init(&a, cmd);
	if (data[0] % 4 == 0)
		try_path(text);
	else if (data[0] % 4 == 1)
		try_body(&a, text, size - 2);
	else if (data[0] % 4 == 3)
		try_words(&a, text);
	else
		for (size_t i = 0; cmd->args[i].name; i++)
			if (args_set(&a, cmd->args[i].name, text, &e) == 0)
				ask(&a);
	args_done(&a);
	free(text);
	return 0;
}
