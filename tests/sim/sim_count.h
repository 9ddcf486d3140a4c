/*
 * sim_count.h: what a run has seen, by kind. The words are printed as they stand here.
 */
#ifndef SPOKESYNC_TESTS_SIM_COUNT_H
#define SPOKESYNC_TESTS_SIM_COUNT_H

#define SIM_COUNT_LIST(X)                                                      \
	X(SPOKE_HOURS, "hours of spokes")                                      \
	X(PASSES, "passes")                                                    \
	X(JOBS, "jobs")                                                        \
	X(STARTS, "starts")                                                    \
	X(STOPS, "stops")                                                      \
	X(PUBLISHED, "published")                                              \
	X(SETS, "sets published")                                              \
	X(SUPERSEDED, "superseded")                                            \
	X(GREETS, "greetings")                                                 \
	X(MBYTES, "MB moved")                                                  \
	X(IDLE, "wake-ups for nothing")                                        \
	X(FAULT_LOST, "fault: spokes lost")                                    \
	X(FAULT_FLAP, "fault: spokes that flap")                               \
	X(FAULT_SLOW, "fault: links gone slow")                                \
	X(FAULT_PUSH, "fault: pushes that fail")                               \
	X(FAULT_KEY, "fault: keys refused, and mended")                        \
	X(FAULT_FULL, "fault: disks full, and cleared")                        \
	X(FAULT_ZONE, "fault: zones changed, unknown or mended")               \
	X(FAULT_SOURCE, "fault: sources changed while they were sent")         \
	X(FAULT_CLOCK, "fault: clocks set")                                    \
	X(FAULT_RESTART, "fault: hubs killed")                                 \
	X(FAULT_UNHEARD, "fault: publications the killed hub did not hear of") \
	X(RELOADS, "reloads")                                                  \
	X(DELETED, "deletions")                                                \
	X(OVERRIDES, "overrides given")                                        \
	X(OVERRIDES_ENDED, "overrides ended by command")                       \
	X(PERSONS, "cancels and retries")                                      \
	X(CHECK_JOBS, "checked: states and reasons of jobs")                   \
	X(CHECK_SEGMENTS, "checked: segments for open windows")                \
	X(CHECK_SUMS, "checked: sums of rates against limits")                 \
	X(CHECK_STARTS, "checked: starts against those that wait")             \
	X(CHECK_SPOKES, "checked: spokes for greetings in time")               \
	X(CHECK_WANTED, "checked: files for a job or a copy")

enum sim_count {
#define X(name, text) COUNT_##name,
	SIM_COUNT_LIST(X)
#undef X
		SIM_COUNTS
};

#endif
