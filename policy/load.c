/*
 * load.c: files -> sections with their settings, as text. Includes, unknown words, things given
 * twice. What a value means is not known here.
 *
 * Included files are read after the file that names them, each once; a relative glob starts from
 * the directory of the file that holds the line. [daemon] may be continued in an included file (a
 * peer's key is written that way); every other section stands in one place.
 */
#include "policy/build.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/nearest.h"
#include "policy/parse.h"

#define FILES_MOST    10000
#define SECTIONS_MOST 20000
#define SETTINGS_MOST 2000 /* of one section */

struct seen {
	dev_t dev;
	ino_t ino;
};

struct load {
	struct build *b;
	struct section *section; /* NULL: before one, or in one that is not known */
	struct seen *seen;
	const char **queue;   /* files to read; strings of the build */
	struct origin *asked; /* by which line */
	size_t n_queue;
};

static bool name_ok(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._-", s[i]))
			return false;
	return n && n <= CONFIG_NAME_MAX && isalnum((unsigned char)s[0]);
}

/* The kind that a wrong word was meant to be, so that the keys below are still looked at. */
static enum section_kind guess_kind(struct load *l, const char *word, struct origin at)
{
	struct nearest n = nearest_to(word);
	enum section_kind best = SECTION_KINDS;
	char hint[64];

	for (enum section_kind k = 0; k < SECTION_KINDS; k++)
		if (nearest_try(&n, keys_section_word(k)))
			best = k;
	build_problem(l->b, at,
		      "unknown section [%s]; known are daemon, policy NAME, group NAME, "
		      "spoke NAME%s",
		      word, nearest_hint(&n, hint, sizeof(hint)));
	return best;
}

static bool name_wrong(struct load *l, enum section_kind kind, const char *name, struct origin at)
{
	const char *word = keys_section_word(kind);

	if (kind == SECTION_DAEMON && *name)
		build_problem(l->b, at, "[daemon] has no name");
	else if (kind != SECTION_DAEMON && !*name)
		build_problem(l->b, at, "[%s] needs a name: [%s NAME]", word, word);
	else if (kind != SECTION_DAEMON && !name_ok(name))
		build_problem(l->b, at,
			      "the name \"%s\" is not a letter or digit and then letters, digits, "
			      "dots, dashes, underscores",
			      name);
	else if (kind == SECTION_POLICY && !strcmp(name, "always"))
		build_problem(l->b, at,
			      "the policy always is built in (open, unlimited); take another name");
	else
		return false;
	return true;
}

static void on_section(void *arg, const char *word, const char *name, struct origin at)
{
	struct load *l = arg;
	enum section_kind kind = keys_section(word);
	bool misspelt = kind == SECTION_KINDS;
	struct section *old;

	l->section = NULL;
	if (misspelt)
		kind = guess_kind(l, word, at);
	if (kind == SECTION_KINDS || (!misspelt && name_wrong(l, kind, name, at)))
		return;
	old = build_section(l->b, kind, name);
	if (old && kind == SECTION_DAEMON) {
		l->section = old;
		return;
	}
	if (old) {
		build_problem(l->b, at, "[%s %s] is already at %s:%u", word, name, old->at.file,
			      old->at.line);
		return;
	}
	if (l->b->n_sections >= SECTIONS_MOST) {
		build_problem(l->b, at, "more than %d sections", SECTIONS_MOST);
		return;
	}
	l->section = build_add_section(l->b, kind, name, at);
	l->section->misspelt = misspelt;
}

static void unknown_key(struct load *l, const char *name, struct origin at)
{
	char title[SECTION_TITLE], hint[96];
	struct nearest n = nearest_to(name);
	const struct key *near = keys_near(l->section->kind, name);
	enum section_kind other = keys_elsewhere(name);

	section_title(l->section, title, sizeof(title));
	if (near)
		n.word = near->name;
	if (!near && other != SECTION_KINDS)
		build_problem(l->b, at, "the key %s does not belong in %s but in [%s%s]", name,
			      title, keys_section_word(other),
			      other == SECTION_DAEMON ? "" : " NAME");
	else
		build_problem(l->b, at, "unknown key \"%s\" in %s%s", name, title,
			      nearest_hint(&n, hint, sizeof(hint)));
}

static void add_setting(struct section *s, const struct key *key, const char *text,
			struct origin at)
{
	s->settings = xrealloc(s->settings, (s->n_settings + 1) * sizeof(*s->settings));
	s->settings[s->n_settings++] = (struct setting){
		.key = key,
		.text = text ? xstrdup(text) : NULL,
		.at = at,
	};
}

static void queue_file(struct load *l, const char *path, struct origin asked)
{
	size_t n = l->n_queue++;

	l->queue = xrealloc(l->queue, (n + 1) * sizeof(*l->queue));
	l->asked = xrealloc(l->asked, (n + 1) * sizeof(*l->asked));
	l->queue[n] = build_string(l->b, path);
	l->asked[n] = asked;
}

/* A directory that is not there holds no files; one that cannot be read must be told of. */
static int unreadable(const char *path, int error)
{
	(void)path;
	errno = error;
	return error != ENOENT && error != ENOTDIR;
}

