/* node_control: GET and POST of /lab/nodes: what happens to machines while ssm-lab runs: another one takes the place of
 * one that is gone, names are exchanged, ports lead elsewhere, consoles say something. */
#ifndef SSM_LAB_NODE_CONTROL_H
#define SSM_LAB_NODE_CONTROL_H

#include <jansson.h>

#include "tests/emulator/lab.h"

/* `object` is the body of a POST, NULL for GET. The caller owns the answer; an HTTP status other than 200 comes with
 * {"error":...}. */
json_t *node_control(struct lab *lab, json_t *object, int *ret_status);

#endif
