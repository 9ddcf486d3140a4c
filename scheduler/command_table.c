/*
 * command_table.c: the rows of the command table. Only data: command.c finds rows, the handlers and
 * the program's printers are found by a row's id.
 */
#include "scheduler/command.h"

/* clang-format off */
#define VALUES(name_, kind_, meta_, help_) .name = name_, .kind = kind_, .meta = meta_, .help = help_
#define OPTION(name_, kind_, meta_, help_) {VALUES(name_, kind_, meta_, help_)}
#define LOCAL(name_, kind_, meta_, help_)  {VALUES(name_, kind_, meta_, help_), .local = true}
#define PLACE(place_, name_, kind_, meta_, help_) \
	{VALUES(name_, kind_, meta_, help_), .place = place_}
#define NEEDED(place_, name_, kind_, meta_, help_) \
	{VALUES(name_, kind_, meta_, help_), .place = place_, .needed = true}

#define SPOKE_SCOPE  PLACE(1, "spoke", ARG_NAME, "SPOKE", "this spoke only")
#define ALL_SCOPE    OPTION("all", ARG_FLAG, NULL, "every spoke")
#define GROUP_SCOPE  OPTION("group", ARG_NAME, "GROUP", "this group only")
#define REASON	     OPTION("reason", ARG_TEXT, "TEXT", "why; kept in the job log and in status")
#define ENDED_REASON OPTION("reason", ARG_TEXT, "TEXT", "why; kept in the job log")
#define SPOKE_OPTION OPTION("spoke", ARG_NAME, "SPOKE", "this spoke only")
#define GROUP_OPTION OPTION("group", ARG_NAME, "GROUP", "this group only")