/* A directory whose every *.ini file is read, so that a new one may be put there. */
static void remember_dir(struct load *l, const char *pattern)
{
	const char *slash = strrchr(pattern, '/');
	char *dir;

	if (l->b->c.include_dir || (strcmp(slash + 1, "*.ini") && strcmp(slash + 1, "*")))
		return;
	dir = strndup(pattern, MAX((size_t)(slash - pattern), (size_t)1));
	if (dir && !strpbrk(dir, "*?["))
		l->b->c.include_dir = build_string(l->b, dir);
	free(dir);
}

static void include(struct load *l, const char *pattern, struct origin at)
{
	char *full = *pattern == '/' ? xstrdup(pattern) : path_beside(at.file, pattern);
	glob_t g;
	int r;

	if (strchr(full, '/'))
		remember_dir(l, full);
	r = glob(full, 0, unreadable, &g);
	if (r == GLOB_NOMATCH && !strpbrk(pattern, "*?["))
		build_problem(l->b, at, "include: there is no file %s", full);
	else if (r && r != GLOB_NOMATCH)
		build_problem(l->b, at, "include: %s cannot be listed: %s", full, strerror(errno));
	else if (!r && l->n_queue + g.gl_pathc > FILES_MOST)
		build_problem(l->b, at, "include: more than %d files", FILES_MOST);
	else
		for (size_t i = 0; !r && i < g.gl_pathc; i++)
			queue_file(l, g.gl_pathv[i], at);
	if (!r)
		globfree(&g);
	free(full);
}

static void on_value(void *arg, const char *name, const char *text, const char *doubt,
		     struct origin at)
{
	struct load *l = arg;
	struct section *s = l->section;
	const struct setting *before;
	const struct key *key;

	if (!s)
		return;
	key = keys_find(s->kind, name);
	if (!key) {
		unknown_key(l, name, at);
		key = keys_near(s->kind, name);
		if (key)
			add_setting(s, key, NULL, at);
		return;
	}
	before = section_given(s, key);
	if (s->n_settings >= SETTINGS_MOST) {
		build_problem(l->b, at, "more than %d lines in one section", SETTINGS_MOST);
		return;
	}
	if (before && before->text && !(key->flags & KEY_LIST)) {
		build_problem(l->b, at, "%s is already given at %s:%u", name, before->at.file,
			      before->at.line);
		return;
	}
	if (!*text || (doubt && keys_free_text(key))) {
		build_problem(l->b, at, "%s: %s", name, *text ? doubt : "the value is empty");
		add_setting(s, key, NULL, at);
		return;
	}
	add_setting(s, key, text, at);
	if (key->type == KEY_FILES)
		include(l, text, at);
}

static void on_error(void *arg, const char *text, struct origin at)
{
	struct load *l = arg;

	build_problem(l->b, at, "%s", text);
}

/* Opens a regular file that was not read before: 1, 0: was read, or -errno. */
static int open_new(struct load *l, const char *path, FILE **ret)
{
	struct stat st;
	int fd = -1, r = 0;

	/* Looked at before it is opened: opening a device can already do something. */
	if (stat(path, &st) ||
	    (S_ISREG(st.st_mode) && (fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0))
		return -errno;
	if (!S_ISREG(st.st_mode) || fstat(fd, &st) || !S_ISREG(st.st_mode))
		r = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (r)
		goto cleanup;
	for (size_t i = 0; l->seen && i < l->b->n_files; i++)
		if (l->seen[i].dev == st.st_dev && l->seen[i].ino == st.st_ino)
			goto cleanup;
	*ret = fdopen(fd, "r");
	if (!*ret) {
		r = -errno;
		goto cleanup;
	}
	l->seen = xrealloc(l->seen, (l->b->n_files + 1) * sizeof(*l->seen));
	l->seen[l->b->n_files] = (struct seen){st.st_dev, st.st_ino};
	return 1;
cleanup:
	if (fd >= 0)
		close(fd);
	return r;
}

static int read_file(struct load *l, const char *path)
{
	static const struct parse_events events = {on_section, on_value, on_error};
	struct build *b = l->b;
	FILE *f;
	int r = open_new(l, path, &f);

	if (r <= 0)
		return r;
	b->files = xrealloc(b->files, (b->n_files + 1) * sizeof(*b->files));
	b->files[b->n_files++] = path;
	l->section = NULL;
	parse_stream(f, path, &events, l);
	fclose(f);
	return 0;
}

int load_files(struct build *b, const char *file, struct err *e)
{
	struct load l = {.b = b};
	int r;

	b->c.file = build_string(b, file);
	r = read_file(&l, b->c.file);
	if (r)
		err_set(e, r, "%s: %s", file, r == -EINVAL ? "not a regular file" : strerror(-r));
	for (size_t i = 0; !r && i < l.n_queue; i++) {
		int q = read_file(&l, l.queue[i]);

		if (q)
			build_problem(b, l.asked[i], "include: %s: %s", l.queue[i],
				      q == -EINVAL ? "not a regular file" : strerror(-q));
	}
	free(l.seen);
	free(l.queue);
	free(l.asked);
	return r;
}
