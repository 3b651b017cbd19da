/* lab_process: puts the rooms together, says when they are ready, and runs until SIGTERM, SIGINT or the end of the
 * parent. */
#ifndef SSM_LAB_LAB_PROCESS_H
#define SSM_LAB_LAB_PROCESS_H

#include "tests/emulator/lab.h"

enum err lab_process_run(const struct lab_options *options) SSM_MUST_USE;

#endif
