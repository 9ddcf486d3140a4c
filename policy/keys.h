/*
 * keys.h: the one table of configuration keys. Parsing, defaults, `spokesync config`, reload and
 * the checks of the man page and of conf/ all go by it; nothing else knows a key by name.
 */
#ifndef SPOKESYNC_POLICY_KEYS_H
#define SPOKESYNC_POLICY_KEYS_H

#include "policy/base.h"

enum section_kind { SECTION_DAEMON, SECTION_POLICY, SECTION_GROUP, SECTION_SPOKE, SECTION_KINDS };

enum key_type {
	KEY_ENUM,  /* one of values, "a|b|c"; stored as min + its place */
	KEY_PATH,  /* absolute */
	KEY_FILES, /* a glob of files to read as well */
	KEY_RATE,  /* aux: its struct origin */
	KEY_SIZE,
	KEY_QUOTA, /* a size or unlimited */
	KEY_DURATION,
	KEY_NUMBER,  /* unsigned or int, min..max */
	KEY_MODE,    /* octal, or hub */
	KEY_NAME,    /* of a user or group, or directory */
	KEY_COMMAND, /* an absolute path and arguments, or none */
	KEY_URL,
	KEY_WEBHOOK, /* a URL to be told at, or none */
	KEY_FILE,    /* an absolute path, or none */
	KEY_EVENTS,  /* words of notice_word(), with commas */
	KEY_LISTEN,
	KEY_PINS,   /* aux: their count */
	KEY_POLICY, /* the name of a policy */
	KEY_SPOKES, /* names, or a pattern */
	KEY_ZONE,
	KEY_WINDOW,
	KEY_SCRUB, /* as a window, into the group's own lines */
	KEY_DATE,
	KEY_DEADLINE,
	KEY_DFSR,    /* a day of DFS Replication */
	KEY_INCLUDE, /* a pattern */
	KEY_EXCLUDE, /* a pattern, into the same filter */
	KEY_LOCK,    /* names of lock files, or none */
	KEY_CAPTURE, /* a pattern of its own, with a group that captures */
};

#define KEY_HUB	       (1u << 0) /* has a meaning where role = hub */
#define KEY_SPOKE      (1u << 1)
#define KEY_HUB_MUST   (1u << 2) /* must be given there */
#define KEY_SPOKE_MUST (1u << 3)
#define KEY_LIST       (1u << 4) /* several lines allowed */
#define KEY_RESTART    (1u << 5) /* a reload cannot change it */
#define KEY_IDENTITY   (1u << 6) /* read by config_load_identity() as well */

struct key {
	const char *name;
	enum section_kind section;
	enum key_type type;
	unsigned flags;
	size_t offset, aux; /* in the section's struct; see the types */
	int64_t min, max;   /* of numbers, sizes and durations */
	/* As it would be written; {state_dir} and {role} stand for those values. NULL: none. */
	const char *def;
	const char *values; /* what may be written */
	const char *help;   /* a sentence without its point */
};

/* Every key, section by section, in the order in which people should meet them. */
typedef void keys_fn(void *arg, const struct key *key);
void keys_each(keys_fn *fn, void *arg);

const char *keys_section_word(enum section_kind kind); /* "daemon", ... */
/* The kind by its word, or SECTION_KINDS. */
enum section_kind keys_section(const char *word);
const struct key *keys_find(enum section_kind section, const char *name); /* or NULL */
/* The nearest key of the section, where one is near enough to be meant, else NULL. */
const struct key *keys_near(enum section_kind section, const char *name);
/* Some section that does have such a key, or SECTION_KINDS. */
enum section_kind keys_elsewhere(const char *name);
/* Free text, in which ; or # might have been meant as a part of the value. */
bool keys_free_text(const struct key *key);

#endif
