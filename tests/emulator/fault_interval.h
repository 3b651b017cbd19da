/* fault_interval: faults that strike again and again, at the intervals in the fault settings: connections that end, and
 * storms of pause_publication and start_publication. */
#ifndef SSM_LAB_FAULT_INTERVAL_H
#define SSM_LAB_FAULT_INTERVAL_H

#include "tests/emulator/lab.h"

struct fault_intervals;

enum err fault_interval_new(struct lab *lab, struct fault_intervals **ret_intervals) SSM_MUST_USE;
void fault_interval_free(struct fault_intervals *intervals);

/* Re-reads the settings: every interval begins anew. */
void fault_interval_update(struct fault_intervals *intervals);

#endif
