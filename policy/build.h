/*
 * build.h: a configuration while it is being made; private to policy/.
 *
 *	load     files -> sections with their settings, as text (structure is checked here)
 *	assign   settings -> typed fields, defaults
 *	resolve  names -> pointers
 *	check    rules over the whole
 *
 * Every step reports all it finds and goes on with something harmless, so that one reading tells
 * every mistake, and each mistake once: what follows from an earlier one stays unsaid.
 */
#ifndef SPOKESYNC_POLICY_BUILD_H
#define SPOKESYNC_POLICY_BUILD_H

#include "policy/config.h"
#include "policy/keys.h"

struct setting {
	const struct key *key;
	char *text;  /* as written; NULL: of a misspelt key, which only counts as given */
	char *value; /* the same in its one canonical form; NULL until assigned, or wrong */
	struct origin at;
};

struct section {
	enum section_kind kind;
	char *name;
	struct origin at;
	bool misspelt; /* its kind was guessed */
	bool built_in;
	struct setting *settings; /* in the order of the files */
	size_t n_settings;
	void *base; /* the struct config, policy, group_cfg or spoke_cfg */
};

struct problem {
	unsigned file; /* by the order in which files were read */
	unsigned line;
	unsigned seq;
	char *text;
};

/* The whole of a configuration, its public part first. Sections live as long as it does. */
struct build {
	struct config c;
	unsigned refs;
	char **strings;
	size_t n_strings;
	const char **files;
	size_t n_files;
	struct section **sections; /* [daemon], policies, groups, spokes, each by name */
	size_t n_sections;
	struct problem *problems;
	size_t n_problems;
};

struct build *build_new(void) WARN_UNUSED;
struct build *build_free(struct build *b);
/* A string that lives as long as the configuration. */
const char *build_string(struct build *b, const char *s);
void build_problem(struct build *b, struct origin at, const char *fmt, ...) PRINTF(3, 4);
/* All problems, in the order of the files, into *ret. */
void build_take_problems(struct build *b, struct config_errors *ret);

struct section *build_section(const struct build *b, enum section_kind kind, const char *name);
struct section *build_add_section(struct build *b, enum section_kind kind, const char *name,
				  struct origin at);
/* "[daemon]", "[group vdisks]" */
const char *section_title(const struct section *s, char *buf, size_t size);
#define SECTION_TITLE (CONFIG_NAME_MAX + 16)
/* Was this key given here? The first line with a text, else a misspelt one, or NULL. */
const struct setting *section_given(const struct section *s, const struct key *key);
/* All values of a key, a line each, the default where none is given; NULL: none. To be freed. */
char *section_value(const struct section *s, const struct key *key) WARN_UNUSED;
unsigned role_flag(enum role role); /* KEY_HUB, KEY_SPOKE, 0 */

/* The steps. identity: only the keys with KEY_IDENTITY matter. */
int load_files(struct build *b, const char *file, struct err *e) WARN_UNUSED;
void assign_all(struct build *b, bool identity);
void resolve_all(struct build *b);
void check_all(struct build *b);

/* set->text by its key's type into the section's struct, and its canonical form into set->value. */
int value_set(struct build *b, const struct section *s, struct setting *set,
	      struct err *e) WARN_UNUSED;
/* window = and date = */
int window_line_parse(const char *text, struct window_line *ret, struct err *e) WARN_UNUSED;
int date_line_parse(const char *text, struct window_line *ret, struct err *e) WARN_UNUSED;
/* "mon-fri,sun": names, ranges, commas, daily; bit 0 = monday. Both are a part of such lines. */
#define WINDOW_DAYS_TEXT 40
int window_days_parse(const char *s, uint8_t *ret, struct err *e) WARN_UNUSED;
const char *window_days_print(unsigned days, char buf[WINDOW_DAYS_TEXT]);
/* "mon-fri 22:00-06:00 20Mbit", in the canonical form; to be freed. */
char *window_line_print(const struct window_line *l) WARN_UNUSED;

#endif
