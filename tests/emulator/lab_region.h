/* lab_region: which of ssm-lab's regions a request is for. */
#ifndef SSM_LAB_LAB_REGION_H
#define SSM_LAB_LAB_REGION_H

#include "tests/emulator/http_request.h"
#include "tests/emulator/lab.h"

/* By the host that it was sent to, when that is an AWS name with a region, as seen through the proxy; else by the
 * region that it was signed for. The lab's first region when neither names one of the lab's: the signature is then
 * refused. Never NULL; borrowed from the options. */
const char *lab_region(const struct lab *lab, const struct http_request *request);

#endif
