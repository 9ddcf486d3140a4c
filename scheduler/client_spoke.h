/*
 * client_spoke.h: the status of a daemon with role = spoke, for people.
 */
#ifndef SPOKESYNC_SCHEDULER_CLIENT_SPOKE_H
#define SPOKESYNC_SCHEDULER_CLIENT_SPOKE_H

#include "scheduler/client.h"

/* Its groups as a table, and what is on its way in, with bars. */
void client_print_spoke(const struct client *c, const json_t *status);

#endif