const struct command command_table[COMMANDS_N] = {
	[CMD_STATUS] = {
		.id = CMD_STATUS, .word = "status", .method = "GET", .path = "/v1/status",
		.right = RIGHT_READ, .roles = ON_BOTH,
		.usage = "[--watch | --check]",
		.summary = "what moves, what waits and why",
		.help = "Shows the daemon, its groups and spokes, the overrides in force and every "
			"transfer that runs, with a progress bar, its rate, when it will be done and "
			"what it waits for. With --watch the screen is drawn again each second; where "
			"the output is no terminal, a plain line is printed for each change. With "
			"--check one line is printed and the exit code is 0 (ok), 1 (warning) or 2 "
			"(critical), as monitoring systems like it.",
		.args = {
			LOCAL("watch", ARG_FLAG, NULL,
			      "go on, drawn again each second"),
			LOCAL("check", ARG_FLAG, NULL,
			      "one line; exit 0 ok, 1 warning, 2 critical"),
		},
	},
	[CMD_JOBS] = {
		.id = CMD_JOBS, .word = "jobs", .method = "GET", .path = "/v1/jobs",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "[--all] [--spoke SPOKE] [--group GROUP]",
		.summary = "the queue: a line for each version on its way to a spoke",
		.help = "Lists unfinished jobs by spoke, in the order in which they will run, with "
			"state, progress and reason. With --all also those that ended lately.",
		.args = {
			OPTION("all", ARG_FLAG, NULL, "also jobs that ended"),
			SPOKE_OPTION,
			GROUP_OPTION,
		},
	},
	[CMD_JOB] = {
		.id = CMD_JOB, .word = "job", .method = "GET", .path = "/v1/jobs/{job}",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "JOB",
		.summary = "one job with all its figures",
		.help = "Shows everything that is known of one job: bytes logical, literal and on the "
			"wire, rates, resumes, repairs, bases, and in sentences what it waits for.",
		.args = {
			NEEDED(1, "job", ARG_NUMBER, "JOB", "number of the job"),
		},
	},
	[CMD_SPOKES] = {
		.id = CMD_SPOKES, .word = "spokes", .method = "GET", .path = "/v1/spokes",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "",
		.summary = "the spokes: reachable or why not, window, rate, backlog",
		.help = "A line for each spoke: whether it answers (else why not and when it is tried "
			"again), its time zone, whether its windows are open now, the rate in "
			"force, running transfers and what is still to be sent.",
	},
	[CMD_GROUPS] = {
		.id = CMD_GROUPS, .word = "groups", .method = "GET", .path = "/v1/groups",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "",
		.summary = "the groups: files, bytes, what is not settled or is skipped",
		.help = "A line for each group: its directory, settled files and bytes, files that are "
			"not settled yet, files that are skipped, how old bytes are kept (reflink or "
			"copy), and what is wrong where the group stands still.",
	},
	[CMD_WHY] = {
		.id = CMD_WHY, .word = "why", .method = "GET", .path = "/v1/why",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "JOB | SPOKE PATH [--group GROUP]",
		.summary = "why is this not there yet, in sentences",
		.help = "Says why a job does not move: the window and when it opens, the free slots, "
			"the spoke's state and the next try, space with figures, a pause and who set it. "
			"With SPOKE and PATH it also explains files that have no job: already there, "
			"not settled, skipped, excluded by a line of the configuration, or unknown.",
		.args = {
			PLACE(1, "job", ARG_NUMBER, "JOB", "number of the job"),
			PLACE(1, "spoke", ARG_NAME, "SPOKE",
			      "the spoke where the file is missed"),
			PLACE(2, "path", ARG_PATH, "PATH",
			      "path of the file below its group"),
			OPTION("group", ARG_NAME, "GROUP",
			       "the group, where the path is in several"),
		},
	},
	[CMD_BACKLOG] = {
		.id = CMD_BACKLOG, .word = "backlog", .method = "GET", .path = "/v1/backlog",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "[SPOKE] [--group GROUP]",
		.summary = "what each spoke does not have yet: files and bytes",
		.help = "For each spoke and group: the number and size of versions that the spoke does "
			"not hold, when they will be there, and which they are; then the files that are "
			"not settled yet, each with its reason.",
		.args = {SPOKE_SCOPE, GROUP_OPTION},
	},
	[CMD_MATRIX] = {
		.id = CMD_MATRIX, .word = "matrix", .method = "GET", .path = "/v1/matrix",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "[SPOKE] [--group GROUP]",
		.summary = "which version is where: a row a file, a column a spoke",
		.help = "The fleet at a glance, a cell for each file and spoke: absent (and when it will "
			"be there), moving (how much of it came, and when it is done), staged (all "
			"there, not published), published, or drifted (what lies there was not sent "
			"from here).",
		.args = {SPOKE_SCOPE, GROUP_OPTION},
	},
	[CMD_INSPECT] = {
		.id = CMD_INSPECT, .word = "inspect", .method = "GET", .path = "/v1/inspect",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "FILE [--group GROUP]",
		.summary = "what a file is: format, chain, clean or not, who has its blocks",
		.help = "Looks at a file of a group on the hub: the format and the disk in it, whether its "
			"headers say that it is whole and whether it is in use, the images that it "
			"builds on and whether they are the right ones, its root, and which other "
			"contents of the group have how much of it. Says what it cannot say, and why. "
			"FILE is a path below a group's directory, or an absolute path, or one that "
			"begins with ./ or ../.",
		.args = {
			NEEDED(1, "file", ARG_FILE, "FILE", "the file"),
			GROUP_OPTION,
		},
	},
	[CMD_REPORT] = {
		.id = CMD_REPORT, .word = "report", .method = "GET", .path = "/v1/report",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "[--since T]",
		.summary = "the health of hub and spokes, and what was done and saved, for a period",
		.help = "For the period from --since (default: a day) until now: what is wrong; for each "
			"group what was published, how many bytes that is, and where they were saved "
			"(holes, blocks that the spoke had, compression) down to the wire; for each "
			"spoke its state, backlog, windows used and time on the line; deadlines "
			"missed; every error with its times; the room on the disks. Counters are kept "
			"by the hour for 100 days, over restarts and whatever becomes of the job log.",
		.args = {
			OPTION("since", ARG_TIME, "T",
			       "from the hour of then on: 22:00, 2026-11-22, or 7d (ago)"),
		},
	},
	[CMD_WINDOWS] = {
		.id = CMD_WINDOWS, .word = "windows", .method = "GET", .path = "/v1/windows",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "[SPOKE | --policy POLICY] [--next N | --at TIME | --week | --dfsr]",
		.summary = "open or closed now, at what rate, and the coming edges",
		.help = "For each policy on each spoke: its zone, whether it is open and at what rate, "
			"the line of the configuration that decides, and the next edges in local "
			"time and UTC; where the clocks changed on the way, that is said. With --at "
			"what holds at that time, exceptions that last till then included. With "
			"--week seven days are drawn, from today or the day of --at on. With --dfsr "
			"policies are printed as the day strings of DFS Replication; what these "
			"cannot say becomes the lower rate, and is told.",
		.args = {
			SPOKE_SCOPE,
			OPTION("policy", ARG_NAME, "POLICY",
			       "this policy by itself, without limits of hub and spoke"),
			OPTION("next", ARG_NUMBER, "N",
			       "so many coming edges, 1 to 100 (default 4)"),
			OPTION("at", ARG_TIME, "TIME",
			       "then instead of now: 22:00, 2026-11-22 22:00, 90m"),
			OPTION("week", ARG_FLAG, NULL, "seven days as a grid"),
			OPTION("dfsr", ARG_FLAG, NULL,
			       "policies as day strings of DFS Replication"),
		},
	},
	[CMD_PLAN] = {
		.id = CMD_PLAN, .word = "plan", .method = "GET", .path = "/v1/plan",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "[--spoke SPOKE] [--at TIME] [--what-if FILE]",
		.summary = "the queue run forward: what moves when, and what will be late",
		.help = "Runs the scheduler forward in virtual time from the queue of now: a table for "
			"each window of what moves in it, when each job is done, and what misses its "
			"deadline. With --at only up to that time. With --what-if as it would be "
			"with that configuration instead of the one in force; nothing is changed.",
		.args = {
			SPOKE_OPTION,
			OPTION("at", ARG_TIME, "TIME",
			       "up to then, such as 06:00 or 8h"),
			OPTION("what-if", ARG_TEXT, "FILE",
			       "with this configuration (changes nothing)"),
		},
	},
	[CMD_EXPLAIN] = {
		.id = CMD_EXPLAIN, .word = "explain", .method = "GET", .path = "/v1/explain",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "SPOKE [PATH] [--group GROUP]",
		.summary =
			"which lines decide the rate in force, and whether a path is taken",
		.help = "Prints the chain of limits from the hub to the spoke and its policy, each with "
			"its rate and the line of the configuration that set it, the least of them and "
			"until when it holds. With PATH also which include or exclude line decides.",
		.args = {
			NEEDED(1, "spoke", ARG_NAME, "SPOKE", "the spoke"),
			PLACE(2, "path", ARG_PATH, "PATH",
			      "path of a file below its group"),
			GROUP_OPTION,
		},
	},
	[CMD_SYNC_NOW] = {
		.id = CMD_SYNC_NOW, .word = "sync-now", .method = "POST", .path = "/v1/sync-now",
		.right = RIGHT_CHANGE, .roles = ON_HUB,
		.usage =
			"SPOKE|--all [--group GROUP] [--for D | --until-in-sync] [--rate R] "
			"[--reason TEXT] [--wait [--timeout D]]",
		.summary = "open the windows now, for a time or until all is there",
		.help = "Opens the scope whatever the windows say, and closes it by itself: after --for "
			"(such as 90m), or, by default, when what is catalogued now is in sync (after "
			"24 hours at the latest). Without --rate the rates of the spoke and the hub "
			"apply. With --wait the program ends when all that is there now is published: "
			"also files that have not settled yet, which it then is open for as well.",
		.args = {
			SPOKE_SCOPE,
			ALL_SCOPE,
			GROUP_SCOPE,
			OPTION("for", ARG_DURATION, "D",
			       "for so long, such as 90m"),
			OPTION("until-in-sync", ARG_FLAG, NULL,
			       "until the versions catalogued now are there (default)"),
			OPTION("rate", ARG_RATE, "R",
			       "at most this rate, such as 20Mbit"),
			REASON,
			OPTION("wait", ARG_FLAG, NULL, "wait until it is done"),
			LOCAL("timeout", ARG_DURATION, "D",
			      "with --wait: no longer than this"),
		},
	},
	[CMD_PAUSE] = {
		.id = CMD_PAUSE, .word = "pause", .method = "POST", .path = "/v1/pause",
		.right = RIGHT_CHANGE, .roles = ON_HUB,
		.usage =
			"[SPOKE|--all] [--group GROUP] --for D | --until T [--reason TEXT]",
		.summary = "send nothing for a time",
		.help = "Closes the scope (without SPOKE: every spoke) for a time, whatever windows and "
			"sync-now say. Running transfers end within a second and keep their progress.",
		.args = {
			SPOKE_SCOPE,
			ALL_SCOPE,
			GROUP_SCOPE,
			OPTION("for", ARG_DURATION, "D", "for so long, such as 2h"),
			OPTION("until", ARG_TIME, "T", "until then, such as 18:00"),
			REASON,
		},
	},
	[CMD_RESUME] = {
		.id = CMD_RESUME, .word = "resume", .method = "POST", .path = "/v1/resume",
		.right = RIGHT_CHANGE, .roles = ON_HUB,
		.usage = "[SPOKE|--all] [--group GROUP] [--reason TEXT]",
		.summary = "end a pause before its time",
		.help = "Ends the pause of exactly this scope; the windows then decide again.",
		.args = {SPOKE_SCOPE, ALL_SCOPE, GROUP_SCOPE, ENDED_REASON},
	},
	[CMD_STOP_NOW] = {
		.id = CMD_STOP_NOW, .word = "stop-now", .method = "POST", .path = "/v1/stop-now",
		.right = RIGHT_CHANGE, .roles = ON_HUB,
		.usage = "[SPOKE|--all] [--group GROUP] [--reason TEXT]",
		.summary = "end a sync-now before its time",
		.help = "Ends every sync-now that overlaps the scope; the windows then decide again.",
		.args = {SPOKE_SCOPE, ALL_SCOPE, GROUP_SCOPE, ENDED_REASON},
	},
	[CMD_CANCEL] = {
		.id = CMD_CANCEL, .word = "cancel", .method = "POST", .path = "/v1/jobs/{job}/cancel",
		.right = RIGHT_CHANGE, .roles = ON_HUB,
		.usage = "JOB",
		.summary = "give up a job",
		.help = "Ends the job. What it brought so far is dropped on the spoke; a newer version of "
			"the file makes a new job.",
		.args = {
			NEEDED(1, "job", ARG_NUMBER, "JOB", "number of the job"),
		},
	},
	[CMD_RETRY] = {
		.id = CMD_RETRY, .word = "retry", .method = "POST", .path = "/v1/jobs/{job}/retry",
		.right = RIGHT_CHANGE, .roles = ON_HUB,
		.usage = "JOB",
		.summary = "try a job again now",
		.help = "Ends the wait after a failure, a refusal or a cancellation and tries again, "
			"inside the windows.",
		.args = {
			NEEDED(1, "job", ARG_NUMBER, "JOB", "number of the job"),
		},
	},
	[CMD_CONFIRM] = {
		.id = CMD_CONFIRM, .word = "confirm", .method = "POST", .path = "/v1/confirm",
		.right = RIGHT_CHANGE, .roles = ON_HUB,
		.usage = "GROUP",
		.summary = "let the files go that are gone, and the group go on",
		.help = "A group whose files are all gone at once, or more of them than max_delete, "
			"stands still, since that is more often a lost mount than a wish. This says "
			"that it is a wish: they are deleted on the spokes as well, where "
			"preserved/ keeps them for a time.",
		.args = {
			NEEDED(1, "group", ARG_NAME, "GROUP", "the group"),
		},
	},
	[CMD_PUBLISH] = {
		.id = CMD_PUBLISH, .word = "publish", .method = "POST", .path = "/v1/publish",
		.right = RIGHT_CHANGE, .roles = ON_HUB,
		.usage = "GROUP PATH --force",
		.summary = "publish a set that is held",
		.help = "Publishes the set that this file is of, on each spoke that has all of it, "
			"though a parent changed under a child, a parent or what a manifest lists is "
			"missing, or other spokes have not staged it. It holds until one of its "
			"files changes. What has not "
			"settled is waited for all the same.",
		.args = {
			NEEDED(1, "group", ARG_NAME, "GROUP", "the group"),
			NEEDED(2, "path", ARG_PATH, "PATH", "a file of the set, below the group"),
			OPTION("force", ARG_FLAG, NULL, "that is what is wanted"),
		},
	},
	[CMD_WAIT] = {
		.id = CMD_WAIT, .word = "wait", .method = "POST", .path = "/v1/wait",
		.right = RIGHT_READ, .roles = ON_HUB,
		.usage = "[--spoke SPOKE] [--group GROUP] [--sync-now ID] [--timeout D]",
		.summary = "return when all that is there now is published",
		.help = "Scans the groups, waits until all that lies there has settled, and until it is "
			"published on every spoke of the scope. Exits 0 then, 1 as soon as a job of "
			"the scope has failed for good, 5 when --timeout (default: none) is over. "
			"With --sync-now that one, if it is till all is in sync, stays open for files "
			"that have not settled yet, for as long as this program waits.",
		.args = {
			SPOKE_OPTION,
			GROUP_OPTION,
			OPTION("sync-now", ARG_NUMBER, "ID",
			       "hold the sync-now of this number till all has settled"),
			OPTION("timeout", ARG_DURATION, "D",
			       "no longer than this, such as 10m"),
		},
	},
	[CMD_PROBE] = {
		.id = CMD_PROBE, .word = "probe", .method = "POST", .path = "/v1/probe",
		.right = RIGHT_CHANGE, .roles = ON_HUB,
		.usage = "[SPOKE] [--group GROUP] [--now] [--timeout D]",
		.summary = "how long a small file takes to each spoke and back",
		.help = "Writes a small file into the directory of each group, sees it go to the spokes "
			"as any other does, removes it everywhere, and prints for each spoke how long "
			"it took: until it was seen and read here, until it was its turn, and from then "
			"until the spoke had published it and said so. Where windows are closed it waits "
			"for them, unless --now opens them for as long as the probe takes, for all of "
			"the group. Exits 5 where a spoke did not have it when --timeout was over.",
		.args = {
			PLACE(1, "spoke", ARG_NAME, "SPOKE", "of this spoke only"),
			GROUP_OPTION,
			OPTION("now", ARG_FLAG, NULL, "whatever the windows say"),
			OPTION("timeout", ARG_DURATION, "D", "no longer than this (default 1m)"),
		},
	},
	[CMD_LOG] = {
		.id = CMD_LOG, .word = "log", .method = "GET", .path = "/v1/log",
		.right = RIGHT_READ, .roles = ON_BOTH,
		.usage = "[--follow] [--job N] [--since T] [--lines N]",
		.summary = "the job log: events, and a summary of each run",
		.help = "Prints the newest lines of the job log for people; with --json as they are. A "
			"summary shows logical, literal and wire bytes, what was saved, average and "
			"peak rate, the time throttled, windows used, bases, the proof, and why it "
			"stopped.",
		.args = {
			OPTION("follow", ARG_FLAG, NULL, "go on with what comes"),
			OPTION("job", ARG_NUMBER, "N", "of this job only"),
			OPTION("since", ARG_TIME, "T",
			       "from then on: 22:00, 2026-11-22, or 2h (ago)"),
			OPTION("lines", ARG_NUMBER, "N",
			       "at most so many (default 200; with --since or --job 5000)"),
		},
	},
	[CMD_EVENTS] = {
		.id = CMD_EVENTS, .word = "events", .method = "GET", .path = "/v1/events",
		.right = RIGHT_READ, .roles = ON_BOTH,
		.usage = "",
		.summary = "what happens from now on, as it happens",
		.help = "Follows the job log from now on, without its past; --json for programs.",
	},
	[CMD_DOCTOR] = {
		.id = CMD_DOCTOR, .word = "doctor", .method = "GET", .path = "/v1/doctor",
		.right = RIGHT_READ, .roles = ON_BOTH,
		.usage = "[--group GROUP]",
		.summary = "what the groups' filesystems can do, and what is missing",
		.help = "Tries in each group's directory, with files that have no name, whether files "
			"can share blocks and tell which, whether reads can pass the page cache, and "
			"whether a file can be sealed; and says what it costs where one cannot. "
			"With -c FILE it also works while no daemon runs.",
		.args = {GROUP_OPTION},
	},
	[CMD_CONFIG] = {
		.id = CMD_CONFIG, .word = "config", .method = "GET", .path = "/v1/config",
		.right = RIGHT_READ, .roles = ON_BOTH,
		.usage = "[--keys]",
		.summary = "the configuration in force, or all keys there are",
		.help = "Prints the values in force. With --keys every key of the format: "
			"section, type, range, default, whether a reload applies it, and its meaning.",
		.args = {
			OPTION("keys", ARG_FLAG, NULL,
			       "the keys there are, with their meaning"),
		},
	},
	[CMD_RELOAD] = {
		.id = CMD_RELOAD, .word = "reload", .method = "POST", .path = "/v1/reload",
		.right = RIGHT_CHANGE, .roles = ON_BOTH,
		.usage = "",
		.summary = "read the configuration again: whole or not at all",
		.help = "As SIGHUP. Every mistake is reported with file and line, and then nothing is "
			"changed. Running transfers go on and obey new rates and windows within a "
			"second. Names the keys that need a restart.",
	},
	[CMD_PAIR] = {
		.id = CMD_PAIR, .word = "pair", .method = "POST", .path = "/v1/pair",
		.right = RIGHT_CHANGE, .roles = ON_BOTH,
		.usage = "[--address HOST[:PORT]] | CODE [--name NAME]",
		.summary = "make a hub and a spoke known to each other, by a join code",
		.help = "On the spoke: prints a join code, and waits. The code holds where the spoke "
			"is, its key and a secret; it is good for one hub, five tries and an hour, and "
			"ends with this program. On the hub, with that CODE: shows the spoke the "
			"secret and the hub's key. Both programs then write what they learned into a "
			"file of a directory that the configuration includes (include = DIR/*.ini) "
			"and reload; where there is none, they say what to write by hand.",
		.args = {
			PLACE(1, "code", ARG_TEXT, "CODE",
			      "on the hub: what the spoke printed"),
			OPTION("name", ARG_NAME, "NAME",
			       "on the hub: what to call the spoke (default: its host's name)"),
			OPTION("address", ARG_TEXT, "HOST[:PORT]",
			       "on the spoke: where the hub reaches it (default: the name of this "
			       "machine, and the port of listen)"),
		},
	},
	[CMD_VERIFY] = {
		.id = CMD_VERIFY, .word = "verify", .method = "POST", .path = "/v1/verify",
		.right = RIGHT_CHANGE, .roles = ON_HUB,
		.usage = "SPOKE [PATH] [--group GROUP] [--repair] [--progress]",
		.summary = "let a spoke read its contents again, and list what is not right",
		.help = "The spoke reads PATH, or all of the groups that go there, from its disks and "
			"compares the bytes with its records; what differs is hashed. Lists what was "
			"changed, damaged or removed there, restored, or is not the current version. "
			"What drifted is repaired like any drift; with --repair also where drift = "
			"report. Exits 0 where all is right, 1 where something was found. When this "
			"program ends early the spoke reads on.",
		.args = {
			NEEDED(1, "spoke", ARG_NAME, "SPOKE", "the spoke"),
			PLACE(2, "path", ARG_PATH, "PATH", "this file only"),
			GROUP_OPTION,
			OPTION("repair", ARG_FLAG, NULL, "also what is only reported"),
			OPTION("progress", ARG_FLAG, NULL,
			       "meanwhile say how far it is (on a terminal always); with --json in "
			       "lines, the answer last"),
		},
	},
	[CMD_ADOPT] = {
		.id = CMD_ADOPT, .word = "adopt", .method = "POST", .path = "/v1/adopt",
		.right = RIGHT_CHANGE, .roles = ON_SPOKE,
		.usage = "[--dry-run [--hub FILE]] [--group GROUP]",
		.summary = "on a spoke: look at what lies there now, or say what becomes of it",
		.help = "Looks through the groups' directories now, and ends when all that lies there "
			"is hashed: the hub adopts it when it greets the spoke next. With --dry-run the "
			"files are listed instead. With --hub FILE, what 'spokesync matrix SPOKE --json' "
			"printed on the hub, it says what each would be: adopted (the same content, "
			"whatever its times and mode), base (another content of that name: what differs "
			"is sent), copied (the content of another name), or foreign (left alone).",
		.args = {
			OPTION("dry-run", ARG_FLAG, NULL, "only list"),
			LOCAL("hub", ARG_TEXT, "FILE", "what the hub has: its matrix SPOKE --json"),
			GROUP_OPTION,
		},
	},
	[CMD_PRESERVED] = {
		.id = CMD_PRESERVED, .word = "preserved", .method = "GET", .path = "/v1/preserved",
		.right = RIGHT_READ, .roles = ON_SPOKE,
		.usage = "[PATH] [--group GROUP]",
		.summary = "on a spoke: what was replaced or deleted and can be restored",
		.help = "Lists the files that were replaced, deleted or found changed and are kept "
			"within preserve_quota, preserve_age and preserve_count, the newest first: the "
			"number of each version, what it was, its content, size, since when and why.",
		.args = {
			PLACE(1, "path", ARG_PATH, "PATH", "versions of this file only"),
			GROUP_OPTION,
		},
	},
	[CMD_RESTORE] = {
		.id = CMD_RESTORE, .word = "restore", .method = "POST", .path = "/v1/restore",
		.right = RIGHT_CHANGE, .roles = ON_SPOKE,
		.usage = "PATH [--version V] [--to PATH | --force | --release] [--group GROUP]",
		.summary = "on a spoke: bring a preserved version back",
		.help = "Puts a preserved version (the newest, or V of 'spokesync preserved': its "
			"number or the beginning of its root) in the place of the file, whole and at "
			"once; what lies there is preserved in its turn, and the version restored stays "
			"preserved. The hub is told and leaves it alone until it has a newer version of "
			"the file, or until --release. With --to it gets another name, at which nothing "
			"may lie, and which the hub does not touch. An image on which another one "
			"beside it rests is replaced only by the version that this one was made from, "
			"or with --force.",
		.args = {
			NEEDED(1, "path", ARG_PATH, "PATH", "what the file was called"),
			OPTION("version", ARG_TEXT, "V",
			       "number or root of the version (default: the newest)"),
			OPTION("to", ARG_PATH, "PATH", "under this name instead"),
			OPTION("force", ARG_FLAG, NULL, "though another image rests on it"),
			OPTION("release", ARG_FLAG, NULL,
			       "restore nothing: give the file back to the hub"),
			GROUP_OPTION,
		},
	},
};
/* clang-format on */
