/*
 * command.c: how a row of the command table is found, by word or by path. See command.h.
 * Look-ups only: nothing here runs a command.
 */
#include "scheduler/command.h"

#include <errno.h>
#include <string.h>

#include "policy/nearest.h"

const char *command_nearest(const char *word)
{
	struct nearest n = nearest_to(word);

	for (size_t i = 0; i < COMMANDS_N; i++)
		nearest_try(&n, command_table[i].word);
	return n.word;
}

const struct command *command_by_word(const char *word)
{
	for (size_t i = 0; i < COMMANDS_N; i++) {
		if (!strcmp(command_table[i].word, word))
			return &command_table[i];
	}
	return NULL;
}

/* "until_in_sync" in JSON is "until-in-sync" on the command line. */
static bool same_name(const char *a, const char *b)
{
	while (*a && (*a == *b || (*a == '-' && *b == '_'))) {
		a++;
		b++;
	}
	return !*a && !*b;
}

int command_arg_index(const struct command *cmd, const char *name)
{
	for (int i = 0; cmd->args[i].name; i++) {
		if (same_name(cmd->args[i].name, name))
			return i;
	}
	return -1;
}

/* Does path match the pattern, with one {name} part at most? Copies that part. */
static bool path_matches(const char *pattern, const char *path, char *part, size_t size)
{
	const char *open = strchr(pattern, '{'), *tail;
	size_t head, len;

	part[0] = '\0';
	if (!open)
		return !strcmp(pattern, path);
	head = (size_t)(open - pattern);
	if (strncmp(pattern, path, head))
		return false;
	path += head;
	tail = strchr(open, '}') + 1;
	len = strcspn(path, "/");
	if (!len || len >= size || strcmp(path + len, tail))
		return false;
	memcpy(part, path, len);
	part[len] = '\0';
	return true;
}

int command_by_path(const char *method, const char *path, const struct command **ret, char *part,
		    size_t size)
{
	bool found = false;

	for (size_t i = 0; i < COMMANDS_N; i++) {
		if (!path_matches(command_table[i].path, path, part, size))
			continue;
		found = true;
		if (!strcmp(command_table[i].method, method)) {
			*ret = &command_table[i];
			return 0;
		}
	}
	return found ? -EPERM : -ENOENT;
}
