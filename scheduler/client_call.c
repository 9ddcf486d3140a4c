/*
 * client_call.c: from checked arguments to a request, from an answer to JSON and an exit code. What
 * went wrong is said here, once, for every command.
 */
#include "scheduler/client.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/view.h"
#include "transfer/http_unix.h"

/* A value for a query or a part of a path; to be freed. */
static char *escape(const char *value)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = xcalloc(3 * strlen(value) + 1, 1), *p = out;

	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (isalnum(c) || strchr("-._~", c)) {
			*p++ = (char)c;
		} else {
			*p++ = '%';
			*p++ = hex[c >> 4];
			*p++ = hex[c & 15];
		}
	}
	return out;
}

/* The path with its {argument} filled in, and for a GET the query. To be freed. */
static char *request_path(const struct args *a)
{
	const struct command *cmd = a->cmd;
	const char *open = strchr(cmd->path, '{');
	bool get = !strcmp(cmd->method, "GET");
	char *path, *value, *longer;
	const char *mark = "?";

	if (open) {
		value = escape(args_text(a, "job"));
		path = xasprintf("%.*s%s%s", (int)(open - cmd->path), cmd->path, value,
				 strchr(open, '}') + 1);
		free(value);
	} else {
		path = xstrdup(cmd->path);
	}
	for (size_t i = 0; get && cmd->args[i].name; i++) {
		if (!a->value[i] || cmd->args[i].local ||
		    (open && !strcmp(cmd->args[i].name, "job")))
			continue;
		value = escape(a->value[i]);
		longer = xasprintf("%s%s%s=%s", path, mark, cmd->args[i].name, value);
		free(value);
		free(path);
		path = longer;
		mark = "&";
	}
	return path;
}

/* The JSON body of a POST, or NULL. To be freed. */
static char *request_body(const struct args *a)
{
	const struct command *cmd = a->cmd;
	bool in_path = strchr(cmd->path, '{');
	json_t *o;
	char *text;

	if (strcmp(cmd->method, "POST"))
		return NULL;
	o = json_object();
	for (size_t i = 0; cmd->args[i].name; i++) {
		if (!a->value[i] || cmd->args[i].local ||
		    (in_path && !strcmp(cmd->args[i].name, "job")))
			continue;
		json_object_set_new(o, cmd->args[i].name,
				    cmd->args[i].kind == ARG_FLAG ? json_true()
								  : json_string(a->value[i]));
	}
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

static int exit_of_error(const struct client *c, int error, const struct err *e)
{
	if (error == -ENOENT || error == -ECONNREFUSED) {
		fprintf(stderr,
			"spokesync: no daemon answers at %s (is spokesyncd running? -S or -c "
			"names another)\n",
			c->socket);
		return EXIT_NO_DAEMON;
	}
	if (error == -EACCES || error == -EPERM) {
		fprintf(stderr,
			"spokesync: %s: only root, the daemon's user and its control_group may "
			"use it\n",
			c->socket);
		return EXIT_REFUSED;
	}
	if (error == -ECONNRESET) {
		fprintf(stderr, "spokesync: the daemon at %s ended the connection\n", c->socket);
		return EXIT_NO_DAEMON;
	}
	fprintf(stderr, "spokesync: %s\n", e->text);
	return EXIT_FAILED;
}

static int exit_of_status(long status)
{
	switch (status) {
	case 400:
		return EXIT_BAD_USAGE;
	case 403:
	case 405:
	case 409:
		return EXIT_REFUSED;
	case 503:
		return EXIT_NO_DAEMON;
	case 504:
		return EXIT_UNFINISHED;
	default:
		return status >= 200 && status < 300 ? EXIT_DONE : EXIT_FAILED;
	}
}

/* Says what the daemon said; "errors" are lines of their own. */
static void say_problem(const struct client *c, long status, const json_t *answer, const char *text)
{
	const char *detail = client_str(answer, "detail");
	json_t *errors = json_object_get(answer, "errors"), *line;
	size_t i;

	if (c->json && *text)
		printf("%s\n", text);
	json_array_foreach (errors, i, line) {
		view_puts(stderr, json_string_value(line) ?: "");
		fputc('\n', stderr);
	}
	fputs("spokesync: ", stderr);
	if (*detail)
		view_puts(stderr, detail);
	else
		fprintf(stderr, "the daemon answered %ld", status);
	fputc('\n', stderr);
}

/* Takes the body. */
static int take_answer(const struct client *c, long status, char *body, json_t **ret)
{
	json_t *answer = json_loads(body, 0, NULL);
	int code = exit_of_status(status);

	if (code == EXIT_DONE && !answer) {
		fprintf(stderr, "spokesync: the daemon's answer is not JSON\n");
		code = EXIT_FAILED;
	} else if (code != EXIT_DONE) {
		say_problem(c, status, answer, body);
		json_decref(answer);
	} else {
		*ret = answer;
	}
	free(body);
	return code;
}

int client_call(const struct client *c, const struct args *a, json_t **ret)
{
	char *path = request_path(a), *body = request_body(a), *got = NULL;
	struct http_unix_spec spec = {
		.socket = c->socket,
		.method = a->cmd->method,
		.path = path,
		.body = body,
	};
	struct err e = {0};
	long status = 0;
	int error = http_unix_call(&spec, &status, &got, &e);

	free(path);
	free(body);
	return error < 0 ? exit_of_error(c, error, &e) : take_answer(c, status, got, ret);
}

int client_call_by(const struct client *c, enum command_id id, json_t **ret, ...)
{
	const char *name, *value;
	struct err e = {0};
	struct args a;
	int r = 0;
	va_list ap;

	args_init(&a, &command_table[id]);
	va_start(ap, ret);
	while (!r && (name = va_arg(ap, const char *))) {
		value = va_arg(ap, const char *);
		if (value)
			r = args_set(&a, name, value, &e);
	}
	va_end(ap);
	if (r < 0) {
		fprintf(stderr, "spokesync: %s\n", e.text);
		r = EXIT_BAD_USAGE;
	} else {
		r = client_call(c, &a, ret);
	}
	args_done(&a);
	return r;
}

int client_stream(const struct client *c, const struct args *a,
		  bool (*line)(void *arg, const char *line), void *arg)
{
	char *path = request_path(a), *body = request_body(a), *got = NULL;
	struct http_unix_spec spec = {
		.socket = c->socket,
		.method = a->cmd->method,
		.path = path,
		.body = body,
		.line = line,
		.arg = arg,
	};
	json_t *problem = NULL;
	struct err e = {0};
	long status = 0;
	int error = http_unix_call(&spec, &status, &got, &e), code;

	free(path);
	free(body);
	if (error < 0)
		return exit_of_error(c, error, &e);
	code = exit_of_status(status);
	if (code != EXIT_DONE) {
		problem = json_loads(got, 0, NULL);
		say_problem(c, status, problem, got);
		json_decref(problem);
	}
	free(got);
	return code;
}
