/*
 * log.h: the daemon's own messages: stderr, with sd-daemon priorities under systemd. Every line
 * names its object. No secret is ever an argument.
 */
#ifndef SPOKESYNC_SCHEDULER_LOG_H
#define SPOKESYNC_SCHEDULER_LOG_H

#include "policy/base.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

void log_init(enum log_level most);
void log_at(enum log_level level, const char *fmt, ...) PRINTF(2, 3);
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
