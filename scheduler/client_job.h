/*
 * client_job.h: jobs and overrides in the forms that several commands print.
 */
#ifndef SPOKESYNC_SCHEDULER_CLIENT_JOB_H
#define SPOKESYNC_SCHEDULER_CLIENT_JOB_H

#include "scheduler/client.h"

int client_percent(const json_t *job); /* of its wire work, 0..100 */
/* State and reason in words: "waiting: window closed". Returns buf. */
const char *client_state(const json_t *job, char *buf, size_t size);
/* One line. */
void client_print_line(const json_t *job);
/* Two lines with a bar. */
void client_print_progress(const struct client *c, const json_t *job);
void client_print_override(const json_t *o);
/* Sentences, a line each and wrapped. */
void client_print_sentences(const struct client *c, const json_t *list);
/* Lines as they are, cleaned and indented by two. */
void client_print_lines(const json_t *list);

#endif
